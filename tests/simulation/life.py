"""One life of a cluster, from its seed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from pyredis_cluster.testing.simulation.world import SimulatedWorld
from tests.simulation.checkers import Invariants
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.faults import Faults
from tests.simulation.workload import Promotions, Writer, check_writes

_LATENCY_S = 0.2
_HEAL_S = 60.0
"""Within so many virtual seconds after the last fault all must be well: elections that failed are repeated
after four node timeouts, connection attempts every few seconds."""


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    promotions: int = 0
    acknowledged: int = 0
    lost: int = 0
    """Writes that failovers have cost."""
    healed_s: float = 0.0
    virtual_s: float = 0.0


def live(seed: int, *, steps: int = 10) -> Outcome:
    """Raises AssertionError, with seed and latest events, where something is not as it must be."""
    random = Random(seed)
    outcome = Outcome()
    with SimulatedWorld(seed) as world:
        cluster = SimulatedCluster(
            world,
            primaries=random.choice((3, 3, 3, 4, 5)),
            replicas=random.choice((1, 1, 1, 2)) if seed % 5 else 0,
            node_timeout_ms=random.choice((200, 500, 1000)),
        )
        world.network.quality.jitter_s = random.choice((0.0, 0.002))
        try:
            world.run(_live(cluster, random, steps, outcome))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{world.story()}") from error
        outcome.virtual_s = world.now_s
    return outcome


async def _live(cluster: SimulatedCluster, random: Random, steps: int, outcome: Outcome) -> None:
    world = cluster.world
    await cluster.form(by_meeting=world.seed % 16 == 0)
    # In some lives only servers fail: there is more to be said of what must not happen then.
    links_fail = cluster.world.seed % 4 != 3
    promotions = Promotions(cluster)
    faults = Faults(cluster, random, links=links_fail)
    invariants = Invariants(cluster, None if links_fail else faults.longest_pause_s + _LATENCY_S)
    watching = asyncio.ensure_future(invariants.watch())
    writers = [Writer(cluster, number, keys=5) for number in range(3)]
    tasks = [asyncio.ensure_future(writer.run()) for writer in writers]
    timeout_s = cluster.node_timeout_ms / 1000
    for _ in range(steps if links_fail else 2 * steps):
        world.note("", "-- " + await faults.next())
        await asyncio.sleep(random.choice((0.01, 0.3, 1.0, 2.5)) * timeout_s)
        invariants.check()
        promotions.look()
    world.note("", "-- all is healed")
    await faults.end()
    healed_s = world.now_s
    await world.until(cluster.is_serving, _HEAL_S)
    for writer in writers:
        writer.is_stopping = True
    await asyncio.gather(*tasks)
    await world.until(cluster.is_well, _HEAL_S)
    outcome.healed_s = world.now_s - healed_s
    watching.cancel()
    invariants.check()
    invariants.check_end()
    promotions.look()
    outcome.promotions = len(promotions.times_s)
    outcome.acknowledged = sum(len(key.acknowledged) for writer in writers for key in writer.keys)
    outcome.lost = check_writes(cluster, writers, promotions, window_s=faults.longest_pause_s + 5 * timeout_s)
