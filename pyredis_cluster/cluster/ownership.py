"""Who owns which slot: claims of other nodes against this node's table, by config epoch."""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.cluster import bitmap
from pyredis_cluster.cluster.messages import Header, SlotsUpdate
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.ready import SlotsLost
from pyredis_cluster.cluster.roles import become_primary, become_replica_of
from pyredis_cluster.cluster.sending import send_update
from pyredis_cluster.cluster.state import ClusterState


def handle_claims(state: ClusterState, sender: ClusterNode, header: Header) -> None:
    """Compare the slots a PING, PONG or MEET claims with the table.

    Newer claims of a primary are taken over; a sender whose claims are out of date is told so.
    """
    owner = sender if sender.is_primary else sender.primary
    # With unclaimed slots about, equal claims matter too: the owner may claim one of them again.
    if owner is None or (owner.slots == header.slots and not state.not_claimed):
        return
    if sender.is_primary:
        take_over_claims(state, sender, header.config_epoch, header.slots)
    _correct_stale_claims(state, sender, header)


def handle_update(state: ClusterState, update: SlotsUpdate) -> None:
    """An UPDATE message: some node owns slots under a newer epoch than is known here."""
    node = state.lookup(update.node_id)
    if node is None or node.config_epoch >= update.config_epoch:
        return
    node.config_epoch = update.config_epoch
    state.save_claims_of(node)
    if node is state.myself:
        state.out.log("notice", "Discarding UPDATE message about myself.")
        return
    if node.is_replica:
        become_primary(state, node)
    take_over_claims(state, node, update.config_epoch, update.slots)


def take_over_claims(state: ClusterState, claimant: ClusterNode, config_epoch: int, claimed: bytes) -> None:
    """Rebind to `claimant` each slot it claims that is unclaimed or owned under an older config epoch.

    Where this node, or its primary, loses its last slot so, it becomes the claimant's replica; else the
    keys of slots it lost are deleted. O(nodes + runs of slots that differ), for slots of this node O(slots).
    Source: clusterUpdateSlotsConfigWith.
    """
    me = state.myself
    my_primary = me if me.is_primary else me.primary
    claimed_bits = bitmap.to_int(claimed)
    owned_bits = claimant.slot_bits()
    if state.not_claimed:
        claimed_again = claimed_bits & owned_bits & bitmap.of_few(state.not_claimed)
        state.not_claimed.difference_update(bitmap.bits(claimed_again))
    # A slot being imported changes hands by SETSLOT alone.
    importing = bitmap.of_few(state.importing_from)
    taken = claimed_bits & ~owned_bits & ~importing & ~_firmly_owned(state, config_epoch)
    lost_with_keys = [slot for slot in bitmap.bits(taken & me.slot_bits()) if state.keys_in_slot(slot)]
    lost_by_us = (taken & my_primary.slot_bits()).bit_count() if my_primary is not None else 0
    if taken:
        _save_taking(state, claimant, taken)
        state.take_slots(claimant, taken)
        state.out.update_state = True
    state.not_claimed.update(bitmap.bits(owned_bits & ~claimed_bits))
    took_all = lost_by_us == claimed_bits.bit_count()
    _settle_loss(state, claimant, lost_by_us, took_all, lost_with_keys)


def _save_taking(state: ClusterState, claimant: ClusterNode, taken: int) -> None:
    """Have it saved that `claimant` takes these slots, given as bits, from their owners."""
    migrating = [slot for slot, node in state.migrating_to.items() if node is claimant]
    # Should it be forgotten of these, who asks for their keys is still sent on.
    unprepared = taken & ~bitmap.of_few(migrating)
    if unprepared != taken:
        state.out.save_hearsay()
    if unprepared:
        state.save_claims_of(claimant)
        for owner in state.nodes.values():
            if unprepared & owner.slot_bits():
                state.save_claims_of(owner)


def claim_loaded_keys(state: ClusterState, slots: Iterable[int]) -> None:
    """Make the table fit the keys that were loaded, which are of these slots.

    Nobody's become this node's, those of others are marked as being imported, so that the keys can be had and
    moved. A replica's keys are its primary's.

    Source: verifyClusterConfigWithData.
    """
    me = state.myself
    if me.is_replica:
        return
    for slot in slots:
        owner = state.slots[slot]
        if owner is me or slot in state.importing_from:
            continue
        if owner is None:
            state.out.log("notice", f"I have keys for unassigned slot {slot}. Taking responsibility for it.")
            state.add_slot(me, slot)
        else:
            state.out.log(
                "notice",
                f"I have keys for slot {slot}, but the slot is assigned to another node."
                " Setting it to importing state.",
            )
            state.open_slot(slot, state.importing_from, owner)
        state.out.save_config(fsync=True)
        state.out.update_state = True


def _settle_loss(
    state: ClusterState, claimant: ClusterNode, lost_by_us: int, took_all: bool, lost_with_keys: list[int]
) -> None:
    me = state.myself
    my_primary = me if me.is_primary else me.primary
    replaced = bool(lost_by_us) and my_primary is not None and my_primary.slot_count == 0
    if replaced and (state.settings.allow_replica_migration or took_all):
        _follow(state, claimant, "Configuration change detected. Reconfiguring myself as a replica of")
    elif (grand_primary := _grand_primary(state)) is not None:
        why = "I'm a sub-replica! Reconfiguring myself as a replica of grandmaster"
        _follow(state, grand_primary, why)
    elif lost_with_keys:
        state.out.emit(SlotsLost(tuple(lost_with_keys)))


def _grand_primary(state: ClusterState) -> ClusterNode | None:
    primary = state.myself.primary
    # A replica of a replica of itself, possible after a TAKEOVER, waits for the administrator.
    if primary is None or primary.primary is state.myself:
        return None
    return primary.primary


def _follow(state: ClusterState, primary: ClusterNode, why: str) -> None:
    state.out.log("notice", f"{why} {primary.node_id} ({primary.human_nodename})")
    become_replica_of(state, primary)


def _firmly_owned(state: ClusterState, config_epoch: int) -> int:
    """The slots, as bits, that no claim under `config_epoch` takes from their owners. O(nodes)."""
    owned = 0
    for node in state.nodes.values():
        if node.slot_count and node.config_epoch >= config_epoch:
            owned |= node.slot_bits()
    if state.not_claimed:
        owned &= ~bitmap.of_few(state.not_claimed)
    return owned


def newer_owner(state: ClusterState, slots: int, config_epoch: int) -> tuple[int, ClusterNode] | None:
    """The first of `slots` (bits) whose owner has it under a newer epoch, and that owner. O(nodes)."""
    if state.not_claimed:
        slots &= ~bitmap.of_few(state.not_claimed)
    newer = [
        (common & -common, owner.node_id)
        for owner in state.nodes.values()
        if owner.slot_count and owner.config_epoch > config_epoch and (common := slots & owner.slot_bits())
    ]
    if not newer:
        return None
    slot_bit, node_id = min(newer)
    return slot_bit.bit_length() - 1, state.nodes[node_id]


def _correct_stale_claims(state: ClusterState, sender: ClusterNode, header: Header) -> None:
    claimed = bitmap.to_int(header.slots) & ~sender.slot_bits()
    # One at a time, that of the first slot: the next PING brings the next, if any.
    newer = newer_owner(state, claimed, header.config_epoch)
    if newer is not None:
        state.out.log(
            "verbose",
            f"Node {sender.node_id} has old slots configuration, sending an UPDATE message"
            f" about {newer[1].node_id}",
        )
        send_update(state, sender.link, newer[1])
