"""Replies of CLUSTER SLOTS, SHARDS, LINKS and REPLICAS as plain values: bytes, int, list, dict, None."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from pyredis_cluster.cluster import bitmap
from pyredis_cluster.cluster.audience import ANYONE, Audience
from pyredis_cluster.cluster.describe import describe_node
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.redirect import endpoint
from pyredis_cluster.cluster.settings import EndpointType
from pyredis_cluster.cluster.state import ClusterState

# A dict is a RESP3 map, flattened to an array under RESP2.
Value: TypeAlias = "bytes | int | list[Value] | dict[bytes, Value] | None"


class LinkInfo(NamedTuple):
    """One link of a known node; what its buffers hold, the shell knows by `link_id`."""

    link_id: int
    inbound: bool
    node_id: str
    created_ms: int


def slots_reply(state: ClusterState, *, tls: bool = False, audience: Audience = ANYONE) -> list[Value]:
    """CLUSTER SLOTS: [first, last, primary, replica...] for each run of slots of one owner, ascending.

    A node is [endpoint, port, id, {further endpoints}]; replicas that are down or still loading are left out.
    """
    runs = [
        (first, last, node)
        for node in state.nodes.values()
        if node.slot_count
        for first, last in bitmap.ranges(node.slots)
    ]
    runs.sort(key=lambda run: run[0])
    reply: list[Value] = []
    for first, last, node in runs:
        replicas = [replica for replica in node.replicas if _is_available(state, replica)]
        nodes: list[Value] = [_node_entry(state, each, audience, tls=tls) for each in (node, *replicas)]
        reply.append([first, last, *nodes])
    return reply


def shards_reply(state: ClusterState, audience: Audience = ANYONE) -> list[Value]:
    """CLUSTER SHARDS: {slots: [first, last, ...], nodes: [...]} for each shard."""
    reply: list[Value] = []
    for members in state.shards.values():
        slots: list[Value] = []
        for run in bitmap.ranges(members[0].slot_owner.slots):
            slots.extend(run)
        nodes: list[Value] = [_shard_member(state, node, audience) for node in members]
        reply.append({b"slots": slots, b"nodes": nodes})
    return reply


def links(state: ClusterState) -> list[LinkInfo]:
    """CLUSTER LINKS: the links of known nodes, those made here before those accepted."""
    return [
        LinkInfo(link.link_id, link.inbound, node.node_id, link.created_ms)
        for node in state.nodes.values()
        for link in (node.link, node.inbound_link)
        if link is not None
    ]


def replicas_reply(
    state: ClusterState, primary: ClusterNode, *, tls: bool = False, audience: Audience = ANYONE
) -> list[Value]:
    """CLUSTER REPLICAS: a line as of CLUSTER NODES for each replica of `primary`."""
    return [
        describe_node(state, replica, tls=tls, audience=audience).encode("latin-1")
        for replica in primary.replicas
    ]


def _offset(state: ClusterState, node: ClusterNode) -> int:
    return state.repl_offset() if node is state.myself else node.repl_offset


def _is_available(state: ClusterState, replica: ClusterNode) -> bool:
    return not replica.is_failed and _offset(state, replica) != 0


def _node_entry(state: ClusterState, node: ClusterNode, audience: Audience, *, tls: bool) -> Value:
    kind = state.settings.preferred_endpoint_type
    name = None if kind is EndpointType.UNKNOWN else endpoint(state, node, audience).encode("latin-1")
    further: dict[bytes, Value] = {}
    if kind is not EndpointType.IP:
        further[b"ip"] = audience.ip(state, node).encode("latin-1")
    if kind is not EndpointType.HOSTNAME and node.hostname:
        further[b"hostname"] = node.hostname.encode("latin-1")
    return [name, audience.port(state, node, tls=tls), node.node_id.encode("latin-1"), further]


def _shard_member(state: ClusterState, node: ClusterNode, audience: Audience) -> Value:
    offset = _offset(state, node)
    member: dict[bytes, Value] = {b"id": node.node_id.encode("latin-1")}
    if node.tcp_port:
        member[b"port"] = audience.shifted(state, node, node.tcp_port)
    if node.tls_port:
        member[b"tls-port"] = audience.shifted(state, node, node.tls_port)
    member[b"ip"] = audience.ip(state, node).encode("latin-1")
    member[b"endpoint"] = endpoint(state, node, audience).encode("latin-1")
    if node.hostname:
        member[b"hostname"] = node.hostname.encode("latin-1")
    member[b"role"] = b"replica" if node.is_replica else b"master"
    member[b"replication-offset"] = offset
    member[b"health"] = _health(node, offset)
    return member


def _health(node: ClusterNode, offset: int) -> bytes:
    if node.is_failed:
        return b"fail"
    return b"loading" if node.is_replica and offset == 0 else b"online"
