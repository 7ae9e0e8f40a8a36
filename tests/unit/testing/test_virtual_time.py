"""Tests of users in virtual time: unchanged clients, servers and clusters.

`PYREDIS_TEST_FAILOVERS=100` repeats the failover with so many seeds.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time

import pytest
from redis.asyncio import Redis

from pyredis_cluster import Cluster, SentinelGroup, Server, virtual_time
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.testing.awaitable import AwaitableNode
from pyredis_cluster.testing.loop_thread import LoopThread
from pyredis_cluster.testing.pool import Pool
from pyredis_cluster.testing.simulation.loop import DeadlockError

SEEDS = int(os.environ.get("PYREDIS_TEST_FAILOVERS", "10"))


def now_s() -> float:
    """Virtual time."""
    return asyncio.get_running_loop().time()


async def follow_a_failover() -> str:
    """A client goes on when a primary has been replaced; what the servers tell of it."""
    async with Cluster(node_timeout_ms=15_000) as cluster, cluster.client() as client:
        await client.set("key", "value")
        lost = cluster.node_for("key")
        lost.kill()
        await cluster.wait_ready()
        assert 15 < now_s() < 30
        assert cluster.node_for("key") is not lost
        assert await client.get("key") == b"value"
        assert await client.incr("number") == 1
        return cluster.log


@pytest.mark.slow
def test_fifteen_seconds_of_failover_in_virtual_time() -> None:
    for seed in range(SEEDS):
        virtual_time.run(follow_a_failover(), seed=seed)


@pytest.mark.slow
def test_a_seed_repeats_and_others_differ() -> None:
    stories = [
        # The log tells the real process id.
        re.sub(
            rf"\b{os.getpid()}\b", "pid", virtual_time.run(follow_a_failover(), seed=seed, unix_time_s=10**9)
        )
        for seed in (7, 7, 8)
    ]
    assert stories[0] == stories[1] != stories[2]


@virtual_time
async def test_expiry_follows() -> None:
    async with Server() as server, server.client() as client:
        await client.set("key", "value", ex=60)
        # Servers' clocks begin with the real time, so that absolute times of clients make sense.
        await client.set("other", "value", exat=int(time.time()) + 120)
        await asyncio.sleep(59)
        assert await client.get("key") == b"value"
        await asyncio.sleep(2)
        assert await client.mget("key", "other") == [None, b"value"]
        await asyncio.sleep(62)
        assert await client.get("other") is None


@virtual_time
async def test_faults_take_virtual_time() -> None:
    async with Cluster(primaries=3, replicas_per_primary=0) as cluster:
        node = cluster.nodes[0]
        async with node.client() as client:
            node.faults.wire(wires=["client"], latency_ms=2000)
            began_s = now_s()
            await client.ping()
            # What is sent, and what comes back, and a greeting at first.
            assert now_s() - began_s > 4
            node.faults.heal()
        node.pause(40)
        await asyncio.sleep(30)
        assert not cluster.nodes[1].core.ok
        await cluster.wait_ready()
        assert node.is_up
        assert not node.is_paused


@virtual_time
async def test_a_partition_takes_virtual_time() -> None:
    async with Cluster(primaries=3, replicas_per_primary=1) as cluster:
        minority = [cluster.nodes[0]]
        cluster.partition(minority, cluster.nodes[1:])
        await asyncio.sleep(40)
        assert not minority[0].core.ok
        assert cluster.nodes[3].core.ok
        assert not cluster.nodes[3].is_replica
        cluster.heal()
        await cluster.wait_ready()
        assert minority[0].is_replica


@pytest.mark.parametrize("seed", [1, 2])
@virtual_time(seed=5)
async def test_fixtures_and_parameters_are_pytests(seed: int, tmp_path: object) -> None:
    await asyncio.sleep(100 * seed)
    assert tmp_path
    assert now_s() == pytest.approx(100 * seed)


class TestOfAClass:
    @virtual_time
    async def test_methods_too(self) -> None:
        await asyncio.sleep(1)
        assert now_s() == pytest.approx(1)


def test_result_and_chance() -> None:
    async def draw() -> tuple[float, object]:
        async with Server() as server, Redis(host="localhost", port=server.port) as client:
            await client.sadd("set", *range(100))
            return random.random(), await client.srandmember("set")

    state = random.getstate()
    assert virtual_time.run(draw(), seed=1) == virtual_time.run(draw(), seed=1)
    assert virtual_time.run(draw(), seed=1) != virtual_time.run(draw(), seed=2)
    assert random.getstate() == state


def test_who_waits_in_vain_is_told() -> None:
    async def wait() -> None:
        async with Server() as server, Redis(port=server.port, socket_timeout=None) as client:
            await client.blpop(["list"], 0)

    with pytest.raises(
        DeadlockError, match=r"(?s)limit_s=30 s of virtual time.*Who waits:\n  .*wait \(.*parse_response"
    ) as caught:
        virtual_time.run(wait(), seed=4, limit_s=30.0)
    assert any("seed=4" in note for note in caught.value.__notes__)


def test_what_cannot_be_in_virtual_time() -> None:
    async def use_a_thread() -> None:
        with Server():
            pass

    async def use_files() -> None:
        async with Server(config={"dir": "/tmp"}):
            pass

    with pytest.raises(RuntimeError, match="runs in real time, which a test in virtual time cannot wait for"):
        virtual_time.run(use_a_thread())
    with pytest.raises(ValueError, match="in virtual time files are in memory"):
        virtual_time.run(use_files())
    with pytest.raises(TypeError, match="for coroutine functions"):
        virtual_time(lambda: None)  # type: ignore[arg-type, return-value]


async def test_it_has_a_loop_of_its_own() -> None:
    with pytest.raises(RuntimeError, match="cannot begin inside another one"):
        virtual_time.run(asyncio.sleep(1))


def test_servers_of_fixtures_are_told_apart() -> None:
    pool = Pool(LoopThread())
    try:
        with pool.lend(Server, {}) as lent:
            restart = AwaitableNode(lent.nodes[0], pool.thread).restart

            async def wait() -> None:
                await restart()

            with pytest.raises(RuntimeError, match="runs in real time"):
                virtual_time.run(wait())
    finally:
        pool.close()


@pytest.mark.slow
@virtual_time
async def test_sentinels_watch_in_virtual_time() -> None:
    async with SentinelGroup(down_after_ms=10_000) as group, group.client() as client:
        await client.set("key", "value")
        await group.wait_ready()
        lost = group.primary
        lost.kill()
        await group.wait_ready()
        assert 10 < now_s() < 60
        assert group.primary is not lost
        assert await client.get("key") == b"value"


@virtual_time
async def test_sentinels_start_no_programs() -> None:
    with pytest.raises(StartError, match="non existing or non executable"):
        async with SentinelGroup(sentinel_config={"notification-script": "/bin/true"}):
            pass
