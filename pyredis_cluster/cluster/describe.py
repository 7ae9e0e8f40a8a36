"""CLUSTER NODES, CLUSTER INFO and nodes.conf as text."""

from __future__ import annotations

from typing import NamedTuple

from pyredis_cluster.cluster import bitmap, wire
from pyredis_cluster.cluster.audience import ANYONE, Audience
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MESSAGE_NAMES


def describe_nodes(state: ClusterState, *, tls: bool = False, audience: Audience = ANYONE) -> str:
    """The reply of CLUSTER NODES: one line a node, this form:

    `<id> <ip>:<port>@<bus port>[,<hostname>] <flags> <primary|-> <ping sent> <pong received> <epoch>
    <link> [<slot>|<first>-<last>|[<slot>-><id>]|[<slot>-<-<id>]]...`
    """
    nodes = state.nodes.values()
    return "".join([describe_node(state, node, tls=tls, audience=audience) + "\n" for node in nodes])


class ConfigText(NamedTuple):
    """The content of nodes.conf, and what of it matters to who loads it.

    That is all but how links are, and when a node was last heard: it can only be compared.
    """

    whole: str
    lasting: str


def describe_config(state: ClusterState) -> ConfigText:
    """The content of nodes.conf: all nodes but those in handshake, and the epochs."""
    tls = state.settings.tls_cluster
    lines = [
        _describe(state, node, tls=tls, to_file=True)
        for node in state.nodes.values()
        if not node.flags & wire.HANDSHAKE
    ]
    epochs = f"vars currentEpoch {state.current_epoch} lastVoteEpoch {state.last_vote_epoch}\n"
    whole = "\n".join(
        [f"{known} {heard} {epoch} {link}{slots}" for known, heard, epoch, link, slots in lines]
    )
    lasting = "\n".join([f"{known} {epoch}{slots}" for known, _, epoch, _, slots in lines])
    return ConfigText(f"{whole}\n{epochs}", f"{lasting}\n{epochs}")


def describe_node(
    state: ClusterState, node: ClusterNode, *, tls: bool = False, audience: Audience = ANYONE
) -> str:
    """One node's line of CLUSTER NODES."""
    known, heard, epoch, link, slots = _describe(state, node, tls=tls, to_file=False, audience=audience)
    return f"{known} {heard} {epoch} {link}{slots}"


def _describe(
    state: ClusterState, node: ClusterNode, *, tls: bool, to_file: bool, audience: Audience = ANYONE
) -> tuple[str, str, int, str, str]:
    """A node's line, taken apart: who it is, when it was heard, its epoch, its link, its slots.

    Files hold auxiliary fields (shard id, other port) that clients do not see.
    """
    address = f"{audience.ip(state, node)}:{audience.port(state, node, tls=tls)}@{node.bus_port}"
    if node.hostname or to_file:
        address += f",{node.hostname}"
    if to_file:
        address += _auxiliary_fields(node, tls=tls)
    primary_id = node.primary.node_id if node.primary is not None else "-"
    slots = _slots(node)
    if node is state.myself and (state.migrating_to or state.importing_from):
        slots += " " + " ".join(_open_slots(state))
    return (
        f"{node.node_id} {address} {node.flag_text()} {primary_id}",
        f"{node.ping_sent_ms} {node.pong_received_ms}",
        node.slot_owner.config_epoch,
        "disconnected" if node.link is None and node is not state.myself else "connected",
        slots,
    )


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
