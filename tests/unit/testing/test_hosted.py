"""Servers and clusters in the test's own process."""

from __future__ import annotations

import asyncio
import socket
import threading
import warnings
from typing import Any

import pytest
import redis
from redis.asyncio import RedisCluster

from pyredis_cluster import Cluster, Server
from pyredis_cluster.protocol.slots import key_slot
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.testing.pool import Pool
from pyredis_cluster.testing.ports import PortReservation

NODE_TIMEOUT_MS = 200


class TestServer:
    async def test_in_a_running_loop(self) -> None:
        config: dict[str, str | int | bool] = {"maxmemory": "10mb", "maxmemory_policy": "allkeys-lru"}
        async with Server(config=config) as server, server.client(decode_responses=True) as client:
            await client.set("key", "value")
            assert await client.get("key") == "value"
            shown = await client.config_get("maxmemory", "maxmemory-policy")
            assert shown == {"maxmemory": str(10 << 20), "maxmemory-policy": "allkeys-lru"}
        assert not server.is_up

    def test_without_a_loop(self, _redis_pool: Pool) -> None:  # noqa: PT019 - it is used
        _redis_pool.close()
        with Server() as server:
            with server.client() as client:
                assert client.ping()
            assert server.is_up
            assert any("Ready to accept connections" in line for line in server.log)
        assert not any(thread.name == "pyredis-cluster" for thread in threading.enumerate())

    async def test_what_was_saved_survives_a_restart_but_not_what_was_not(self) -> None:
        async with Server() as server:
            async with server.client() as client:
                await client.set("saved", "1")
                await client.save()
                await client.set("lost", "1")
            server.kill()
            assert not server.is_up
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(server.host, server.port)
            await server.restart()
            async with server.client() as client:
                assert await client.keys() == [b"saved"]

    async def test_pause_is_silence_on_every_connection(self) -> None:
        async with Server() as server, server.client(socket_timeout=0.05, retry=None) as client:
            await client.ping()
            server.pause()
            with pytest.raises(redis.TimeoutError):
                await client.ping()
            assert server.is_paused
            server.resume()
            assert await client.ping()

    def test_port_that_is_taken_is_told(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(StartError, match=f"127.0.0.1:{port}: bind: Address already in use"):
                Server(port=port).__enter__()

    @pytest.mark.parametrize(
        ("config", "reason"),
        [
            ({"no-such": 1}, "there is no directive 'no-such'"),
            ({"maxmemory": "much"}, "maxmemory 'much': "),
            ({"port": 7000}, "there is `port`"),
            ({"dir": "/no/such"}, "dir '/no/such': no such directory"),
        ],
    )
    def test_directives_are_checked(self, config: dict[str, str | int | bool], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            Server(config=config).__enter__()


@pytest.mark.slow
class TestCluster:
    async def test_follows_a_failover(self) -> None:
        async with Cluster(node_timeout_ms=NODE_TIMEOUT_MS) as cluster:
            assert (len(cluster.primaries), len(cluster.replicas)) == (3, 3)
            async with cluster.client() as client:
                await client.set("key", "value")
                owner = cluster.node_for("key")
                owner.kill()
                await cluster.wait_ready()
                successor = cluster.node_for("key")
                assert successor is not owner
                assert await client.get("key") == b"value"
                await owner.restart()
                await cluster.wait_ready()
                assert owner.is_replica
                assert owner.primary_id == successor.node_id

    def test_without_a_loop(self) -> None:
        with Cluster(primaries=2, replicas_per_primary=0, node_timeout_ms=NODE_TIMEOUT_MS) as cluster:
            with cluster.client() as client:
                for number in range(100):
                    client.set(f"key:{number}", number)
            assert sorted(node.client().dbsize() for node in cluster.nodes) > [0, 0]
            assert cluster.node_for(0) is cluster.nodes[0]
            assert cluster.node_for(16383) is cluster.nodes[1]

    async def test_two_at_once_in_one_loop(self) -> None:
        async with Cluster(primaries=1, replicas_per_primary=0) as one, Cluster(primaries=1) as other:
            async with one.client() as client:
                await client.set("key", "value")
            async with other.client() as client:
                assert await client.get("key") is None

    async def test_ports_may_be_given(self) -> None:
        reservation = PortReservation(2, with_bus=True)
        try:
            async with Cluster(primaries=2, replicas_per_primary=0, ports=reservation.ports) as cluster:
                assert [port for _, port in cluster.addresses] == reservation.ports
        finally:
            reservation.close()

    async def test_slots_move_with_their_keys(self) -> None:
        async with Cluster(primaries=2, replicas_per_primary=0) as cluster, cluster.client() as client:
            for number in range(20):
                await client.set(f"{{tag}}{number}", number)
            source = cluster.node_for("{tag}")
            added = await cluster.add_node()
            assert added.slots == []
            await cluster.move_slots([key_slot(b"tag"), 0, 16383], added)
            await cluster.wait_ready()
            assert cluster.node_for("{tag}") is added is not source
            assert await client.get("{tag}7") == b"7"
            async with added.client() as direct:
                assert await direct.dbsize() == 20

    async def test_half_a_migration(self) -> None:
        async with Cluster(primaries=2, replicas_per_primary=0) as cluster, cluster.client() as client:
            await client.mset({"{tag}a": 1, "{tag}b": 2})
            migration = await cluster.half_migrate("{tag}")
            async with migration.source.client() as direct:
                with pytest.raises(redis.ResponseError, match=migration.target.address):
                    await direct.get("{tag}a")
                assert await direct.get("{tag}b") == b"2"
                with pytest.raises(redis.ResponseError, match="Multiple keys request"):
                    await direct.mget("{tag}a", "{tag}b")
            assert await client.get("{tag}a") == b"1"
            await migration.finish()
            await cluster.wait_ready()
            assert await client.mget("{tag}a", "{tag}b") == [b"1", b"2"]

    def test_changes_of_topology_without_a_loop(self) -> None:
        with Cluster(primaries=2, node_timeout_ms=NODE_TIMEOUT_MS) as cluster, cluster.client() as client:
            client.set("key", "value")
            primary = cluster.node_for("key")
            migration = cluster.half_migrate("key", moved=1)
            assert migration.source is primary
            migration.finish()
            cluster.wait_ready()
            assert cluster.node_for("key") is migration.target
            extra = cluster.add_node(replica_of=primary)
            cluster.wait_ready()
            assert extra.primary_id == primary.node_id
            cluster.fail_over(extra)
            cluster.wait_ready()
            assert primary.is_replica
            assert client.get("key") == b"value"

    async def test_password(self) -> None:
        async with (
            Cluster(primaries=2, config={"requirepass": "secret"}) as cluster,
            cluster.client() as client,
        ):
            await client.set("key", "value")
            await cluster.move_slots([key_slot(b"key")], cluster.primaries[0])
            await cluster.move_slots([key_slot(b"key")], cluster.primaries[1])
            assert await client.get("key") == b"value"
            with pytest.raises(redis.AuthenticationError):
                await cluster.nodes[0].client(password="wrong").ping()

    async def test_one_that_is_not_ready_says_why(self) -> None:
        async with Cluster() as cluster:
            lost = cluster.primaries[0]
            lost.kill()
            cluster.replicas[1].faults.drop_connections("replication")
            cluster.replicas[1].faults.wire(wires="replication", blocks_in=True)
            with pytest.raises(TimeoutError) as told:
                await cluster.wait_ready(limit_s=0.1)
            assert "not within 0.1 s: the cluster is ready; 10923 of 16384 slots are served" in str(
                told.value
            )
            assert f"{cluster.replicas[1].address} is not in sync with its primary" in str(told.value)

    async def test_reset_empties_and_keeps_connections(self) -> None:
        async with Cluster() as cluster, cluster.client() as client:
            await client.mset_nonatomic({f"key:{number}": number for number in range(100)})
            await client.config_set("maxmemory", "100mb", target_nodes=RedisCluster.ALL_NODES)
            ids = [node.run("CLIENT", "ID") for node in cluster.nodes]
            await cluster.reset()
            assert [node.run("DBSIZE") for node in cluster.nodes] == [0] * 6
            assert [node.run("CONFIG", "GET", "maxmemory")[1] for node in cluster.nodes] == [b"0"] * 6
            assert [node.run("CLIENT", "ID") for node in cluster.nodes] > ids
            assert await client.set("key", "value")

    async def test_reset_undoes_changes_of_topology(self) -> None:
        async with Cluster(node_timeout_ms=NODE_TIMEOUT_MS) as cluster:
            slots, ids = [node.slots for node in cluster.nodes], [node.node_id for node in cluster.nodes]
            await cluster.add_node()
            await cluster.move_slots([0], cluster.nodes[1])
            await cluster.fail_over(cluster.nodes[3])
            cluster.nodes[2].kill()
            await cluster.reset()
            assert [node.slots for node in cluster.nodes] == slots
            assert [node.node_id for node in cluster.nodes] == ids
            async with cluster.client() as client:
                assert await client.set("key", "value")

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"config": {"dir": "/tmp"}}, "in memory"),
            ({"config": {"port": 7000}}, "`ports`"),
            ({"primaries": 0}, "a primary at least"),
            ({"replicas_per_primary": -1}, "no less than 0"),
            ({"ports": [7000]}, "6 ports are needed"),
        ],
    )
    def test_options_are_checked(self, options: dict[str, Any], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            Cluster(**options)

    async def test_arguments_are_checked(self) -> None:
        async with Cluster(primaries=1, replicas_per_primary=0) as cluster:
            with pytest.raises(ValueError, match="no slot 16384"):
                cluster.node_for(16384)
            with pytest.raises(ValueError, match="no slot -1"):
                await cluster.move_slots([-1], cluster.nodes[0])

    def test_nothing_is_left_behind(self) -> None:
        before = set(threading.enumerate())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(3):
                with Cluster() as cluster:
                    ports = [port for _, port in cluster.addresses]
        assert set(threading.enumerate()) == before
        for port in ports:
            socket.create_server(("127.0.0.1", port)).close()
