"""What servers hold, and had again."""

from __future__ import annotations

import pytest

from pyredis_cluster import Cluster, SentinelGroup, Server, virtual_time
from pyredis_cluster.protocol.slots import key_slot
from pyredis_cluster.testing.node import Node


def digest(node: Node) -> bytes:
    reply: bytes = node.run("DEBUG", "DIGEST")
    return reply


@virtual_time
async def test_all_types_and_databases_of_a_server() -> None:
    async with Server(config={"enable-debug-command": "yes", "appendonly": True}) as server:
        server.run("SET", "string", "value", "EX", 100)
        server.run("RPUSH", "list", *range(300))
        server.run("SADD", "set", "a", 1)
        server.run("HSET", "hash", "field", "value")
        server.run("ZADD", "sorted", "1.5", "member")
        server.run("SET", "gone", "value", "PX", 1)
        await server.clock.advance(50)
        snapshot = server.snapshot()
        assert snapshot.key_count == 5
        before = digest(server)
        server.run("FLUSHALL")
        server.run("SET", "string", "other")
        for _ in range(2):
            server.restore(snapshot)
            assert digest(server) == before
            assert server.run("TTL", "string") == 50
            server.run("DEL", "list")
            await server.clock.advance(200)
            assert server.run("DBSIZE") == 3
        server.restore(snapshot)
        await server.restart()
        assert digest(server) == before


@virtual_time
async def test_data_and_topology_of_a_cluster() -> None:
    async with Cluster(primaries=2, node_timeout_ms=1000) as cluster, cluster.client() as client:
        await client.mset_nonatomic({f"key:{number}": number for number in range(50)})
        first = cluster.snapshot()
        ids = [cluster.nodes[0].run("CLIENT", "ID")]
        await client.flushall()
        await cluster.restore(first)
        assert [node.run("DBSIZE") for node in cluster.replicas] == [
            node.run("DBSIZE") for node in cluster.primaries
        ]
        assert await client.get("key:7") == b"7"
        assert cluster.nodes[0].run("CLIENT", "ID") > ids[0], "its clients stay"

        promoted = cluster.replicas[0]
        await cluster.fail_over(promoted)
        added = await cluster.add_node(replica_of=promoted)
        await cluster.wait_ready()
        migration = await cluster.half_migrate("{key:7}")
        await client.set("later", 1)
        second = cluster.snapshot()
        await migration.finish()
        await cluster.restore(first)
        assert promoted.is_replica
        assert (len(cluster.nodes), added.is_up) == (4, False)
        assert await client.get("later") is None
        assert await client.get("key:7") == b"7"

        await cluster.restore(second)
        assert promoted in cluster.primaries
        assert len(cluster.nodes) == 5
        slot = key_slot(b"key:7")
        assert [int(slot in node.core.state.migrating_to) for node in cluster.primaries].count(1) == 1
        assert await client.get("key:7") == b"7"
        assert await client.get("later") == b"1"
        await cluster.reset()
        assert len(cluster.nodes) == 4


@virtual_time
async def test_snapshot_of_another_cluster() -> None:
    async with Cluster(primaries=2, replicas_per_primary=0) as one, Cluster(primaries=2) as larger:
        await one.move_slots([0], one.nodes[1])
        one.nodes[1].run("SET", "k596", "value")
        await one.wait_ready()
        snapshot = one.snapshot()
        with pytest.raises(ValueError, match="a cluster of 2 nodes cannot be had on 4"):
            await larger.restore(snapshot)
        async with Cluster(primaries=2, replicas_per_primary=0) as other, other.client() as client:
            await other.restore(snapshot)
            assert await client.get("k596") == b"value"
            assert other.node_for("k596") is other.nodes[1]


@virtual_time
async def test_what_has_no_snapshot() -> None:
    async with Cluster(primaries=1, node_timeout_ms=1000) as cluster:
        primary, replica = cluster.nodes
        snapshot = primary.snapshot()
        with pytest.raises(RuntimeError, match="a replica has the data of its primary"):
            replica.restore(snapshot)
        primary.kill()
        with pytest.raises(RuntimeError, match="not whole"):
            cluster.snapshot()


@virtual_time
async def test_sentinel_group() -> None:
    async with SentinelGroup(sentinels=1, quorum=1) as group, group.client() as client:
        await client.set("key", "value")
        snapshot = group.snapshot()
        await group.fail_over()
        await client.delete("key")
        await group.restore(snapshot)
        assert [server.run("GET", "key") for server in group.servers] == [b"value"] * 3


def test_without_a_loop() -> None:
    with Cluster(primaries=1, replicas_per_primary=0) as cluster, cluster.client() as client:
        client.set("key", "value")
        snapshot = cluster.snapshot()
        client.flushall()
        cluster.restore(snapshot)
        assert client.get("key") == b"value"
