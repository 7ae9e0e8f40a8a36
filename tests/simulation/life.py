"""One life of a cluster, from its seed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from pyredis_cluster.testing.simulation.world import SimulatedWorld
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.faults import Faults
from tests.simulation.resharding import Administrator
from tests.simulation.rules import AcknowledgedWritesStay
from tests.simulation.watch import Watch
from tests.simulation.workload import Writer, check_writes

_SHAPES = {
    (3, 0): 4,
    (4, 0): 2,
    (5, 0): 1,
    (3, 1): 20,
    (4, 1): 3,
    (5, 1): 1,
    (6, 1): 1,
    (3, 2): 2,
    (4, 2): 1,
    (3, 3): 1,
}
"""Primaries and replicas of each → how often. What a life costs grows with the square of the nodes."""

_KEYS_OF_WRITER = 6
_EMPTY_SLOTS = (0, 5461, 16383)
_BARE = 0.5
"""The share of lives without links failing in which no failover helps, and a majority is three of four: an
old report of a failure would matter there.
"""
_STEPS = (0.02, 0.3, 1.0, 1.6)
"""What lies between faults, in node timeouts with an election each."""
_WRITERS = 2
_ELECTION_S = 0.5
_POLL_S = 0.05
_HEAL_S = 60.0
"""Within so many virtual seconds after the last fault all must be well: elections that failed are repeated
after four node timeouts, connection attempts every few seconds."""

_PROMOTED = re.compile(
    r"Failover election won|Taking over the master|configEpoch updated after successful failover"
)


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    nodes: int = 0
    promotions: int = 0
    moves: int = 0
    acknowledged: int = 0
    lost: int = 0
    """Writes that failovers have cost."""
    healed_s: float = 0.0
    virtual_s: float = 0.0


def live(seed: int, *, steps: int = 7) -> Outcome:
    """Raises AssertionError, with seed and latest events, where something is not as it must be."""
    with _without_collector():
        return _live_in_world(seed, steps)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """A life makes some 20 MB of garbage, and looking for it over and over takes a sixth of the time."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()


def _live_in_world(seed: int, steps: int) -> Outcome:
    random = Random(seed)
    outcome = Outcome()
    # In some lives only servers fail: there is more to be said of what must not happen then.
    links_fail = seed % 4 != 3
    with SimulatedWorld(seed) as world:
        [(primaries, replicas)] = random.choices(list(_SHAPES), list(_SHAPES.values()))
        if not links_fail and random.random() < _BARE:
            primaries, replicas = 4, 0
            steps *= 2
        cluster = SimulatedCluster(
            world,
            primaries=primaries,
            replicas=replicas,
            node_timeout_ms=random.choice((250, 1000, 1000, 2000) if links_fail else (250, 500)),
        )
        outcome.nodes = len(cluster.hosts)
        world.network.quality.jitter_s = random.choice((0.0, 0.002))
        try:
            world.run(_live(cluster, random, steps, outcome, links_fail=links_fail))
        except Exception as error:
            how = f"to repeat it: python -m tests.simulation {seed}"
            raise AssertionError(f"seed {seed}: {error!r}\n{world.story()}\n{how}") from error
        outcome.virtual_s = world.now_s
    return outcome


async def _live(
    cluster: SimulatedCluster, random: Random, steps: int, outcome: Outcome, *, links_fail: bool
) -> None:
    world = cluster.world
    await cluster.form(by_meeting=world.seed % 16 == 0)
    faults = Faults(cluster, random, links=links_fail)
    watch = Watch(cluster, links_fail=links_fail)
    timeout_s = cluster.node_timeout_ms / 1000
    writes = AcknowledgedWritesStay(faults.longest_pause_s + 5 * timeout_s)

    def observe(time_s: float, address: str, what: str) -> None:
        if _PROMOTED.search(what):
            writes.promoted(time_s, watch.data_age_s(address))
        elif "configEpoch collision" in what:
            writes.collided(time_s)

    world.observers.append(observe)
    writers = [
        Writer(cluster, Random(random.random()), number, keys=_KEYS_OF_WRITER, pause_s=timeout_s / 5)
        for number in range(_WRITERS)
    ]
    slots = [*{key.slot for writer in writers for key in writer.keys}, *_EMPTY_SLOTS]
    admin = Administrator(cluster, Random(random.random()), slots)
    watching = asyncio.ensure_future(watch.run())
    writing = [asyncio.ensure_future(writer.run()) for writer in writers]
    resharding = asyncio.ensure_future(admin.run(timeout_s))
    for _ in range(steps):
        world.note("", "-- " + await faults.next())
        await asyncio.sleep(random.choice(_STEPS) * (timeout_s + _ELECTION_S))
        watch.check()
    resharding.cancel()
    world.note("", "-- all is healed")
    await faults.end()
    healed_s = world.now_s
    await admin.close_slots()
    try:
        await world.until(cluster.is_serving, _HEAL_S, _POLL_S)
    except TimeoutError:
        # A node that was paused may have opened another one: the request had waited for it.
        await admin.close_slots()
        await admin.cover_slots()
        await world.until(cluster.is_serving, _HEAL_S, _POLL_S)
    await admin.bring_keys_home()
    for writer in writers:
        writer.is_stopping = True
    await asyncio.gather(*writing)
    await world.until(cluster.is_well, _HEAL_S, _POLL_S)
    outcome.healed_s = world.now_s - healed_s
    watching.cancel()
    watch.check()
    watch.check_end()
    check_writes(cluster, writers, admin.moved_s, writes)
    outcome.promotions = len(writes.promotions)
    outcome.moves = admin.moves
    outcome.acknowledged = sum(len(key.acknowledged) for writer in writers for key in writer.keys)
    outcome.lost = writes.lost
