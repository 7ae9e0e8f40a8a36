"""Replicas in cluster mode on real sockets, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import hiredis
import pytest
import pytest_asyncio

from pyredis_cluster.server.local_cluster import LocalCluster
from pyredis_cluster.server.network import Network
from tests.support.clusters import LocalNode, until

NodeFactory = Callable[..., Awaitable[LocalNode]]


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[NodeFactory]:
    network = Network(asyncio.get_running_loop())
    nodes: list[LocalNode] = []

    async def make_node(**directives: Any) -> LocalNode:
        values: dict[str, Any] = {
            "repl_diskless_sync_delay": 0,
            "repl_ping_replica_period": 1,
            "enable_debug_command": "yes",
        } | directives
        node = LocalNode(tmp_path, network, **values)
        nodes.append(node)
        await node.start()
        return node

    yield make_node
    for node in nodes:
        node.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    network.close()


async def pair(make: NodeFactory, **directives: object) -> tuple[LocalNode, LocalNode]:
    """A primary with all slots and a few keys, and its replica, in sync."""
    primary, replica = await make(**directives), await make(**directives)
    assert primary.run("CLUSTER ADDSLOTSRANGE 0 16383") == b"OK"
    assert primary.run("CLUSTER", "MEET", "127.0.0.1", str(replica.port)) == b"OK"
    await until(lambda: primary.cluster.core.ok and replica.cluster.core.ok)
    for n in range(20):
        assert primary.run("SET", f"key:{n}", str(n)) == b"OK"
    assert replica.run(b"CLUSTER", b"REPLICATE", primary.run("CLUSTER MYID")) == b"OK"
    await until(lambda: is_in_sync(primary, replica))
    known = primary.cluster.core.state.nodes[replica.cluster.my_id]
    await until(lambda: known.primary is primary.cluster.core.state.myself)
    return primary, replica


def is_in_sync(primary: LocalNode, replica: LocalNode) -> bool:
    roles = replica.server.state.replication_roles
    assert roles is not None
    return roles.is_link_up and replica.run("DEBUG DIGEST") == primary.run("DEBUG DIGEST")


def error(reply: Any) -> str:
    assert isinstance(reply, hiredis.ReplyError), reply
    return str(reply)


@pytest.mark.slow
async def test_a_replica_gets_the_data_and_serves_reads(make: NodeFactory) -> None:
    primary, replica = await pair(make)
    moved = f"MOVED {primary.run('CLUSTER KEYSLOT key:1')} 127.0.0.1:{primary.port}"
    assert error(replica.run("GET key:1")) == moved
    assert replica.run("READONLY") == b"OK"
    assert replica.run("GET key:1") == b"1"
    assert error(replica.run("SET key:1 2")) == moved
    assert replica.run("MULTI") == b"OK"
    assert replica.run("GET key:1") == b"QUEUED"
    assert replica.run("EXEC") == [b"1"]
    assert primary.run("SET key:1 changed") == b"OK"
    await until(lambda: replica.run("GET key:1") == b"changed")
    assert replica.run("CLUSTER MYSHARDID") == primary.run("CLUSTER MYSHARDID")
    # Shown once it is known to have its copy.
    await until(lambda: len(primary.run("CLUSTER SLOTS")[0]) == 4)
    await until(lambda: len(replica.run("CLUSTER SLOTS")[0]) == 4)
    assert primary.run("CLUSTER SHARDS")[0][3][1][-1] == b"online"
    assert replica.run("READWRITE") == b"OK"
    assert error(replica.run("GET key:1")) == moved


@pytest.mark.slow
async def test_a_reset_replica_is_a_primary_without_keys(make: NodeFactory) -> None:
    primary, replica = await pair(make)
    assert replica.run("DBSIZE") == 20
    assert replica.run("CLUSTER RESET") == b"OK"
    assert replica.run("DBSIZE") == 0
    assert b"role:master" in replica.run("INFO replication")
    assert b"myself,master" in replica.run("CLUSTER NODES")
    assert primary.run("DBSIZE") == 20
    assert replica.run("CLUSTER RESET HARD") == b"OK"


@pytest.mark.slow
async def test_a_restarted_replica_follows_again(make: NodeFactory) -> None:
    primary, replica = await pair(make)
    replica.server.shutdown(save=False, now=True, force=True)
    await replica.server.stopped.wait()
    assert primary.run("SET new 1") == b"OK"
    again = await make(port=replica.port)
    assert again.cluster.is_replica
    await until(lambda: is_in_sync(primary, again))
    again.run("READONLY")
    assert again.run("GET new") == b"1"


@pytest.mark.slow
async def test_who_waits_for_keys_is_sent_away_when_the_node_becomes_a_replica(make: NodeFactory) -> None:
    primary, node = await make(), await make()
    primary.run("CLUSTER SET-CONFIG-EPOCH 1")
    node.run("CLUSTER SET-CONFIG-EPOCH 2")
    primary.run("CLUSTER ADDSLOTSRANGE 0 8191")
    node.run("CLUSTER ADDSLOTSRANGE 8192 16383")
    primary.run("CLUSTER", "MEET", "127.0.0.1", str(node.port))
    await until(lambda: primary.cluster.core.ok and node.cluster.core.ok)
    waiting = node.connect()
    waiting.send("BLPOP a 0")
    assert waiting.read_all() == []
    node_id = node.run("CLUSTER MYID").decode()
    # Its last slots go to another: what was its own it copies from there now.
    state = primary.cluster.core.state
    known = state.nodes[node_id]
    state.delete_slots_of(known)
    for slot in range(8192, 16384):
        state.add_slot(state.myself, slot)
    primary.cluster.bump_epoch()
    await until(lambda: node.cluster.is_replica)
    assert error(waiting.read_all()[0]).split()[0] in ("MOVED", "UNBLOCKED")
    await until(lambda: is_in_sync(primary, node))


@pytest.mark.slow
async def test_what_is_published_in_a_shard_reaches_its_replica(make: NodeFactory) -> None:
    primary, replica = await pair(make)
    for publisher, other in ((primary, replica), (replica, primary)):
        listener = other.connect()
        assert listener.run("SSUBSCRIBE ch")[0] == b"ssubscribe"
        assert publisher.run("SPUBLISH ch hello") in (0, 1)
        await until(lambda: listener.session.out)  # noqa: B023
        assert listener.read_all() == [[b"smessage", b"ch", b"hello"]]


@pytest.mark.slow
async def test_a_local_cluster_with_replicas_forms_at_once(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    network = Network(loop)
    nodes = [LocalNode(tmp_path, network, repl_diskless_sync_delay=0) for _ in range(6)]
    cluster = LocalCluster([node.server for node in nodes], primaries=2)
    try:
        await cluster.start()
        await cluster.wait_until_ready()
        ids = [node.server.cluster.my_id for node in nodes]  # type: ignore[union-attr]
        for at, node in enumerate(nodes[2:]):
            state = node.cluster.core.state
            assert state.myself.primary is not None
            assert state.myself.primary.node_id == ids[at % 2]
            assert all(len(state.nodes[each].replicas) == 2 for each in ids[:2])
    finally:
        for node in nodes:
            node.stop()
        await cluster.wait_until_stopped()
        network.close()
