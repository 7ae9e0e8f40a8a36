"""Votes for replicas that want to replace their primary."""

from __future__ import annotations

from pyredis_cluster.cluster import bitmap, wire
from pyredis_cluster.cluster.messages import Header
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.ownership import newer_owner
from pyredis_cluster.cluster.sending import send
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MessageType


def handle_auth_request(state: ClusterState, sender: ClusterNode, request: Header) -> None:
    """Vote for `sender` if all conditions hold; the vote is saved before it leaves.

    Only a primary with slots votes, once per epoch, for a replica whose primary is down (or which was
    asked to take over), at most once in two node timeouts about the same primary, and only if the
    replica's claims are no older than what is known here.
    Source: clusterSendFailoverAuthIfNeeded.
    """
    me = state.myself
    if me.is_replica or me.slot_count == 0:
        return
    refusal = _refusal(state, sender, request)
    if refusal:
        name = f"{sender.node_id} ({sender.human_nodename})"
        state.out.log("warning", f"Failover auth denied to {name}: {refusal}")
        return
    state.last_vote_epoch = state.current_epoch
    assert sender.primary is not None
    sender.primary.voted_ms = state.now_ms
    state.out.save_config(fsync=True)
    send(state, sender.link, MessageType.FAILOVER_AUTH_ACK)
    state.out.log(
        "notice",
        f"Failover auth granted to {sender.node_id} ({sender.human_nodename})"
        f" for epoch {state.current_epoch}",
    )


def _refusal(state: ClusterState, sender: ClusterNode, request: Header) -> str:
    """Why `sender` is not voted for; "" where it is."""
    primary = sender.primary
    if request.current_epoch < state.current_epoch:
        return f"reqEpoch ({request.current_epoch}) < curEpoch({state.current_epoch})"
    if state.last_vote_epoch == state.current_epoch:
        return f"already voted for epoch {state.current_epoch}"
    if sender.is_primary:
        return "it is a master node"
    if primary is None:
        return "I don't know its master"
    if not primary.is_failed and not request.message_flags & wire.FORCE_ACK:
        return "its master is up"
    wait_ms = primary.voted_ms + 2 * state.settings.node_timeout_ms - state.now_ms
    if wait_ms > 0:
        return f"can't vote about this master before {wait_ms} milliseconds"
    newer = newer_owner(state, bitmap.to_int(request.slots), request.config_epoch)
    if newer is not None:
        slot, owner = newer
        return f"slot {slot} epoch ({owner.config_epoch}) > reqEpoch ({request.config_epoch})"
    return ""
