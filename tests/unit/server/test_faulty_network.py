"""Connections that faults delay, hold back, slow and cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import hiredis
import pytest
import redis

from pyredis_cluster import virtual_time
from pyredis_cluster.testing.cluster import Cluster
from pyredis_cluster.testing.node import Node, until
from pyredis_cluster.testing.server import Server
from tests.support.inloop import Peer, peer
from tests.support.wire import ConnectionClosedError

SOON_S = 0.02
LIMIT_S = 30


@pytest.fixture
async def server() -> AsyncIterator[Node]:
    async with Server(seed=1, config={"enable-fault-command": True}) as node:
        yield node


@pytest.fixture
async def client(server: Node) -> AsyncIterator[Peer]:
    async with peer(server.port) as client:
        await client.call("PING")
        yield client


async def test_latency_delays_both_ways(server: Node, client: Peer) -> None:
    loop = asyncio.get_running_loop()
    server.faults.wire(latency_ms=30)
    begun_s = loop.time()
    client.send(b"PING\r\n")
    assert await client.call("ECHO", "x") == b"+PONG\r\n"
    assert await client.read() == b"$1\r\nx\r\n"
    assert loop.time() - begun_s >= 0.06


async def test_jitter_never_reorders(server: Node, client: Peer) -> None:
    server.faults.wire(jitter_ms=10)
    for number in range(20):
        client.send(b"ECHO %d\r\n" % number)
        await asyncio.sleep(0)
    assert [await client.read() for _ in range(20)] == [
        b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(20)
    ]


async def test_healing_lets_pass_what_waits(server: Node, client: Peer) -> None:
    fault = server.faults.wire(latency_ms=60_000)
    client.send(b"PING\r\n")
    with pytest.raises(TimeoutError):
        await client.read(SOON_S)
    server.faults.heal(fault)
    assert await client.read() == b"+PONG\r\n"


async def test_bandwidth_takes_its_time(server: Node, client: Peer) -> None:
    loop = asyncio.get_running_loop()
    server.run("SET", "key", "x" * 20_000)
    server.faults.wire(bytes_per_s=200_000)
    begun_s = loop.time()
    assert len(await client.call("GET", "key")) > 20_000
    assert loop.time() - begun_s >= 0.1


async def test_one_way_block(server: Node, client: Peer) -> None:
    fault = server.faults.wire(blocks_out=True)
    client.send(b"INCR n\r\n")
    with pytest.raises(TimeoutError):
        await client.read(SOON_S)
    assert server.run("GET", "n") == b"1"
    server.faults.heal(fault)
    server.faults.wire(blocks_in=True)
    assert await client.read() == b":1\r\n"
    client.send(b"INCR n\r\n")
    with pytest.raises(TimeoutError):
        await client.read(SOON_S)
    assert server.run("GET", "n") == b"1"
    server.faults.heal()
    assert await client.read() == b":2\r\n"


async def test_the_end_of_a_connection_waits_as_well(server: Node) -> None:
    async with peer(server.port) as client:
        await client.call("PING")
        server.faults.wire(blocks_in=True)
        client.send(b"SET last word\r\n")
    connections = server.server.clients.connections
    await asyncio.sleep(SOON_S)
    assert len(connections) == 1
    server.faults.heal()
    await until(lambda: not connections, LIMIT_S, "the connection is gone")
    assert server.run("GET", "last") == b"word"


async def test_dropped_connections(server: Node, client: Peer) -> None:
    server.faults.wire(drop_probability=1)
    with pytest.raises(ConnectionClosedError):
        await client.call("PING")
    server.faults.heal()
    async with peer(server.port) as other:
        assert await other.call("PING") == b"+PONG\r\n"
        assert server.faults.drop_connections() == 1
        with pytest.raises(ConnectionClosedError):
            await other.read()


async def test_a_client_that_does_not_read_stops_being_read(server: Node, client: Peer) -> None:
    server.run("SET", "key", "x" * 100_000)
    server.faults.wire(blocks_out=True)
    client.send(b"GET key\r\n" * 3)
    await asyncio.sleep(SOON_S)
    client.send(b"SET done 1\r\n")
    await asyncio.sleep(SOON_S)
    assert server.run("GET", "done") is None
    server.faults.heal()
    for _ in range(3):
        assert len(await client.read()) > 100_000
    assert await client.read() == b"+OK\r\n"


async def test_end_of_a_server_leaves_no_connection(server: Node, client: Peer) -> None:
    server.faults.wire(blocks_out=True)
    client.send(b"PING\r\n")
    await asyncio.sleep(SOON_S)
    server.kill()
    with pytest.raises(ConnectionClosedError):
        await client.read()


async def test_the_command(server: Node, client: Peer) -> None:
    for options in (
        "LATENCY 5 JITTER 2.5 KIND client KIND bus",
        "HOLD 10 BLOCK both DROP 0.5 PEER 127.0.0.1:7000",
    ):
        server.run("FAULT", "WIRE", *options.split())
    assert server.faults.active == {
        1: {b"wires": b"bus client", b"latency-ms": 5.0, b"jitter-ms": 2.5},
        2: {
            b"peer": b"127.0.0.1:7000",
            b"blocks": b"both",
            b"held-bytes": 10,
            b"drop-probability": 0.5,
        },
    }
    assert await client.call("FAULT", "HEAL") == b":2\r\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("KIND client", "wrong number|syntax error"),
        ("KIND client KIND bus", "syntax error"),
        ("PEER 127.0.0.1:7000", "syntax error"),
        ("LATENCY 0", "above 0"),
        ("LATENCY soon", "above 0"),
        ("HOLD 1.5", "above 0"),
        ("BLOCK sideways", "syntax error"),
        ("DROP 2", "PROBABILITY"),
        ("LATENCY 5 PEER nowhere", "an address is"),
        ("LATENCY 5 KIND", "syntax error"),
    ],
)
async def test_bad_arguments(server: Node, arguments: str, message: str) -> None:
    with pytest.raises(hiredis.ReplyError, match=message):
        server.run("FAULT", "WIRE", *arguments.split())
    assert server.faults.active == {}


@pytest.mark.slow
class TestCluster:
    async def test_replication_held_back_leaves_a_replica_stale(self) -> None:
        async with Cluster(primaries=1) as cluster:
            primary, replica = cluster.nodes
            replica.faults.hold_replication()
            primary.run("SET", "key", "new")
            async with peer(replica.port) as reader:
                await reader.call("READONLY")
                assert await reader.call("GET", "key") == b"$-1\r\n"
                replica.faults.heal()
                await until(lambda: replica.run("DBSIZE") == 1, LIMIT_S, "the replica has caught up")
                assert await reader.call("GET", "key") == b"$3\r\nnew\r\n"

    @virtual_time
    async def test_held_bytes_follow_others_and_acknowledgements_go_on(self) -> None:
        async with Cluster(primaries=1) as cluster:
            primary, replica = cluster.nodes
            replica.faults.hold_replication(bytes=200)
            for number in range(10):
                primary.run("SET", f"key:{number}", "0123456789" * 3)
            await until(lambda: replica.run("DBSIZE") >= 3, LIMIT_S, "something has come")
            await asyncio.sleep(3)
            assert replica.run("DBSIZE") < 10
            applied = replica.server.replication_roles.processed_offset
            assert primary.run("ROLE")[2][0][2] == b"%d" % applied
            assert 0 < primary.server.state.replication.offset - applied < 300

    @virtual_time
    async def test_a_replica_that_is_late_by_seconds(self) -> None:
        async with Cluster(primaries=1) as cluster:
            primary, replica = cluster.nodes
            replica.faults.hold_replication(seconds=5)
            primary.run("SET", "key", "value")
            await asyncio.sleep(4.9)
            assert replica.run("DBSIZE") == 0
            await asyncio.sleep(0.2)
            assert replica.run("DBSIZE") == 1

    async def test_a_node_cut_off_is_replaced_and_comes_back(self) -> None:
        async with Cluster(node_timeout_ms=200) as cluster:
            lost, *others = cluster.nodes
            cluster.partition([lost], others)
            await until(lambda: not cluster.nodes[3].is_replica, LIMIT_S, "its replica is promoted")
            await until(lambda: not lost.core.ok, LIMIT_S, "the minority does not serve")
            cluster.heal()
            await cluster.wait_ready()
            assert lost.is_replica

    async def test_a_node_that_is_not_heard_is_replaced_though_it_hears(self) -> None:
        async with Cluster(node_timeout_ms=200) as cluster:
            lost, *others = cluster.nodes
            cluster.partition([lost], others, one_way=True)
            await until(lambda: not cluster.nodes[3].is_replica, LIMIT_S, "its replica is promoted")
            cluster.heal()
            await cluster.wait_ready()
            assert lost.is_replica

    def test_without_a_loop(self) -> None:
        with Cluster(primaries=2, replicas_per_primary=0) as cluster:
            node = cluster.node_for("key")
            number = node.faults.error("BUSY later", commands=["GET"])
            assert node.faults.active.keys() == {number}
            with node.client() as client, pytest.raises(redis.ResponseError, match="BUSY later"):
                client.get("key")
            cluster.partition(cluster.nodes[:1], cluster.nodes[1:])
            assert all(each.faults.active for each in cluster.nodes)
            cluster.heal()
            assert node.faults.active == {}
