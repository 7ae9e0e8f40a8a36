"""FAULT TOPOLOGY: nodes that tell clients of a cluster that is not so."""

from __future__ import annotations

import re
from typing import Any

import hiredis
import pytest

from pyredis_cluster import Cluster, Server, virtual_time
from pyredis_cluster.testing.cluster_node import ClusterNode

ENABLED: dict[str, str | int | bool] = {"enable-fault-command": "yes"}


def fields(flat: list[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def replies(node: ClusterNode) -> tuple[str, str, str]:
    """CLUSTER SLOTS, SHARDS and NODES, but for the offsets and times in them."""
    offset = re.compile(r"b'replication-offset', [0-9]+")
    shards = offset.sub("", str(node.run("CLUSTER", "SHARDS")))
    nodes = re.sub(r" [0-9]+ [0-9]+ (?=[0-9]+ (dis)?connected)", " ", node.run("CLUSTER", "NODES").decode())
    return str(node.run("CLUSTER", "SLOTS")), shards, nodes


@virtual_time
async def test_topology_as_it_was() -> None:
    async with Cluster(primaries=2, node_timeout_ms=200) as cluster:
        node, other, replica, _ = cluster.nodes
        before = replies(node)
        number = node.faults.topology(stale=True)
        assert replies(node) == before
        await cluster.move_slots([0], other)
        await cluster.fail_over(replica)
        await cluster.wait_ready()
        assert replies(node) == before
        assert replies(other) != before
        assert node.faults.active[number][b"hits"] == 6
        assert node.run("CLUSTER", "INFO").count(b"cluster_state:ok") == 1
        with pytest.raises(hiredis.ReplyError, match=f"MOVED 0 {other.address}"):
            node.run("GET", "k596")
        node.faults.heal()
        assert replies(node) != before


@virtual_time
async def test_topology_that_never_was() -> None:
    async with Cluster(primaries=2, replicas_per_primary=0, config=ENABLED) as cluster:
        node, other = cluster.nodes
        words = f"SLOTS 0 99 10.0.0.1:7000 WITHOUT {other.address} TIMES 3"
        node.run("FAULT", "TOPOLOGY", *words.split())
        told = node.run("CLUSTER", "SLOTS")
        assert [(first, last, tuple(at[:2])) for first, last, at in told] == [
            (0, 99, (b"10.0.0.1", 7000)),
            (100, 8191, (b"127.0.0.1", node.port)),
        ]
        (fault,) = node.run("FAULT", "LIST")
        assert fields(fault)[b"topology"] == b"slots 0-99 10.0.0.1:7000, without " + other.address.encode()
        assert fields(fault)[b"times-left"] == 2
        assert other.node_id.encode() not in node.run("CLUSTER", "NODES")
        assert len(node.run("CLUSTER", "SHARDS")) == 2
        assert other.node_id.encode() in node.run("CLUSTER", "NODES")
        node.run("FAULT", "TOPOLOGY", "NOHOSTS", "WITHOUT", node.address)
        assert [at[:2] for _, _, at in node.run("CLUSTER", "SLOTS")] == [[b"", other.port]]
        assert node.run("CLUSTER", "MYID") == node.node_id.encode()


@virtual_time
async def test_topologies_are_checked() -> None:
    async with Cluster(primaries=1, replicas_per_primary=0, config=ENABLED) as cluster:
        node = cluster.nodes[0]
        for words, error in {
            "TIMES 2": "syntax error",
            "STALE TIMES": "syntax error",
            "STALE TIMES 0": "TIMES takes",
            "SLOTS 9 8 127.0.0.1:1": "Invalid or out of range slot",
            "SLOTS 8 9": "syntax error",
            "WITHOUT nowhere": "an address is",
        }.items():
            with pytest.raises(hiredis.ReplyError, match=error):
                node.run("FAULT", "TOPOLOGY", *words.split())
        with pytest.raises(ValueError, match="what is to be false"):
            node.faults.topology(times=2)
        assert node.run("FAULT", "LIST") == []


@virtual_time
async def test_only_nodes_of_clusters_have_a_topology() -> None:
    async with Server(config=ENABLED) as server:
        with pytest.raises(hiredis.ReplyError, match="cluster support disabled"):
            server.run("FAULT", "TOPOLOGY", "STALE")
        with pytest.raises(RuntimeError, match="no node of a cluster"):
            server.faults.topology(stale=True)
