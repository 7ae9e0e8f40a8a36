"""A failover in simulated time: how long it takes, and what a primary does that slept through it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import hiredis
import pytest

from pyredis_cluster.testing.simulation.world import SimulatedWorld
from tests.simulation.cluster import SimulatedCluster

pytestmark = pytest.mark.slow

DEFAULT_TIMEOUT_MS = 15_000
# It takes a fifth of that.
CPU_LIMIT_S = 0.7
# In the slots of the last of three primaries.
KEY = "key:{a}"


@pytest.fixture
def world() -> Iterator[SimulatedWorld]:
    with SimulatedWorld(seed=1) as world:
        yield world


def cluster_of_six(world: SimulatedWorld, *, node_timeout_ms: int) -> SimulatedCluster:
    return SimulatedCluster(world, primaries=3, replicas=1, node_timeout_ms=node_timeout_ms)


def test_a_failover_at_the_default_node_timeout(world: SimulatedWorld) -> None:
    cluster = cluster_of_six(world, node_timeout_ms=DEFAULT_TIMEOUT_MS)

    async def scenario() -> tuple[float, float]:
        await cluster.form(by_meeting=False)
        cluster.hosts[0].kill()
        virtual_s, cpu_s = world.now_s, time.process_time()
        await cluster.wait_for_successor(cluster.hosts[0])
        return world.now_s - virtual_s, time.process_time() - cpu_s

    virtual_s, cpu_s = world.run(scenario())
    print(f"{virtual_s:.1f} virtual seconds in {1000 * cpu_s:.0f} ms")
    # The timeout, the agreement, and the replica's turn to be elected.
    assert 15.5 < virtual_s < 25
    assert cpu_s < CPU_LIMIT_S


def test_who_slept_while_replaced_acknowledges_nothing(world: SimulatedWorld) -> None:
    cluster = cluster_of_six(world, node_timeout_ms=1000)
    primary, replica = cluster.hosts[2], cluster.hosts[5]

    async def scenario() -> list[object]:
        await cluster.form(by_meeting=False)
        early = await world.connect(primary)
        assert await early.call("SET", KEY, "before") == b"OK"
        primary.pause(seconds=10)
        waiting = [asyncio.create_task(early.call("SET", KEY, "early", timeout_s=30))]
        await cluster.wait_for_successor(primary)
        late = await world.connect(primary)
        waiting.append(asyncio.create_task(late.call("SET", KEY, "late", timeout_s=30)))
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    for reply in world.run(scenario()):
        assert isinstance(reply, hiredis.ReplyError)
        assert str(reply).startswith("MOVED ")
        assert str(reply).endswith(f" {replica.address}:{replica.port}")
