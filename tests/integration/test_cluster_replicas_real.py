"""Clusters with replicas, of ours and real servers, as redis-cli makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.support.cluster_programs import HAS_REDIS_CLI, redis_cli
from tests.support.clusters import NodeView, parse_nodes
from tests.support.digests import assert_same_data, bulk
from tests.support.nodes import Node, started
from tests.support.replicating import info, link_is_up, wait_for_replicas, wait_until
from tests.support.servers import OURS, REDIS_7_0, VALKEY_9_1

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli"),
]

OPTIONS = ("--cluster-node-timeout", "3000", "--repl-diskless-sync-delay", "0")
# Three primaries and the replica of each.
MIXED = [OURS, OURS, REDIS_7_0, REDIS_7_0, VALKEY_9_1, OURS]


def address(node: Node) -> str:
    return f"127.0.0.1:{node.port}"


def views(node: Node) -> dict[str, NodeView]:
    return parse_nodes(bulk(node.client.call("CLUSTER", "NODES")).decode())


def id_of(node: Node) -> str:
    return bulk(node.client.call("CLUSTER", "MYID")).decode()


def is_ok(node: Node) -> bool:
    return b"cluster_state:ok" in node.client.call("CLUSTER", "INFO")


def all_agree(nodes: list[Node]) -> bool:
    """Whether all are well and know the same of each other, whose replica each is included."""
    seen = [views(node) for node in nodes]
    return all(map(is_ok, nodes)) and len(seen[0]) == len(nodes) and all(view == seen[0] for view in seen)


def families(nodes: list[Node]) -> dict[str, list[str]]:
    """The ids of the replicas of each primary, by the primary's."""
    found: dict[str, list[str]] = {}
    for node_id, view in views(nodes[0]).items():
        if "master" in view.flags:
            found.setdefault(node_id, [])
        else:
            found.setdefault(view.primary, []).append(node_id)
    return found


@contextmanager
def cluster_nodes(*names: str) -> Iterator[list[Node]]:
    """Nodes that know nobody yet."""
    with started(*names, options=OPTIONS, cluster=True) as nodes:
        yield nodes


def check_families(nodes: list[Node], replicas: int) -> None:
    """Three primaries with `replicas` each, all in sync, agreed on by all, with data that is the same."""
    by_id = {id_of(node): node for node in nodes}
    wait_until(lambda: all_agree(nodes), lambda: [views(node) for node in nodes])
    assert sorted(map(len, families(nodes).values())) == [replicas] * 3
    write_through_client(nodes)
    for primary_id, replica_ids in families(nodes).items():
        primary = by_id[primary_id]
        copies = [by_id[replica_id] for replica_id in replica_ids]
        wait_until(lambda copies=copies: all(link_is_up(copy.client) for copy in copies))  # type: ignore[misc]
        wait_for_replicas(primary.client, *(copy.client for copy in copies))
        assert int(bulk_integer(primary, "DBSIZE")) > 100
        assert info(primary.client)["connected_slaves"] == str(replicas)
        for copy in copies:
            assert_same_data(primary.client, copy.client)
            check_reads_from_replica(primary, copy)


def bulk_integer(node: Node, *words: str) -> int:
    reply = node.client.call(*words)
    assert reply.startswith(b":"), reply
    return int(reply[1:-2])


def write_through_client(nodes: list[Node]) -> None:
    with redis.RedisCluster("127.0.0.1", nodes[0].port) as client:
        for start in range(0, 600, 100):
            with client.pipeline() as pipeline:
                for n in range(start, start + 100):
                    pipeline.set(f"string:{n}", n)
                    pipeline.rpush(f"list:{n}", n, "x" * n)
                    pipeline.hset(f"hash:{n}", mapping={"a": n, "b": "y" * n})
                    pipeline.expire(f"hash:{n}", 100_000)
                pipeline.execute()


def check_reads_from_replica(primary: Node, replica: Node) -> None:
    key = bulk(primary.client.call("RANDOMKEY"))
    digest = primary.client.call("DEBUG", "DIGEST-VALUE", key)
    assert replica.client.call("DEBUG", "DIGEST-VALUE", key) == digest
    with replica.server.connect() as client:
        assert client.call("TYPE", key).endswith(f" 127.0.0.1:{primary.port}\r\n".encode())
        assert client.call("READONLY") == b"+OK\r\n"
        assert client.call("TYPE", key) == primary.client.call("TYPE", key)
        assert client.call("DEL", key).startswith(b"-MOVED ")
        assert client.call("READWRITE") == b"+OK\r\n"
        assert client.call("TYPE", key).startswith(b"-MOVED ")


def test_cluster_create_with_replicas() -> None:
    with cluster_nodes(*[OURS] * 6) as nodes:
        words = ("--cluster", "create", *map(address, nodes), "--cluster-replicas", "1", "--cluster-yes")
        output = redis_cli(*words)
        assert "[OK] All nodes agree about slots configuration." in output
        assert "[OK] All 16384 slots covered." in output
        check_families(nodes, 1)
        check = redis_cli("--cluster", "check", address(nodes[5]))
        assert check.count("1 additional replica(s)") == 3
        assert check.count("replicates ") == 3
        assert "[WARNING]" not in check
        assert "[ERR]" not in check


def test_replicas_of_another_kind_in_one_cluster() -> None:
    with cluster_nodes(*MIXED) as nodes:
        primaries, replicas = nodes[:3], nodes[3:]
        redis_cli("--cluster", "create", *map(address, primaries), "--cluster-yes")
        wait_until(lambda: all_agree(primaries))
        for primary, replica in zip(primaries, replicas, strict=True):
            words = ("--cluster-slave", "--cluster-master-id", id_of(primary))
            redis_cli("--cluster", "add-node", address(replica), address(nodes[0]), *words)
            wait_until(lambda: all_agree(nodes[: nodes.index(replica) + 1]))  # noqa: B023
        check_families(nodes, 1)
