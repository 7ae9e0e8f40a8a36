"""The only doors through which masters, replicas and sentinels come, change their address and go."""

from __future__ import annotations

from collections.abc import Sized
from typing import Final

from pyredis_cluster.sentinel import links
from pyredis_cluster.sentinel.events import emit
from pyredis_cluster.sentinel.instance import Address, FailoverState, Instance, Master, OtherSentinel, Replica
from pyredis_cluster.sentinel.state import BadInstanceError, SentinelState, is_same_address

_MAX_INSTANCES: Final = 1000
"""Replicas, or sentinels, of one master: what lies about them shall not cost all memory and sockets."""


def add_master(state: SentinelState, name: bytes, host: bytes, port: int, quorum: int) -> Master:
    """Monitor a master from now on. Raises BadInstanceError."""
    address = state.address(host, port, unresolved=True)
    if name in state.masters:
        raise BadInstanceError("Duplicate master name.")
    periods = state.periods
    master = Master(
        name,
        address,
        quorum,
        periods.default_down_after_ms,
        periods.default_failover_timeout_ms,
        state.now_ms,
    )
    state.masters[name] = master
    return master


def remove_master(state: SentinelState, master: Master) -> None:
    """Forget a master and all of its group."""
    _forget_replicas(state, master)
    _forget_sentinels(state, master)
    links.release(state, master)
    del state.masters[master.name]


def add_replica(state: SentinelState, master: Master, host: bytes, port: int) -> Replica:
    """Watch a replica. Raises BadInstanceError."""
    address = state.address(host, port, unresolved=True)
    name = state.announced_with_port(address)
    if name in master.replicas:
        raise BadInstanceError("Duplicate hostname and port for replica.")
    _check_room(master.replicas)
    replica = master.replicas[name] = Replica(name, address, master, state.now_ms)
    return replica


def knows_replica(state: SentinelState, master: Master, host: bytes, port: int) -> bool:
    """Whether a replica is in the table. Source: sentinelRedisInstanceLookupSlave."""
    try:
        address = state.address(host, port)
    except BadInstanceError:
        return False
    return state.announced_with_port(address) in master.replicas


def add_sentinel(
    state: SentinelState, master: Master, run_id: bytes, host: bytes, port: int
) -> OtherSentinel:
    """Watch another sentinel of a master. Raises BadInstanceError."""
    address = state.address(host, port, unresolved=True)
    if run_id in master.sentinels:
        raise BadInstanceError("Duplicate runid for sentinel.")
    _check_room(master.sentinels)
    sentinel = OtherSentinel(run_id, address, master, state.now_ms)
    master.sentinels[run_id] = sentinel
    links.share(state, sentinel)
    return sentinel


def remove_sentinel(state: SentinelState, master: Master, run_id: bytes) -> bool:
    """Forget a sentinel of one master; whether there was one of that id."""
    sentinel = master.sentinels.pop(run_id, None)
    if sentinel is None:
        return False
    links.release(state, sentinel)
    return True


def move_sentinel(state: SentinelState, moved: OtherSentinel) -> None:
    """A sentinel has another address: its instances for other masters get that too.

    Source: sentinelUpdateSentinelAddressInAllMasters.
    """
    others = 0
    for master in state.masters.values():
        same = master.sentinels.get(moved.name)
        if same is None:
            continue
        links.close_both(state, same.link)
        if same is not moved:
            same.address = moved.address
            others += 1
    if others:
        suffix = b" %d additional matching instances" % others
        emit(state, "notice", b"+sentinel-address-update", moved, suffix)


def reset_master(state: SentinelState, master: Master, *, keep_sentinels: bool = False) -> None:
    """Forget the replicas, and else the sentinels, of a master, and all that has happened to it.

    A failover under way is undone, and another one may begin at once. Source: sentinelResetMaster.
    """
    _forget_replicas(state, master)
    if not keep_sentinels:
        _forget_sentinels(state, master)
    links.close_both(state, master.link)
    now_ms = state.now_ms
    master.flags = 0
    master.leader = None
    master.failover_state = FailoverState.NONE
    master.failover_state_change_ms = master.failover_start_ms = 0
    master.promoted = None
    master.run_id = master.master_host = None
    master.link.restart(now_ms)
    master.role_reported = "master"
    master.role_reported_ms = now_ms


def switch_master(state: SentinelState, master: Master, address: Address) -> None:
    """The master of the group is now at `address`; the old one is a replica.

    Source: sentinelResetMasterAndChangeAddress.
    """
    old = [replica.address for replica in master.replicas.values()]
    if not is_same_address(address, master.address):
        old.append(master.address)
    reset_master(state, master, keep_sentinels=True)
    master.address = address
    master.s_down_since_ms = master.o_down_since_ms = 0
    for each in old:
        if not is_same_address(each, address):
            try:
                replica = add_replica(state, master, each.hostname, each.port)
            except BadInstanceError:
                continue  # its name means nothing any more
            emit(state, "notice", b"+slave", replica)
    state.save()


def spread_down_after(master: Master) -> None:
    """Replicas and sentinels of a master become down as soon as it does itself."""
    for instance in (*master.replicas.values(), *master.sentinels.values()):
        instance.down_after_ms = master.down_after_ms


def _check_room(table: Sized) -> None:
    if len(table) >= _MAX_INSTANCES:
        raise BadInstanceError("Too many instances.")


def _forget_replicas(state: SentinelState, master: Master) -> None:
    _release_all(state, list(master.replicas.values()))
    master.replicas = {}


def _forget_sentinels(state: SentinelState, master: Master) -> None:
    _release_all(state, list(master.sentinels.values()))
    master.sentinels = {}


def _release_all(
    state: SentinelState, instances: list[Instance] | list[Replica] | list[OtherSentinel]
) -> None:
    for instance in instances:
        links.release(state, instance)
