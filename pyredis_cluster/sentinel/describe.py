"""Replies that show what a sentinel knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import NULL_ARRAY, Status
from pyredis_cluster.sentinel.instance import (
    DOWN,
    FAILOVER_IN_PROGRESS,
    FORCE_FAILOVER,
    MASTER_DOWN,
    MASTER_REBOOT,
    O_DOWN,
    PROMOTED,
    RECONF_DONE,
    RECONF_INPROG,
    RECONF_SENT,
    S_DOWN,
    SCRIPT_KILL_SENT,
    DataInstance,
    FailoverState,
    Instance,
    Master,
    OtherSentinel,
    Replica,
)
from pyredis_cluster.sentinel.state import BadInstanceError, SentinelState, is_same_address
from pyredis_cluster.sentinel.voting import vote

Fields = dict[bytes, bytes]

_FLAGS_BEFORE_LINK = ((S_DOWN, b"s_down"), (O_DOWN, b"o_down"))
_FLAGS_AFTER_LINK = (
    (MASTER_DOWN, b"master_down"),
    (FAILOVER_IN_PROGRESS, b"failover_in_progress"),
    (PROMOTED, b"promoted"),
    (RECONF_SENT, b"reconf_sent"),
    (RECONF_INPROG, b"reconf_inprog"),
    (RECONF_DONE, b"reconf_done"),
    (FORCE_FAILOVER, b"force_failover"),
    (SCRIPT_KILL_SENT, b"script_kill_sent"),
    (MASTER_REBOOT, b"master_reboot"),
)


def instances(state: SentinelState, table: Iterable[Instance]) -> list[Fields]:
    """All of a table, but for replicas that do not want to be told of."""
    return [
        describe(state, instance)
        for instance in table
        if not isinstance(instance, Replica) or instance.is_announced
    ]


def describe(state: SentinelState, instance: Instance) -> Fields:
    """Everything about one instance. Source: addReplySentinelRedisInstance."""
    fields = _common(state, instance)
    if isinstance(instance, DataInstance):
        fields[b"info-refresh"] = _age(state, instance.info_ms)
        fields[b"role-reported"] = b"master" if instance.role_reported == "master" else b"slave"
        fields[b"role-reported-time"] = b"%d" % (state.now_ms - instance.role_reported_ms)
    if isinstance(instance, Master):
        fields |= _of_master(instance)
    elif isinstance(instance, Replica):
        fields |= _of_replica(instance)
    elif isinstance(instance, OtherSentinel):
        fields[b"last-hello-message"] = b"%d" % (state.now_ms - instance.last_hello_ms)
        fields[b"voted-leader"] = instance.leader or b"?"
        fields[b"voted-leader-epoch"] = b"%d" % instance.leader_epoch
    return fields


def _common(state: SentinelState, instance: Instance) -> Fields:
    link, now_ms = instance.link, state.now_ms
    fields = {
        b"name": instance.name,
        b"ip": state.announced(instance.address),
        b"port": b"%d" % instance.address.port,
        b"runid": instance.run_id or b"",
        b"flags": _flags(instance),
        b"link-pending-commands": b"%d" % link.pending_commands,
        b"link-refcount": b"%d" % link.users,
    }
    if isinstance(instance, Master) and instance.flags & FAILOVER_IN_PROGRESS:
        fields[b"failover-state"] = FailoverState.NAMES[instance.failover_state]
    fields[b"last-ping-sent"] = _age(state, link.awaited_ping_ms)
    fields[b"last-ok-ping-reply"] = b"%d" % (now_ms - link.last_valid_pong_ms)
    fields[b"last-ping-reply"] = b"%d" % (now_ms - link.last_pong_ms)
    if instance.flags & S_DOWN:
        fields[b"s-down-time"] = b"%d" % (now_ms - instance.s_down_since_ms)
    if instance.flags & O_DOWN:
        fields[b"o-down-time"] = b"%d" % (now_ms - instance.o_down_since_ms)
    fields[b"down-after-milliseconds"] = b"%d" % instance.down_after_ms
    return fields


def _flags(instance: Instance) -> bytes:
    names = [name for flag, name in _FLAGS_BEFORE_LINK if instance.flags & flag]
    names.append(instance.type)
    if instance.link.is_disconnected:
        names.append(b"disconnected")
    names += [name for flag, name in _FLAGS_AFTER_LINK if instance.flags & flag]
    return b",".join(names)


def _age(state: SentinelState, since_ms: int) -> bytes:
    return b"%d" % (state.now_ms - since_ms if since_ms else 0)


def _of_master(master: Master) -> Fields:
    fields = {
        b"config-epoch": b"%d" % master.config_epoch,
        b"num-slaves": b"%d" % len(master.replicas),
        b"num-other-sentinels": b"%d" % len(master.sentinels),
        b"quorum": b"%d" % master.quorum,
        b"failover-timeout": b"%d" % master.failover_timeout_ms,
        b"parallel-syncs": b"%d" % master.parallel_syncs,
    }
    if master.notification_script is not None:
        fields[b"notification-script"] = master.notification_script
    if master.client_reconfig_script is not None:
        fields[b"client-reconfig-script"] = master.client_reconfig_script
    return fields


def _of_replica(replica: Replica) -> Fields:
    return {
        b"master-link-down-time": b"%d" % replica.master_link_down_ms,
        b"master-link-status": b"ok" if replica.master_link_up else b"err",
        b"master-host": b"?" if replica.master_host is None else replica.master_host,
        b"master-port": b"%d" % replica.master_port,
        b"slave-priority": b"%d" % replica.priority,
        b"slave-repl-offset": b"%d" % replica.repl_offset,
        b"replica-announced": b"%d" % replica.is_announced,
    }


def master_address(state: SentinelState, name: bytes) -> Any:
    """SENTINEL GET-MASTER-ADDR-BY-NAME."""
    master = state.masters.get(name)
    if master is None:
        return NULL_ARRAY
    address = master.current_address
    return [state.announced(address), b"%d" % address.port]


def is_master_down(state: SentinelState, ip: bytes, port: bytes, epoch: bytes, candidate: bytes) -> list[Any]:
    """SENTINEL IS-MASTER-DOWN-BY-ADDR: whether, and the vote for a `candidate` that is not `*`.

    Raises CommandError.
    """
    port_number, epoch_number = integer(port), integer(epoch)
    master = _master_at(state, ip, port_number)
    is_down = master is not None and bool(master.flags & S_DOWN) and not state.is_tilted
    leader, leader_epoch = None, 0
    if master is not None and candidate != b"*":
        leader, leader_epoch = vote(state, master, epoch_number, candidate)
    return [int(is_down), leader or b"*", leader_epoch]


def _master_at(state: SentinelState, host: bytes, port: int) -> Master | None:
    try:
        address = state.address(host, port, unresolved=True)
    except BadInstanceError:
        return None
    for master in state.masters.values():
        if is_same_address(master.address, address):
            return master
    return None


def check_quorum(master: Master) -> Status:
    """SENTINEL CKQUORUM. Raises CommandError where too few sentinels are available."""
    usable = 1 + sum(not sentinel.flags & DOWN for sentinel in master.sentinels.values())
    problems = []
    if usable < master.quorum:
        problems.append("Not enough available Sentinels to reach the specified quorum for this master")
    if usable < (len(master.sentinels) + 1) // 2 + 1:
        problems.append("Not enough available Sentinels to reach the majority and authorize a failover")
    if problems:
        raise CommandError(f"NOQUORUM {usable} usable Sentinels. {'. '.join(problems)}")
    return Status(b"OK %d usable Sentinels. Quorum and failover authorization can be reached" % usable)


def pending_scripts(state: SentinelState) -> list[dict[bytes, Any]]:
    """SENTINEL PENDING-SCRIPTS. Source: sentinelPendingScriptsCommand."""
    reply = []
    for script in state.scripts.queue:
        fields: dict[bytes, Any] = {
            b"argv": list(script.argv),
            b"flags": b"running" if script.is_running else b"scheduled",
            b"pid": b"%d" % script.pid,
        }
        if script.is_running:
            fields[b"run-time"] = b"%d" % (state.now_ms - script.start_ms)
        else:
            fields[b"run-delay"] = b"%d" % max(script.start_ms - state.now_ms, 0)
        fields[b"retry-num"] = b"%d" % script.runs
        reply.append(fields)
    return reply


def info_cache(state: SentinelState, names: Sequence[bytes]) -> list[Any]:
    """SENTINEL INFO-CACHE: name and [[age, INFO], …] of each master of these names, or of all.

    A master comes first, then its replicas. An age is 0 where the master's INFO never came.
    """
    masters = state.masters
    if names:
        masters = {name: masters[name] for name in names if name in masters}
    reply: list[Any] = []
    for name, master in masters.items():
        group = (master, *master.replicas.values())
        reply += name, [[state.now_ms - each.info_ms if master.info_ms else 0, each.info] for each in group]
    return reply


def info_fields(state: SentinelState) -> list[tuple[bytes, bytes]]:
    """The section `Sentinel` of INFO. Source: sentinelInfoCommand."""
    tilted_s = (state.now_ms - state.tilt_start_ms) // 1000 if state.is_tilted else -1
    fields = [
        (b"sentinel_masters", b"%d" % len(state.masters)),
        (b"sentinel_tilt", b"%d" % state.is_tilted),
        (b"sentinel_tilt_since_seconds", b"%d" % tilted_s),
        (b"sentinel_running_scripts", b"%d" % state.scripts.running),
        (b"sentinel_scripts_queue_length", b"%d" % len(state.scripts.queue)),
        (b"sentinel_simulate_failure_flags", b"%d" % state.simulated_failures),
    ]
    for index, master in enumerate(state.masters.values()):
        status = b"odown" if master.flags & O_DOWN else b"sdown" if master.flags & S_DOWN else b"ok"
        counts = len(master.replicas), len(master.sentinels) + 1
        address = state.announced(master.address), master.address.port
        words = b"name=%b,status=%b,address=%b:%d,slaves=%d,sentinels=%d"
        fields.append((b"master%d" % index, words % (master.name, status, *address, *counts)))
    return fields
