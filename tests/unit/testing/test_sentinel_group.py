"""Primaries, replicas and sentinels in the test's own process."""

from __future__ import annotations

import hiredis
import pytest
import redis
import redis.asyncio

from pyredis_cluster import SentinelGroup, virtual_time
from pyredis_cluster.testing.node import until

DOWN_AFTER_MS = 5000


@pytest.mark.slow
@virtual_time
async def test_client_finds_the_new_primary_after_the_old_one_was_killed() -> None:
    async with SentinelGroup(down_after_ms=DOWN_AFTER_MS) as group:
        assert (len(group.replicas), len(group.sentinels)) == (2, 3)
        async with group.client(decode_responses=True) as client:
            await client.set("key", "value")
            lost = group.primary
            lost.kill()
            await group.wait_ready()
            assert group.primary is not lost
            assert await client.get("key") == "value"
            await lost.restart()
            await group.wait_ready()
            assert lost.is_replica
            assert lost.run("GET", "key") == b"value"
            await group.reset()
            assert group.primary is lost
            assert await client.get("key") is None


@pytest.mark.slow
def test_without_a_loop() -> None:
    with SentinelGroup(replicas=1, sentinels=1, quorum=1, master_name="other") as group:
        assert group.primary is group.servers[0]
        with group.client() as client:
            client.set("key", "value")
            group.fail_over()
            assert group.primary is group.servers[1]
            assert group.replicas == [group.servers[0]]
            assert client.get("key") == b"value"
        sentinel = group.sentinel_client()
        found = sentinel.discover_master("other")  # type: ignore[no-untyped-call]
        assert found == group.addresses[1]
        assert group.sentinels[0].run("SENTINEL", "CKQUORUM", "other").startswith(b"OK 1 usable Sentinels")
        for each in sentinel.sentinels:
            each.close()


@virtual_time
async def test_primary_that_sentinels_cannot_reach_is_replaced_and_follows_when_it_is_back() -> None:
    async with SentinelGroup(down_after_ms=DOWN_AFTER_MS) as group:
        old = group.primary
        rest = [node for node in group.nodes if node is not old]
        group.partition([old], rest)
        await until(lambda: group.primary is not old, 30, "another server is primary")
        assert old.run("SET", "key", "lost") == b"OK"
        group.heal()
        await group.wait_ready()
        assert old.is_replica
        assert old.run("GET", "key") is None


@virtual_time
async def test_options_of_servers_and_sentinels() -> None:
    group = SentinelGroup(
        replicas=0,
        config={"maxmemory": "10mb", "requirepass": "secret"},
        sentinel_config={"auth_pass": "secret", "parallel-syncs": 2, "requirepass": "other"},
    )
    async with group:
        assert group.primary.run("CONFIG", "GET", "maxmemory")[1] == str(10 << 20).encode()
        async with redis.asyncio.Redis(port=group.sentinels[0].port, password="other") as client:
            told = await client.execute_command("SENTINEL MASTER", "mymaster")  # type: ignore[no-untyped-call]
            assert told["parallel-syncs"] == 2
        with pytest.raises(hiredis.ReplyError, match="NOGOODSLAVE"):
            await group.fail_over()


def test_files_are_in_memory() -> None:
    with pytest.raises(ValueError, match="in memory"):
        SentinelGroup(config={"dir": "/tmp"})


def test_directives_are_checked() -> None:
    with pytest.raises(ValueError, match="there is no directive 'no-such'"):
        SentinelGroup(sentinel_config={"no-such": 1}).__enter__()
