"""Time that tests move: what would happen within it has happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from pyredis_cluster import Cluster, SentinelGroup, Server, virtual_time
from pyredis_cluster.testing.awaitable import AwaitableNode
from pyredis_cluster.testing.blocking import BlockingNode
from pyredis_cluster.testing.loop_thread import LoopThread
from pyredis_cluster.testing.pool import Pool

DAY_S = 86_400


class TestServer:
    async def test_a_key_that_expires_in_a_year(self) -> None:
        async with Server(config={"notify-keyspace-events": "Ex"}) as server, server.client() as client:
            await client.set("key", "value", ex=365 * DAY_S)
            channel = client.pubsub(ignore_subscribe_messages=True)
            await channel.subscribe("__keyevent@0__:expired")
            await server.clock.advance(days=364)
            assert await client.ttl("key") in range(DAY_S - 5, DAY_S + 1)
            await server.clock.advance(days=1, seconds=1)
            # It is gone by itself: nobody has asked for it.
            assert await client.dbsize() == 0
            message = None
            while message is None:
                message = await channel.get_message(timeout=5)
            assert message["data"] == b"key"
            await channel.aclose()  # type: ignore[no-untyped-call]

    async def test_what_servers_tell_of_time_follows(self) -> None:
        async with Server() as server, server.client() as client:
            await client.set("key", "value")
            await server.clock.advance(hours=1)
            assert (await client.time())[0] == pytest.approx(time.time() + 3600, abs=5)
            assert server.clock.time() == pytest.approx(time.time() + 3600, abs=5)
            assert await client.object("IDLETIME", "key") in range(3600, 3605)
            assert (await client.info("server"))["uptime_in_seconds"] in range(3600, 3605)

    async def test_long_waits_end_in_order(self) -> None:
        async with Server() as server:
            ended: list[int] = []

            async def wait(days: int) -> None:
                async with server.client(socket_timeout=None) as client:
                    assert await client.blpop([f"list:{days}"], timeout=days * DAY_S) is None
                ended.append(days)

            waiting = [asyncio.create_task(wait(days)) for days in (300, 2, 30)]
            async with server.client() as client:
                while (await client.info("clients"))["blocked_clients"] < 3:
                    await client.ping()
            await server.clock.advance(days=299)
            await asyncio.wait(waiting[1:], timeout=5)
            assert ended == [2, 30]
            await server.clock.advance(days=1)
            await asyncio.wait_for(waiting[0], 5)

    async def test_idle_clients_are_closed(self) -> None:
        async with Server(config={"timeout": 300}) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"PING\r\n")
            assert await reader.readline() == b"+PONG\r\n"
            await server.clock.advance(minutes=10)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()

    async def test_time_stands_still(self) -> None:
        async with Server() as server, server.client() as client:
            server.clock.freeze()
            await client.set("key", "value", px=20)
            moments = [await client.time()]
            await asyncio.sleep(0.03)
            assert await client.pttl("key") == 20
            moments.append(await client.time())
            assert moments[0] == moments[1]
            await server.clock.advance(0.015)
            assert await client.pttl("key") == 5
            server.clock.unfreeze()
            while await client.exists("key"):
                pass

    async def test_what_is_no_time(self) -> None:
        async with Server() as server:
            for seconds in (-1, float("nan"), float("inf")):
                with pytest.raises(ValueError, match="time can be moved on by some seconds"):
                    await server.clock.advance(seconds)
            first = asyncio.create_task(server.clock.advance(60))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="being moved already"):
                await server.clock.advance(60)
            await first

    async def test_what_would_take_for_ever_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pyredis_cluster.testing.clock._MOST_JUMPS", 5)
        async with Server() as server:

            def again() -> None:
                server.server.call_later(5000, again)

            again()
            with pytest.raises(RuntimeError, match=r"time was moved no further.*each for some seconds"):
                await server.clock.advance(days=365)

    def test_blocking(self) -> None:
        with Server() as server, server.client() as client:
            client.set("key", "value", ex=60)
            server.clock.advance(minutes=1)
            assert client.get("key") is None
            server.clock.freeze()
            assert server.clock.time() == server.clock.time()
            server.clock.unfreeze()

    def test_who_is_lent_a_server_has_the_real_time(self) -> None:
        pool = Pool(LoopThread())
        try:
            for _ in range(2):
                with pool.lend(Server, {}) as lent:
                    server = BlockingNode(lent.nodes[0], pool.thread)
                    assert server.clock.time() == pytest.approx(time.time(), abs=5)
                    server.clock.advance(days=1)
                    assert server.clock.time() == pytest.approx(time.time() + DAY_S, abs=5)
        finally:
            pool.close()

    async def test_from_another_loop(self) -> None:
        pool = Pool(LoopThread())
        try:
            with pool.lend(Server, {}) as lent:
                server = AwaitableNode(lent.nodes[0], pool.thread)
                await server.clock.advance(days=1)
                assert server.clock.time() == pytest.approx(time.time() + DAY_S, abs=5)
        finally:
            pool.close()


def _worries(servers: Cluster | SentinelGroup) -> list[str]:
    """Lines of logs that tell of somebody who was not heard of, or of a connection that ended."""
    words = ("ail", "imeout", "imedout", "lost", "+sdown", "+tilt", "isconnect", "reboot")
    lines = [line for node in servers.nodes for line in node.log]
    return [line for line in lines if any(word in line for word in words)]


def _forget_logs(servers: Cluster | SentinelGroup) -> None:
    for node in servers.nodes:
        node.log.clear()


@pytest.mark.slow
class TestCluster:
    async def test_a_failover_takes_the_time_it_takes(self) -> None:
        async with Cluster(node_timeout_ms=15_000) as cluster, cluster.client() as client:
            await client.set("key", "value")
            lost = cluster.node_for("key")
            lost.kill()
            await cluster.clock.advance(seconds=14)
            assert len(cluster.primaries) == 2
            await cluster.clock.advance(seconds=16)
            assert cluster.node_for("key") is not lost
            assert all(node.core.ok for node in cluster.nodes if node.is_up)
            assert await client.get("key") == b"value"

    async def test_nobody_is_taken_for_dead_in_a_year(self) -> None:
        async with Cluster() as cluster:
            cluster.node_for("key").run("SET", "key", "value", "EX", 365 * DAY_S)
            _forget_logs(cluster)
            for days in (300, 65):
                await cluster.clock.advance(days=days, seconds=1)
                assert not _worries(cluster)
                await cluster.wait_ready(limit_s=5)
            # Its replica was told as well.
            assert [node.run("DBSIZE") for node in cluster.nodes] == [0] * 6

    async def test_pauses_end_within_it(self) -> None:
        async with Cluster(node_timeout_ms=15_000) as cluster:
            napping, asleep = cluster.nodes[0], cluster.nodes[1]
            napping.pause(10)
            asleep.pause()
            await cluster.clock.advance(seconds=60)
            assert not napping.is_paused
            assert not napping.is_replica
            assert asleep.is_paused
            assert cluster.nodes[4] in cluster.primaries
            asleep.resume()
            await cluster.wait_ready()
            assert asleep.is_replica

    async def test_faults_of_connections_take_its_time(self) -> None:
        async with Cluster(node_timeout_ms=15_000) as cluster:
            for node in cluster.nodes:
                node.faults.wire(wires=["bus", "replication"], latency_ms=200)
            await cluster.clock.advance(seconds=60)
            assert not _worries(cluster)
            cluster.partition(cluster.nodes[:1], cluster.nodes[1:])
            await cluster.clock.advance(seconds=60)
            assert not cluster.nodes[0].core.ok
            assert cluster.nodes[3] in cluster.primaries

    def test_a_reset_sets_it_back(self) -> None:
        with Cluster(primaries=1) as cluster:
            cluster.clock.advance(days=1)
            cluster.reset()
            assert cluster.clock.time() == pytest.approx(time.time(), abs=5)
            with cluster.client() as client:
                client.set("key", "value", exat=int(time.time()) + 60)
                assert client.get("key") == b"value"


@pytest.mark.slow
class TestSentinelGroup:
    async def test_a_failover_is_over(self) -> None:
        async with SentinelGroup(down_after_ms=15_000) as group:
            lost = group.primary
            lost.kill()
            await group.clock.advance(seconds=40)
            assert group.primary is not lost
            await group.wait_ready()

    async def test_a_month_is_no_reason_for_alarm(self) -> None:
        async with SentinelGroup(config={"repl-timeout": 10}) as group:
            _forget_logs(group)
            await group.clock.advance(days=30)
            assert not _worries(group)


class TestVirtualTime:
    @virtual_time
    async def test_a_year(self) -> None:
        loop = asyncio.get_running_loop()
        async with Cluster() as cluster, cluster.client() as client:
            await client.set("key", "value", ex=365 * DAY_S)
            waiting = asyncio.create_task(asyncio.sleep(100 * DAY_S))
            _forget_logs(cluster)
            await cluster.clock.advance(days=364)
            assert waiting.done()
            assert loop.time() == pytest.approx(364 * DAY_S, abs=1)
            assert await client.get("key") == b"value"
            await cluster.clock.advance(days=1)
            assert await client.get("key") is None
            assert not _worries(cluster)

    @virtual_time
    async def test_several_at_once(self) -> None:
        async with Server() as one, Server() as other, Redis(port=other.port) as client:
            await client.set("key", "value", ex=300 * DAY_S)
            await one.clock.advance(days=300)
            assert other.clock.time() == one.clock.time()
            assert await client.get("key") is None

    @virtual_time
    async def test_needs_no_freezing(self) -> None:
        async with Server() as server:
            calls: list[Callable[[], None]] = [server.clock.freeze, server.clock.unfreeze]
            for call in calls:
                with pytest.raises(RuntimeError, match="needs no freezing"):
                    call()
