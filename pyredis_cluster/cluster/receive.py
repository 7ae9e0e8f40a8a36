"""Dispatch of one message that came on a link."""

from __future__ import annotations

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.election import handle_vote
from pyredis_cluster.cluster.epochs import note_epochs
from pyredis_cluster.cluster.failure import handle_fail
from pyredis_cluster.cluster.gossip import handle_gossip
from pyredis_cluster.cluster.manual_failover import handle_request, note_standstill
from pyredis_cluster.cluster.messages import Failing, Gossip, Header, Message, Published, SlotsUpdate, Unknown
from pyredis_cluster.cluster.node import ClusterNode, Link
from pyredis_cluster.cluster.ownership import handle_update
from pyredis_cluster.cluster.ready import Delivery
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.voting import handle_auth_request
from pyredis_cluster.cluster.wire import MessageType


def receive(state: ClusterState, link: Link, message: Message) -> None:
    """Act on `message`. Senders that are not known here are heard only if they MEET (or PING) us.

    Source: clusterProcessPacket.
    """
    header, body = message
    type_ = header.type
    if type_ < len(MessageType):
        state.received[type_] += 1
    if isinstance(body, Unknown):
        if body.version == wire.PROTOCOL_VERSION:
            state.out.log("warning", f"Received unknown packet type: {type_}")
        return
    sender = _sender(state, link, header)
    if sender is not None:
        sender.data_received_ms = state.now_ms
        if not sender.in_handshake and sender is not state.myself:
            # What a replica announces is its primary's epoch. Before it is known here as a replica, which
            # only PING and PONG tell, that must not pass for the epoch of slots it had as a primary: others
            # would be told that it is the one who has them. Redis tells them so.
            is_own = not (sender.is_primary and header.primary) or isinstance(body, Gossip)
            note_epochs(state, sender, header.current_epoch, header.config_epoch if is_own else 0)
            sender.repl_offset = header.offset
            note_standstill(state, sender, header)
    if isinstance(body, Gossip):
        handle_gossip(state, link, sender, header, body)
    elif isinstance(body, Failing):
        handle_fail(state, sender, header.sender, body.node_id)
    elif sender is None or sender is state.myself:
        return
    elif isinstance(body, Published):
        sharded = type_ == MessageType.PUBLISHSHARD
        state.out.ready.deliveries.append(Delivery(body.channel, body.message, sharded))
    elif isinstance(body, SlotsUpdate):
        handle_update(state, body)
    elif type_ == MessageType.FAILOVER_AUTH_REQUEST:
        handle_auth_request(state, sender, header)
    elif type_ == MessageType.FAILOVER_AUTH_ACK:
        handle_vote(state, sender, header.current_epoch)
    elif type_ == MessageType.MFSTART:
        handle_request(state, sender, link)


def _sender(state: ClusterState, link: Link, header: Header) -> ClusterNode | None:
    """Who speaks: the link's node, else the one of the id that the message bears.

    Source: getNodeFromLinkAndMsg.
    """
    if link.node is not None and not link.node.in_handshake:
        return link.node
    sender = state.lookup(header.sender)
    if sender is not None and link.node is None:
        state.adopt_inbound_link(sender, link)
    return sender
