"""PING, PONG and MEET: introductions, addresses, roles, and what they gossip about other nodes."""

from __future__ import annotations

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.epochs import resolve_collision
from pyredis_cluster.cluster.failure import (
    add_report,
    become_reachable,
    count_reports,
    printable,
    withdraw_report,
)
from pyredis_cluster.cluster.messages import Extensions, Gossip, GossipEntry, Header
from pyredis_cluster.cluster.node import ClusterNode, Link, is_node_id
from pyredis_cluster.cluster.ownership import handle_claims
from pyredis_cluster.cluster.roles import become_primary, become_replica, follow_primary
from pyredis_cluster.cluster.sending import send_ping
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.waking import note_answer
from pyredis_cluster.cluster.wire import MessageType

_CLOCK_TOLERANCE_MS = 500
_MAX_HANDSHAKES = 1000


def handle_gossip(
    state: ClusterState, link: Link, sender: ClusterNode | None, header: Header, body: Gossip
) -> None:
    """Act on a PING, PONG or MEET that came on `link`; `sender` is None for a node not known here.

    Source: clusterProcessPacket of the reference, for these types.
    """
    if header.type != MessageType.PONG:
        _answer(state, link, sender, header, body)
    if not link.inbound and not _is_right_peer(state, link, sender, header):
        return
    # Nothing but a copy of this node's own id says such a thing; there is nothing to learn from it.
    if sender is state.myself:
        return
    if sender is not None:
        sender.flags = sender.flags & ~wire.NOFAILOVER | header.flags & wire.NOFAILOVER
        if header.type == MessageType.PING and not sender.in_handshake:
            update_address(state, sender, link, header)
    if not link.inbound and header.type == MessageType.PONG and link.node is not None:
        link.node.pong_received_ms = state.now_ms
        link.node.ping_sent_ms = 0
        become_reachable(state, link.node)
        if state.roll_call:
            note_answer(state, link)
    if sender is None:
        return
    _update_role(state, sender, header)
    handle_claims(state, sender, header)
    if state.myself.is_primary and sender.is_primary and header.config_epoch == state.myself.config_epoch:
        resolve_collision(state, sender)
    for entry in body.entries:
        _hear(state, sender, entry)
    _handle_extensions(state, sender, body.extensions)


def update_address(state: ClusterState, node: ClusterNode, link: Link, header: Header) -> bool:
    """Take over the address that `node` announces, or that it speaks from; reconnect where it differs.

    Not from what came on the link we made ourselves: that one says where we connected to, no more.
    Source: nodeUpdateAddressIfNeeded.
    """
    ip = header.ip or link.peer_ip
    if link is node.link or not ip:
        return False
    tcp_port, tls_port = _client_ports(state, header.port, header.secondary_port)
    address = (ip, tcp_port, tls_port, header.bus_port)
    if address == (node.ip, node.tcp_port, node.tls_port, node.bus_port):
        return False
    node.ip, node.tcp_port, node.tls_port, node.bus_port = address
    if node.link is not None:
        state.drop_link(node.link)
    node.flags &= ~wire.NOADDR
    port = node.client_port(state.settings.tls_cluster)
    name = f"{node.node_id} ({node.human_nodename})"
    state.out.log("notice", f"Address updated for node {name}, now {node.ip}:{port}")
    if state.myself.primary is node:
        follow_primary(state)
    state.out.save_hearsay()
    state.out.update_state = True
    return True


def update_shard_id(state: ClusterState, node: ClusterNode, shard_id: str) -> None:
    """Take over the shard id of `node`; a replica of it follows suit."""
    if node.shard_id != shard_id:
        state.join_shard(node, shard_id)
        state.out.save_hearsay()
    me = state.myself
    if me.primary is node and me.shard_id != shard_id:
        state.join_shard(me, shard_id)
        state.out.save_config(fsync=True)


def _answer(
    state: ClusterState, link: Link, sender: ClusterNode | None, header: Header, body: Gossip
) -> None:
    """A PING or MEET: learn our own address by it, get to know who met us, and send the PONG."""
    me = state.myself
    met = header.type == MessageType.MEET
    # Whoever meets us does so at our official address, so the socket tells it.
    if (met or not me.ip) and not state.settings.announce_ip and link.local_ip not in ("", me.ip):
        me.ip = link.local_ip
        state.out.log("notice", f"IP address for this node updated to {me.ip}")
        state.out.save_config()
    if met and sender is None:
        _begin_handshake(state, header, header.ip or link.peer_ip)
        for entry in body.entries:
            _hear(state, link.node, entry)
    send_ping(state, link, MessageType.PONG)


def _begin_handshake(state: ClusterState, header: Header, ip: str) -> None:
    """Get to know who met us, unless a handshake with that address is under way, or too many are.

    The reference begins one at each MEET: a stranger could fill its table.
    """
    tcp_port, tls_port = _client_ports(state, header.port, header.secondary_port)
    address = (ip, tcp_port, tls_port, header.bus_port)
    under_way = [node for node in state.nodes.values() if node.in_handshake]
    if not ip or len(under_way) >= _MAX_HANDSHAKES:
        return
    if any((node.ip, node.tcp_port, node.tls_port, node.bus_port) == address for node in under_way):
        return
    node = state.create_node(wire.HANDSHAKE)
    node.ip, node.tcp_port, node.tls_port, node.bus_port = address
    state.add_node(node)


