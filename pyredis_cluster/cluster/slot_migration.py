"""Slots that go from one primary to another by the hand of an administrator (CLUSTER SETSLOT).

The source marks the slot as migrating, the destination as importing; keys are moved one by one, while clients
that ask for what is gone already are sent after it. At the end each is told the new owner: the destination,
first of all, which takes a new config epoch so that all others believe it.
Refusals are raised as CommandError, Redis's texts. Source: clusterCommand, SETSLOT.
"""

from __future__ import annotations

from pyredis_cluster.cluster.admin import known_node
from pyredis_cluster.cluster.epochs import bump_without_consensus
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.sending import broadcast_pong
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.protocol.errors import CommandError


def mark_migrating(state: ClusterState, slot: int, node_id: str) -> None:
    """Keys of `slot`, which is ours, go to that node: SETSLOT MIGRATING."""
    if state.slots[slot] is not state.myself:
        raise CommandError(f"ERR I'm not the owner of hash slot {slot}")
    state.open_slot(slot, state.migrating_to, _other_primary(state, node_id))
    _changed(state)


def mark_importing(state: ClusterState, slot: int, node_id: str) -> None:
    """Keys of `slot`, which is not ours, come from that node: SETSLOT IMPORTING."""
    if state.slots[slot] is state.myself:
        raise CommandError(f"ERR I'm already the owner of hash slot {slot}")
    state.open_slot(slot, state.importing_from, _other_primary(state, node_id))
    _changed(state)


def mark_stable(state: ClusterState, slot: int) -> None:
    """Remove both marks: SETSLOT STABLE."""
    state.open_slot(slot, state.importing_from, None)
    state.open_slot(slot, state.migrating_to, None)
    _changed(state)


def assign(state: ClusterState, slot: int, node_id: str) -> None:
    """`slot` is that node's from now on, in this node's table: SETSLOT NODE.

    It must not be taken from this node while there are keys. A node that gives up its last slot becomes the
    new owner's replica; one that ends its import so takes a new config epoch and tells everyone.
    """
    me = state.myself
    owner = _primary(known_node(state, node_id))
    was_mine = state.slots[slot] is me
    is_news = state.slots[slot] is not owner or slot in state.migrating_to or slot in state.importing_from
    has_keys = state.keys_in_slot(slot) > 0
    if was_mine and owner is not me and has_keys:
        raise CommandError(
            f"ERR Can't assign hashslot {slot} to a different node"
            " while I still hold keys for this hash slot."
        )
    if not has_keys:
        state.open_slot(slot, state.migrating_to, None)
    state.delete_slot(slot)
    state.add_slot(owner, slot)
    if was_mine and owner is not me and me.slot_count == 0 and state.settings.allow_replica_migration:
        state.out.log(
            "notice",
            "Configuration change detected. Reconfiguring myself as a replica of"
            f" {owner.node_id} ({owner.human_nodename})",
        )
        become_replica_of(state, owner)
    if owner is me and slot in state.importing_from:
        if bump_without_consensus(state):
            state.out.log("notice", f"configEpoch updated after importing slot {slot}")
        state.open_slot(slot, state.importing_from, None)
        broadcast_pong(state)
    if is_news:  # else the owner itself has told it already
        _changed(state)
        if owner is me:
            # Should this node forget it, nobody would have the slot: others believe what they are told now.
            state.out.save_config(fsync=True)


def _other_primary(state: ClusterState, node_id: str) -> ClusterNode:
    node = state.lookup(node_id)
    if node is None:
        raise CommandError(f"ERR I don't know about node {node_id}")
    return _primary(node)


def _primary(node: ClusterNode) -> ClusterNode:
    if node.is_replica:
        raise CommandError("ERR Target node is not a master")
    return node


def _changed(state: ClusterState) -> None:
    state.out.save_config()
    state.out.update_state = True
