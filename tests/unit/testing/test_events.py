"""What is told of a test's servers, as one time line."""

from __future__ import annotations

from pyredis_cluster import Cluster, SentinelGroup, Server, virtual_time
from pyredis_cluster.testing.events import Timeline
from pyredis_cluster.testing.node import until
from tests.support.inloop import peer

LIMIT_S = 30


@virtual_time
async def test_failover_of_a_cluster() -> None:
    async with Cluster(node_timeout_ms=1000) as cluster:
        lost, witness, _, replica, *_ = cluster.nodes
        lost.kill()
        await cluster.wait_ready()
        await lost.restart()
        await cluster.wait_ready()
        told = [f"{event.node} {event.what}" for event in cluster.events]
        wanted = [
            f"{lost.address} is killed",
            f"{witness.address} PFAIL of {lost.address}",
            f"{witness.address} FAIL of {lost.address}",
            f"{replica.address} asks for votes in epoch 7",
            f"{witness.address} votes for a replica of {lost.address} in epoch 7",
            f"{replica.address} is a primary, epoch 7",
            f"{replica.address} owns slots 0-5460 now",
            f"{lost.address} starts",
            f"{lost.address} is a replica of {replica.address}",
            f"{witness.address} hears {lost.address} again",
        ]
        assert [line for line in told if line in wanted] == wanted
        times = [event.time_s for event in cluster.events]
        assert times == sorted(times)
        assert cluster.story.splitlines() == [str(event) for event in cluster.events]
        assert replica.events == [event for event in cluster.events if event.node == replica.address]
        await cluster.reset()
        assert cluster.events == []


@virtual_time
async def test_migration_of_a_slot() -> None:
    async with Cluster(primaries=2, replicas_per_primary=0) as cluster:
        source, target = cluster.nodes
        migration = await cluster.half_migrate(7)
        await migration.finish()
        assert [f"{event.node} {event.what}" for event in cluster.events][-6:] == [
            f"{target.address} slot 7 comes from {source.address}",
            f"{source.address} slot 7 goes to {target.address}",
            f"{target.address} owns slots 7 now",
            f"{target.address} slot 7 is not open any more",
            f"{source.address} owns slots 7 no more",
            f"{source.address} slot 7 is not open any more",
        ]


async def test_errors_of_clients_and_faults() -> None:
    async with Server() as server, peer(server.port) as client:
        await client.call("PING")
        (address,) = [session.address for session in server.server.state.sessions.values()]
        for _ in range(3):
            await client.call("INCRBY", "key", "much")
        await client.call("NOSUCH")
        number = server.faults.error("BUSY later", commands=["get"], times=1)
        await client.call("GET", "key")
        server.pause()
        server.resume()
        client.send(b"*1\r\n+PING\r\n")
        await client.read()
        events = server.events
        assert [event.what for event in events] == [
            "starts",
            "error to a client: INCRBY: ERR value is not an integer or out of range",
            "error to a client: unknown command: ERR unknown command 'NOSUCH', with args beginning with: ",
            f"fault {number} begins: reply error, argument BUSY later, commands get, times-left 1",
            f"fault {number} ends",
            "error to a client: GET: BUSY later",
            "pauses",
            "resumes",
            f"closes the connection of {address}: ERR Protocol error: expected '$', got '+'",
        ]
        assert [event.count for event in events] == [1, 3, 1, 1, 1, 1, 1, 1, 1]
        assert str(events[1]).endswith(" (×3)")


async def test_connections_that_are_closed_for_their_output() -> None:
    config = {"client-output-buffer-limit": "normal 100kb 0 0"}
    async with Server(config=config) as server, peer(server.port) as client:
        server.run("SETRANGE", "key", 20_000_000, "x")
        (address,) = [session.address for session in server.server.state.sessions.values()]
        client.send(b"GET key\r\n")
        await until(lambda: len(server.events) > 1, LIMIT_S, "something happens")
        assert server.events[-1].what == f"closes the connection of {address}: output limit"


@virtual_time
async def test_sentinels() -> None:
    async with SentinelGroup() as group:
        lost, sentinel = group.primary, group.sentinels[0]
        lost.kill()
        await group.wait_ready()
        address = lost.address.replace(":", " ")
        assert f"{sentinel.address} +sdown master mymaster {address}" in group.story
        assert f"+switch-master mymaster {address} {group.primary.address.replace(':', ' ')}" in group.story
        assert "reconnection" not in group.story


def test_the_time_line_is_bounded_and_errors_are_counted() -> None:
    now_s = 10.0
    timeline = Timeline(lambda: now_s)
    for number in range(2000):
        timeline.note("node", f"event {number}")
    assert len(timeline.events) == 1000
    now_s = 12.5
    for _ in range(5000):
        timeline.note_error("node", "GET MOVED", "MOVED 1")
        timeline.note_error("node", "GET ASK", "ASK 1")
    assert str(timeline).splitlines()[-3:] == [
        "   +0.000s node event 1999",
        "   +2.500s node MOVED 1 (×5000)",
        "   +2.500s node ASK 1 (×5000)",
    ]
