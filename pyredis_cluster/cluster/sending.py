"""Building messages about this node and handing them to the links."""

from __future__ import annotations

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.messages import (
    Body,
    Extensions,
    Failing,
    ForgottenNode,
    Gossip,
    GossipEntry,
    Header,
    Published,
    SlotsUpdate,
    encode,
)
from pyredis_cluster.cluster.node import ClusterNode, Link
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MessageType

_MIN_GOSSIP_ENTRIES = 3


def build_header(state: ClusterState, type_: MessageType, message_flags: int = 0) -> Header:
    """The header of a message sent now. A replica tells its primary's slots and config epoch.

    Source: clusterBuildMessageHdr.
    """
    me = state.myself
    settings = state.settings
    owner = me.slot_owner
    port, secondary_port = settings.announced_tcp_port, settings.announced_tls_port
    if settings.tls_cluster:
        port, secondary_port = secondary_port, port
    if me.is_primary and state.manual_failover is not None:
        # Its offset stands still: who has got that far has everything.
        message_flags |= wire.PAUSED
    return Header(
        type_,
        me.node_id,
        state.current_epoch,
        owner.config_epoch,
        state.repl_offset(),
        bytes(owner.slots),
        me.primary.node_id if me.primary is not None else "",
        settings.announce_ip,
        port,
        secondary_port,
        settings.announced_bus_port,
        me.flags,
        0 if state.ok else 1,
        message_flags,
    )


def send(state: ClusterState, link: Link | None, type_: MessageType, body: Body = None) -> None:
    """Send one message on `link`, if there is one."""
    if link is not None:
        _queue(state, link, type_, encode(build_header(state, type_), body))


def broadcast(state: ClusterState, type_: MessageType, body: Body = None, *, message_flags: int = 0) -> None:
    """Send one message to every known node that has a link."""
    nodes = [node for node in state.nodes.values() if not node.flags & (wire.MYSELF | wire.HANDSHAKE)]
    send_to_nodes(state, nodes, type_, body, message_flags)


def send_to_nodes(
    state: ClusterState, nodes: list[ClusterNode], type_: MessageType, body: Body, message_flags: int = 0
) -> None:
    """Send one message to those of `nodes` that have a link; encoded once."""
    links = [node.link for node in nodes if node.link is not None]
    if links:
        data = encode(build_header(state, type_, message_flags), body)
        for link in links:
            _queue(state, link, type_, data)


def send_ping(state: ClusterState, link: Link, type_: MessageType) -> None:
    """Send PING, PONG or MEET with gossip about other nodes; a PING is remembered as awaiting its PONG.

    Source: clusterSendPing.
    """
    if type_ == MessageType.PING and not link.inbound and link.node is not None:
        link.node.ping_sent_ms = state.now_ms
    entries = tuple([_gossip_entry(state, node) for node in choose_gossip(state)])
    extensions = _extensions(state) if state.settings.sends_extensions else Extensions()
    send(state, link, type_, Gossip(entries, extensions))


def broadcast_pong(state: ClusterState, *, among_replicas: bool = False) -> None:
    """Send a PONG that nobody asked for to every known node that has a link.

    With `among_replicas` to the replicas of this node, and to those of its primary, alone.
    Source: clusterBroadcastPong.
    """
    me = state.myself
    for node in state.nodes.values():
        if node.link is None or node.flags & (wire.MYSELF | wire.HANDSHAKE):
            continue
        if among_replicas and (node.primary is None or node.primary not in (me, me.primary)):
            continue
        send_ping(state, node.link, MessageType.PONG)


def send_update(state: ClusterState, link: Link | None, node: ClusterNode) -> None:
    """Tell a node that claims slots of `node` under an older config epoch whose they are."""
    slots = bytearray(node.slots)
    for slot in state.not_claimed:
        slots[slot >> 3] &= ~(1 << (slot & 7))
    send(state, link, MessageType.UPDATE, SlotsUpdate(node.config_epoch, node.node_id, bytes(slots)))


def broadcast_fail(state: ClusterState, node: ClusterNode) -> None:
    """Have every reachable node take `node` for down."""
    broadcast(state, MessageType.FAIL, Failing(node.node_id))


def publish(state: ClusterState, channel: bytes, message: bytes, *, sharded: bool) -> None:
    """Pass a published message on: to all nodes, or to those of this shard."""
    body = Published(channel, message)
    if not sharded:
        broadcast(state, MessageType.PUBLISH, body)
        return
    shard = state.shards[state.myself.shard_id]
    nodes = [node for node in shard if not node.flags & (wire.MYSELF | wire.HANDSHAKE)]
    send_to_nodes(state, nodes, MessageType.PUBLISHSHARD, body)


def choose_gossip(state: ClusterState) -> list[ClusterNode]:
    """The nodes to gossip about: a tenth of all, at least 3, chosen at random; then all in PFAIL.

    A tenth makes it likely enough that, within the validity of failure reports, the majority hears of a
    failing node from each other; those in PFAIL are added so that it does not depend on luck.
    """
    nodes = list(state.nodes.values())
    total = len(nodes)
    fresh = total - 2  # all but this node and the receiver
    wanted = min(max(total // 10, _MIN_GOSSIP_ENTRIES), fresh)
    chosen: dict[ClusterNode, None] = {}
    attempts = wanted * 3
    while fresh > 0 and len(chosen) < wanted and attempts > 0:
        attempts -= 1
        node = nodes[state.random.randrange(total)]
        if node is state.myself or node.is_suspected:
            continue
        if node.flags & (wire.HANDSHAKE | wire.NOADDR) or (node.link is None and not node.slot_count):
            fresh -= 1  # counted once per draw, not per node, as the reference does to bound the work
            continue
        if node not in chosen:
            chosen[node] = None
            fresh -= 1
    suspected = [
        node
        for node in nodes
        if node.is_suspected and not node.flags & (wire.HANDSHAKE | wire.NOADDR | wire.MYSELF)
    ]
    return [*chosen, *suspected]


def _gossip_entry(state: ClusterState, node: ClusterNode) -> GossipEntry:
    port, secondary_port = node.tcp_port, node.tls_port
    if state.settings.tls_cluster:
        port, secondary_port = secondary_port, port
    return GossipEntry(
        node.node_id,
        node.ping_sent_ms // 1000,
        node.pong_received_ms // 1000,
        node.ip,
        port,
        node.bus_port,
        node.flags,
        secondary_port,
    )


def _extensions(state: ClusterState) -> Extensions:
    me = state.myself
    forgotten = [
        ForgottenNode(node_id, ttl_s) for node_id, ttl_s in state.blacklist.remaining_s(state.now_ms)
    ]
    return Extensions(me.hostname, me.human_nodename, tuple(forgotten), me.shard_id)


def _queue(state: ClusterState, link: Link, type_: MessageType, data: bytes) -> None:
    state.out.ready.sends.append((link.link_id, data))
    state.sent[type_] += 1