def _is_right_peer(state: ClusterState, link: Link, sender: ClusterNode | None, header: Header) -> bool:
    """Whether who answers on a link we made is who we meant; completes a handshake. False: link gone."""
    node = link.node
    assert node is not None
    if node.in_handshake:
        if sender is not None:
            state.out.log(
                "verbose",
                f"Handshake: we already know node {sender.node_id} ({sender.human_nodename}),"
                " updating the address if needed.",
            )
            if sender is not state.myself:
                update_address(state, sender, link, header)
            state.delete_node(node)
            return False
        if not is_node_id(header.sender):
            state.out.log("warning", f"Handshake with a node of bad id {printable(header.sender)} refused")
            state.delete_node(node)
            return False
        state.rename_node(node, header.sender)
        node.flags &= ~wire.HANDSHAKE
        node.flags |= header.flags & (wire.PRIMARY | wire.REPLICA)
        state.out.log("debug", f"Handshake with node {node.node_id} completed.")
        state.out.save_hearsay()
        return True
    if node.node_id == header.sender:
        return True
    # Another node runs at this address now: where the one we know went is not known.
    state.out.log(
        "debug",
        f"PONG contains mismatching sender ID. About node {node.node_id}"
        f" added {state.now_ms - node.created_ms} ms ago, having flags {node.flags}",
    )
    node.flags |= wire.NOADDR
    node.ip = ""
    node.tcp_port = node.tls_port = node.bus_port = 0
    state.drop_link(link)
    state.out.save_hearsay()
    return False


def _update_role(state: ClusterState, sender: ClusterNode, header: Header) -> None:
    if header.primary:
        become_replica(state, sender, state.lookup(header.primary))
    else:
        become_primary(state, sender)


def _hear(state: ClusterState, sender: ClusterNode | None, entry: GossipEntry) -> None:
    """One gossip entry. Only what known senders say adds nodes; only primaries report failures.

    Source: clusterProcessGossipSection.
    """
    node = state.lookup(entry.node_id)
    if node is None:
        if sender is not None:
            _hear_of_new_node(state, entry)
        return
    if node is state.myself:
        return
    bad = entry.flags & (wire.FAIL | wire.PFAIL)
    if sender is not None and sender.is_primary:
        if bad:
            add_report(state, node, sender)
        else:
            withdraw_report(state, node, sender)
    if bad:
        return
    if node.ping_sent_ms == 0 and count_reports(state, node) == 0:
        # A node that others hear from need not be pinged by us as often; but no time in the future.
        pong_ms = entry.pong_received_s * 1000
        if node.pong_received_ms < pong_ms <= state.now_ms + _CLOCK_TOLERANCE_MS:
            node.pong_received_ms = pong_ms
    if node.flags & (wire.FAIL | wire.PFAIL) and not entry.flags & wire.NOADDR:
        _follow_move(state, node, entry)


def _follow_move(state: ClusterState, node: ClusterNode, entry: GossipEntry) -> None:
    """A node that we cannot reach is fine elsewhere: connect to the address that others have."""
    tcp_port, tls_port = _client_ports(state, entry.port, entry.secondary_port)
    address = (entry.ip, tcp_port, tls_port, entry.bus_port)
    if address == (node.ip, node.tcp_port, node.tls_port, node.bus_port):
        return
    if node.link is not None:
        state.drop_link(node.link)
    node.ip, node.tcp_port, node.tls_port, node.bus_port = address
    node.flags &= ~wire.NOADDR


def _hear_of_new_node(state: ClusterState, entry: GossipEntry) -> None:
    if entry.flags & wire.NOADDR or not is_node_id(entry.node_id):
        return
    if state.blacklist.holds(entry.node_id, state.now_ms):
        return
    # Added with its id, not met: at that address there may be a node of another cluster by now.
    node = state.create_node(entry.flags & wire.GOSSIP_FLAGS, entry.node_id)
    node.ip = entry.ip
    node.tcp_port, node.tls_port = _client_ports(state, entry.port, entry.secondary_port)
    node.bus_port = entry.bus_port
    state.add_node(node)
    state.join_shard(node, node.shard_id)


def _handle_extensions(state: ClusterState, sender: ClusterNode, extensions: Extensions) -> None:
    for forgotten in extensions.forgotten:
        _forget(state, forgotten.node_id, forgotten.ttl_s)
    for type_ in extensions.unknown:
        state.out.log("verbose", f"Received unknown extension type {type_}")
    if sender.node_id not in state.nodes:  # it told us to forget itself
        return
    names = (extensions.hostname, extensions.human_nodename)
    if names != (sender.hostname, sender.human_nodename):
        sender.hostname, sender.human_nodename = names
        state.out.save_hearsay()
    # A sender older than 7.2 tells no shard id; its replicas at least share the one made up for it.
    shard_id = extensions.shard_id if is_node_id(extensions.shard_id) else sender.slot_owner.shard_id
    update_shard_id(state, sender, shard_id)


def _forget(state: ClusterState, node_id: str, ttl_s: int) -> None:
    node = state.lookup(node_id)
    if node is None or node is state.myself or node is state.myself.primary:
        return
    state.blacklist.add(node_id, state.now_ms, ttl_s)
    state.delete_node(node)
    state.out.update_state = True
    state.out.save_hearsay()


def _client_ports(state: ClusterState, port: int, secondary_port: int) -> tuple[int, int]:
    """(plaintext, TLS) of a primary and a secondary port."""
    return (secondary_port, port) if state.settings.tls_cluster else (port, secondary_port)
