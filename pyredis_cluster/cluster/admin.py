"""What administrators change by CLUSTER subcommands. Refusals are raised as CommandError, Redis's texts."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.ready import DataDropped
from pyredis_cluster.cluster.roles import become_primary, become_replica_of, end_manual_failover
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.slots import SLOT_COUNT

_MAX_PORT = 65535


def meet(state: ClusterState, ip: str, port: int, bus_port: int) -> bool:
    """Start a handshake; False where the address is none, and no harm where one is under way already.

    Source: clusterStartHandshake.
    """
    try:
        if "%" in ip:
            return False
        ip = str(ip_address(ip))
    except ValueError:
        return False
    if not 0 < port <= _MAX_PORT or not 0 < bus_port <= _MAX_PORT:
        return False
    tls = state.settings.tls_cluster
    for node in state.nodes.values():
        if node.in_handshake and (node.ip, node.client_port(tls), node.bus_port) == (ip, port, bus_port):
            return True
    node = state.create_node(wire.HANDSHAKE | wire.MEET)
    node.ip = ip
    if tls:
        node.tls_port = port
    else:
        node.tcp_port = port
    node.bus_port = bus_port
    state.add_node(node)
    return True


def known_node(state: ClusterState, node_id: str) -> ClusterNode:
    """The node of that id. Raises CommandError where there is none."""
    node = state.lookup(node_id)
    if node is None:
        raise CommandError(f"ERR Unknown node {node_id}")
    return node


def forget(state: ClusterState, node_id: str) -> None:
    """Remove a node and keep it out for a minute, on all nodes (CLUSTER FORGET)."""
    # By now another node may have told us; the administrator's second command has then succeeded.
    if state.lookup(node_id) is None and state.blacklist.holds(node_id, state.now_ms):
        return
    node = known_node(state, node_id)
    if node is state.myself:
        raise CommandError("ERR I tried hard but I can't forget myself...")
    if node is state.myself.primary:
        raise CommandError("ERR Can't forget my master!")
    state.blacklist.add(node_id, state.now_ms)
    state.delete_node(node)
    _changed(state)


def replicate(state: ClusterState, node_id: str, *, has_keys: bool) -> None:
    """Make this node a replica of that primary (CLUSTER REPLICATE), also where it is one already.

    A primary must have neither slots nor keys. Raises CommandError, and has changed nothing then.
    """
    me = state.myself
    primary = known_node(state, node_id)
    if primary is me:
        raise CommandError("ERR Can't replicate myself")
    if primary.is_replica:
        raise CommandError("ERR I can only replicate a master, not a replica.")
    if me.is_primary and (me.slot_count or has_keys):
        raise CommandError("ERR To set a master the node must be empty and without assigned slots.")
    become_replica_of(state, primary)


def add_slots(state: ClusterState, ranges: Iterable[tuple[int, int]]) -> None:
    """Take unassigned slots, given as (first, last); all or none."""
    for slot in _checked(state, ranges, assigned=False):
        # Being the owner settles an import.
        state.open_slot(slot, state.importing_from, None)
        state.add_slot(state.myself, slot)
    _changed(state)


def delete_slots(state: ClusterState, ranges: Iterable[tuple[int, int]]) -> None:
    """Unassign slots in this node's table, given as (first, last), whoever has them; all or none."""
    for slot in _checked(state, ranges, assigned=True):
        state.open_slot(slot, state.importing_from, None)
        state.delete_slot(slot)
    _changed(state)


def flush_slots(state: ClusterState) -> None:
    """Unassign all slots of this node."""
    state.delete_slots_of(state.myself)
    _changed(state)


def set_config_epoch(state: ClusterState, epoch: int) -> None:
    """Give a fresh node its config epoch, so that a new cluster starts without collisions."""
    if epoch < 0:
        raise CommandError(f"ERR Invalid config epoch specified: {epoch}")
    if len(state.nodes) > 1:
        raise CommandError(
            "ERR The user can assign a config epoch only when the node does not know any other node."
        )
    if state.myself.config_epoch != 0:
        raise CommandError("ERR Node config epoch is already non-zero")
    state.myself.config_epoch = epoch
    state.out.log("notice", f"configEpoch set to {epoch} via CLUSTER SET-CONFIG-EPOCH")
    state.current_epoch = max(state.current_epoch, epoch)
    _changed(state)


def reset(state: ClusterState, *, hard: bool) -> None:
    """Forget all nodes and slots and be a primary; `hard`: under a new id and with epochs 0.

    A replica's data goes; that a primary has no keys is for the caller to check.
    Source: clusterReset.
    """
    me = state.myself
    if me.is_replica:
        become_primary(state, me)
        state.out.emit(DataDropped())
    end_manual_failover(state)
    state.close_all_slots()
    for slot in range(SLOT_COUNT):
        state.delete_slot(slot)
    for node in [node for node in state.nodes.values() if node is not me]:
        state.delete_node(node)
    state.blacklist.clear()
    if hard:
        state.current_epoch = state.last_vote_epoch = me.config_epoch = 0
        state.out.log("notice", "configEpoch set to 0 via CLUSTER RESET HARD")
        state.change_my_id()
        state.out.log("notice", f"Node hard reset, now I'm {me.node_id}")
    state.join_shard(me, me.shard_id)
    state.out.save_config(fsync=True)
    state.out.update_state = True


def _checked(state: ClusterState, ranges: Iterable[tuple[int, int]], *, assigned: bool) -> list[int]:
    """The slots of `ranges`, each given once and assigned or not as asked. Raises CommandError."""
    slots: list[int] = []
    seen = bytearray(SLOT_COUNT)
    for first, last in ranges:
        for slot in range(first, last + 1):
            if assigned and state.slots[slot] is None:
                raise CommandError(f"ERR Slot {slot} is already unassigned")
            if not assigned and state.slots[slot] is not None:
                raise CommandError(f"ERR Slot {slot} is already busy")
            if seen[slot]:
                raise CommandError(f"ERR Slot {slot} specified multiple times")
            seen[slot] = 1
            slots.append(slot)
    return slots


def _changed(state: ClusterState) -> None:
    state.out.update_state = True
    state.out.save_config()
