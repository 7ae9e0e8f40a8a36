"""FAULT NODE and PARTITION: what clients may have befall the nodes beside theirs."""

from __future__ import annotations

import asyncio

import pytest

from pyredis_cluster import Cluster, Server, virtual_time
from pyredis_cluster.testing.node import until
from tests.support.inloop import peer
from tests.support.wire import ConnectionClosedError

ENABLED: dict[str, str | int | bool] = {"enable-fault-command": "yes"}
LIMIT_S = 30


async def test_nodes_are_killed_and_started() -> None:
    async with Cluster(primaries=2, replicas_per_primary=0, config=ENABLED) as cluster:
        node, other = cluster.nodes
        async with peer(node.port) as client:
            assert await client.call("FAULT", "NODE", other.port, "KILL") == b"+OK\r\n"
            assert other not in cluster.primaries
            assert await client.call("FAULT", "NODE", other.port, "START") == b"+OK\r\n"
            async with peer(other.port) as served:
                assert await served.call("PING") == b"+PONG\r\n"
            assert await client.call("FAULT", "NODE", other.port, "RESTART") == b"+OK\r\n"
            assert other.is_up
            down = b"-ERR the node on port %d is running\r\n" % other.port
            assert await client.call("FAULT", "NODE", other.port, "START") == down
        async with peer(other.port) as served:
            with pytest.raises(ConnectionClosedError):
                await served.call("FAULT", "NODE", other.port, "RESTART")
        await until(lambda: other.is_up, LIMIT_S, "it has started again")


async def test_nodes_are_paused() -> None:
    async with Cluster(primaries=2, replicas_per_primary=0, config=ENABLED) as cluster:
        node, other = cluster.nodes
        async with peer(node.port) as client:
            assert await client.call("FAULT", "NODE", other.port, "PAUSE") == b"+OK\r\n"
            assert other.is_paused
            assert await client.call("FAULT", "NODE", other.port, "RESUME") == b"+OK\r\n"
            await until(lambda: not other.is_paused, LIMIT_S, "it goes on")
            assert await client.call("FAULT", "NODE", other.port, "PAUSE", "20") == b"+OK\r\n"
            await until(lambda: not other.is_paused, LIMIT_S, "the pause is over")


@virtual_time
async def test_partitions() -> None:
    async with Cluster(primaries=3, node_timeout_ms=1000, config=ENABLED) as cluster:
        lost, node, *_ = cluster.nodes
        assert node.run("FAULT", "PARTITION", lost.port) == b"OK"
        await until(lambda: not lost.core.ok, LIMIT_S, "the minority does not serve")
        await until(lambda: not cluster.nodes[3].is_replica, LIMIT_S, "its replica is promoted")
        cluster.nodes[4].pause()
        assert node.run("FAULT", "HEAL", "ALL") == 10
        await cluster.wait_ready()
        assert lost.is_replica
        assert not cluster.nodes[4].is_paused
        assert node.run("FAULT", "PARTITION", lost.port, node.port, "ONEWAY") == b"OK"
        for fault in lost.run("FAULT", "LIST"):
            assert fault[fault.index(b"blocks") :][:2] == [b"blocks", b"out"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("NODE 1 KILL", "there is no node on port 1 in this process"),
        ("NODE here KILL", "a node is named by its port"),
        ("NODE {port} STOP", "syntax error"),
        ("NODE {port} KILL now", "syntax error"),
        ("NODE {port} PAUSE 0", "PAUSE takes milliseconds"),
        ("NODE {port} PAUSE 1 2", "syntax error"),
        ("NODE {port} START", "the node on port {port} is running"),
        ("PARTITION ONEWAY", "syntax error"),
        ("PARTITION {port} 1", "there is no node on port 1"),
        ("CLOCK ADVANCE -1", "time is moved on by milliseconds"),
        ("CLOCK ADVANCE soon", "time is moved on by milliseconds"),
        ("CLOCK STOP 1", "syntax error"),
    ],
)
async def test_bad_arguments(words: str, error: str) -> None:
    async with Server(config=ENABLED) as server, peer(server.port) as client:
        reply = await client.call("FAULT", *words.format(port=server.port).split())
        assert error.format(port=server.port).encode() in reply
        assert await client.call("FAULT", "LIST") == b"*0\r\n"


async def test_time_is_moved() -> None:
    async with Cluster(primaries=3, node_timeout_ms=15_000, config=ENABLED) as cluster:
        lost, node, other, *_ = cluster.nodes
        key = next(str(number) for number in range(100) if cluster.node_for(str(number)) is node)
        lost.kill()
        async with peer(node.port) as client, peer(other.port) as at_once:
            assert await client.call("SET", key, "value", "EX", "60") == b"+OK\r\n"
            advance = ("FAULT", "CLOCK", "ADVANCE", "60000")
            replies = await asyncio.gather(client.call(*advance), at_once.call(*advance))
            assert sorted(replies) == [b"+OK\r\n", b"-ERR time is being moved already\r\n"]
            assert await client.call("GET", key) == b"$-1\r\n"
        assert len(cluster.primaries) == 3


async def test_time_inside_a_transaction() -> None:
    async with Server(config=ENABLED) as server, peer(server.port) as client:
        await client.call("MULTI")
        await client.call("FAULT", "CLOCK", "ADVANCE", "1")
        assert b"inside a transaction" in await client.call("EXEC")


async def test_start_inside_a_transaction() -> None:
    async with Server(config=ENABLED) as server, peer(server.port) as client:
        await client.call("MULTI")
        await client.call("FAULT", "NODE", server.port, "RESTART")
        assert b"inside a transaction" in await client.call("EXEC")
        await asyncio.sleep(0)
        assert server.is_up
