"""CLUSTER NODES, CLUSTER INFO and nodes.conf as text."""

from __future__ import annotations

from pyredis_cluster.cluster import bitmap, wire
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MESSAGE_NAMES


def describe_nodes(state: ClusterState, *, tls: bool = False) -> str:
    """The reply of CLUSTER NODES: one line a node, this form:

    `<id> <ip>:<port>@<bus port>[,<hostname>] <flags> <primary|-> <ping sent> <pong received> <epoch>
    <link> [<slot>|<first>-<last>|[<slot>-><id>]|[<slot>-<-<id>]]...`
    """
    return "".join([describe_node(state, node, tls=tls) + "\n" for node in state.nodes.values()])


def describe_config(state: ClusterState, *, fleeting: bool = True) -> str:
    """The content of nodes.conf: all nodes but those in handshake, and the epochs.

    Without what is `fleeting`: how links are, and when a node was last heard. Who loads it has no use for it.
    """
    tls = state.settings.tls_cluster
    lines = [
        describe_node(state, node, tls=tls, to_file=True, fleeting=fleeting)
        for node in state.nodes.values()
        if not node.flags & wire.HANDSHAKE
    ]
    lines.append(f"vars currentEpoch {state.current_epoch} lastVoteEpoch {state.last_vote_epoch}\n")
    return "\n".join(lines)


def describe_node(
    state: ClusterState,
    node: ClusterNode,
    *,
    tls: bool = False,
    to_file: bool = False,
    fleeting: bool = True,
) -> str:
    """One node's line. Files hold auxiliary fields (shard id, other port) that clients do not see."""
    address = f"{node.ip}:{node.client_port(tls)}@{node.bus_port}"
    if node.hostname or to_file:
        address += f",{node.hostname}"
    if to_file:
        address += _auxiliary_fields(node, tls=tls)
    primary_id = node.primary.node_id if node.primary is not None else "-"
    ping_ms, pong_ms, link = 0, 0, "connected"
    if fleeting:
        ping_ms, pong_ms = node.ping_sent_ms, node.pong_received_ms
        if node.link is None and node is not state.myself:
            link = "disconnected"
    line = f"{node.node_id} {address} {node.flag_text()} {primary_id} {ping_ms} {pong_ms}"
    line += f" {node.slot_owner.config_epoch} {link}{_slots(node)}"
    if node is state.myself and (state.migrating_to or state.importing_from):
        line += " " + " ".join(_open_slots(state))
    return line


def describe_info(state: ClusterState) -> str:
    """The reply of CLUSTER INFO."""
    assigned = failed = suspected = 0
    for node in state.nodes.values():
        assigned += node.slot_count
        if node.is_failed:
            failed += node.slot_count
        elif node.flags & wire.PFAIL:
            suspected += node.slot_count
    lines = [
        f"cluster_state:{'ok' if state.ok else 'fail'}",
        f"cluster_slots_assigned:{assigned}",
        f"cluster_slots_ok:{assigned - failed - suspected}",
        f"cluster_slots_pfail:{suspected}",
        f"cluster_slots_fail:{failed}",
        f"cluster_known_nodes:{len(state.nodes)}",
        f"cluster_size:{state.size}",
        f"cluster_current_epoch:{state.current_epoch}",
        f"cluster_my_epoch:{state.myself.slot_owner.config_epoch}",
        *_message_counts("sent", state.sent),
        *_message_counts("received", state.received),
        f"total_cluster_links_buffer_limit_exceeded:{state.links_over_limit}",
    ]
    return "".join([line + "\r\n" for line in lines])


def _message_counts(what: str, counts: list[int]) -> list[str]:
    lines = [
        f"cluster_stats_messages_{name}_{what}:{count}"
        for name, count in zip(MESSAGE_NAMES, counts, strict=True)
        if count
    ]
    lines.append(f"cluster_stats_messages_{what}:{sum(counts)}")
    return lines


def _auxiliary_fields(node: ClusterNode, *, tls: bool) -> str:
    other_port = f",tcp-port={node.tcp_port}" if tls else f",tls-port={node.tls_port}"
    nodename = f",nodename={node.human_nodename}" if node.human_nodename else ""
    return f"{other_port}{nodename},shard-id={node.shard_id}"


def _slots(node: ClusterNode) -> str:
    """Its slots, each run after a blank. They seldom change, and are asked for with each save."""
    if node.described_slots != node.slots:
        node.described_slots = bytes(node.slots)
        node.slots_text = "".join(
            [
                f" {first}" if first == last else f" {first}-{last}"
                for first, last in bitmap.ranges(node.slots)
            ]
        )
    return node.slots_text


def _open_slots(state: ClusterState) -> list[str]:
    fields = []
    for slot in sorted({*state.migrating_to, *state.importing_from}):
        if slot in state.migrating_to:
            fields.append(f"[{slot}->-{state.migrating_to[slot].node_id}]")
        else:
            fields.append(f"[{slot}-<-{state.importing_from[slot].node_id}]")
    return fields
