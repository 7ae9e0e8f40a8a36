"""INFO of masters and replicas: what it says, and what follows from that."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.sentinel import tables
from pyredis_cluster.sentinel.events import emit
from pyredis_cluster.sentinel.failover import promoted
from pyredis_cluster.sentinel.instance import (
    DOWN,
    MASTER_REBOOT,
    PROMOTED,
    RECONF_DONE,
    RECONF_INPROG,
    RECONF_SENT,
    DataInstance,
    FailoverState,
    Master,
    Replica,
    Role,
)
from pyredis_cluster.sentinel.numbers import atoi, strtoll, strtoull
from pyredis_cluster.sentinel.reconfigure import send_replicaof
from pyredis_cluster.sentinel.state import BadInstanceError, SentinelState

_RUN_ID_BYTES: Final = 40
_STRAY_PUBLISH_PERIODS: Final = 4


def take_info(state: SentinelState, instance: DataInstance, info: bytes) -> None:
    """Note what INFO says of `instance`, and act on it unless tilted. Source: sentinelRefreshInstanceInfo."""
    instance.info = info
    instance.master_link_down_ms = 0
    role: Role = ""
    for line in info.split(b"\0", 1)[0].split(b"\r\n"):
        if line.startswith(b"role:master"):
            role = "master"
        elif line.startswith(b"role:slave"):
            role = "slave"
        elif line.startswith(b"run_id:") and len(line) >= 7 + _RUN_ID_BYTES:
            _note_run_id(state, instance, line[7 : 7 + _RUN_ID_BYTES])
        elif line.startswith(b"master_link_down_since_seconds:") and len(line) > 31:
            instance.master_link_down_ms = strtoll(line[31:]) * 1000
        elif isinstance(instance, Master) and line.startswith(b"slave") and line[5:6].isdigit():
            _discover(state, instance, line)
        elif role == "slave":
            _note_replication(state, instance, line)
    instance.info_ms = state.now_ms
    if role != instance.role_reported:
        _change_role(state, instance, role)
    if isinstance(instance, Replica) and not state.is_tilted:
        if role == "master":
            _see_master(state, instance)
        elif role == "slave":
            _see_replica(state, instance)


def _note_run_id(state: SentinelState, instance: DataInstance, run_id: bytes) -> None:
    if instance.run_id is not None and instance.run_id != run_id:
        emit(state, "notice", b"+reboot", instance)
        if isinstance(instance, Master) and instance.reboot_down_after_ms:
            instance.flags |= MASTER_REBOOT
            instance.reboot_since_ms = state.now_ms
    instance.run_id = run_id


def _discover(state: SentinelState, master: Master, line: bytes) -> None:
    """`slaveN:ip=…,port=…,…`, or of old `slaveN:ip,port,…`: a replica, maybe a new one."""
    if b"ip=" in line:
        host = line.split(b"ip=", 1)[1].split(b",", 1)[0]
        port = line.split(b"port=", 1)[1].split(b",", 1)[0] if b"port=" in line else None
    else:
        words = line.split(b":", 1)[-1].split(b",")
        host, port = (words[0], words[1]) if b":" in line and len(words) > 2 else (b"", None)
    if port is None or tables.knows_replica(state, master, host, atoi(port)):
        return
    try:
        replica = tables.add_replica(state, master, host, atoi(port))
    except BadInstanceError:
        return
    emit(state, "notice", b"+slave", replica)
    state.save()


def _note_replication(state: SentinelState, instance: DataInstance, line: bytes) -> None:
    name, colon, value = line.partition(b":")
    if not colon:
        return
    if name == b"master_host":
        if instance.master_host is None or instance.master_host.lower() != value.lower():
            instance.master_host = value
            instance.master_changed_ms = state.now_ms
    elif name == b"master_port":
        if instance.master_port != atoi(value):
            instance.master_port = atoi(value)
            instance.master_changed_ms = state.now_ms
    elif name == b"master_link_status":
        instance.master_link_up = value.lower() == b"up"
    elif name == b"slave_priority":
        instance.priority = atoi(value)
    elif name == b"slave_repl_offset":
        instance.repl_offset = strtoull(value)
    elif name == b"replica_announced":
        instance.is_announced = bool(atoi(value))


def _change_role(state: SentinelState, instance: DataInstance, role: Role) -> None:
    instance.role_reported = role
    instance.role_reported_ms = state.now_ms
    if role == "slave":
        instance.master_changed_ms = state.now_ms
    type = b"+role-change" if role == instance.role else b"-role-change"
    name = b"master" if role == "master" else b"slave"
    emit(state, "verbose", type, instance, b" new reported role is " + name)


def _see_master(state: SentinelState, replica: Replica) -> None:
    """A replica has become a master: as it was told to, or it has to be told to follow again."""
    if replica.flags & PROMOTED:
        if replica.master.failover_state == FailoverState.WAIT_PROMOTION:
            promoted(state, replica)
        return
    # A newer configuration may be on its way, of which this sentinel does not know.
    wait_ms = _STRAY_PUBLISH_PERIODS * state.periods.publish_period_ms
    if (
        _is_sane(state, replica.master)
        and replica.has_not_been_down_for(wait_ms, state.now_ms)
        and state.now_ms - replica.role_reported_ms > wait_ms
        and send_replicaof(state, replica, replica.master.address)
    ):
        emit(state, "notice", b"+convert-to-slave", replica)


def _see_replica(state: SentinelState, replica: Replica) -> None:
    """A replica may follow another master than it should; one that was reconfigured may be done."""
    if not _follows(state, replica, replica.master):
        wait_ms = replica.master.failover_timeout_ms
        if (
            _is_sane(state, replica.master)
            and replica.has_not_been_down_for(wait_ms, state.now_ms)
            and state.now_ms - replica.master_changed_ms > wait_ms
            and send_replicaof(state, replica, replica.master.address)
        ):
            emit(state, "notice", b"+fix-slave-config", replica)
    new = replica.master.promoted
    if replica.flags & RECONF_SENT and new is not None and _follows(state, replica, new):
        replica.flags = replica.flags & ~RECONF_SENT | RECONF_INPROG
        emit(state, "notice", b"+slave-reconf-inprog", replica)
    if replica.flags & RECONF_INPROG and replica.master_link_up:
        replica.flags = replica.flags & ~RECONF_INPROG | RECONF_DONE
        emit(state, "notice", b"+slave-reconf-done", replica)


def _follows(state: SentinelState, replica: Replica, instance: DataInstance) -> bool:
    host = replica.master_host
    return (
        host is not None
        and replica.master_port == instance.address.port
        and state.is_at_host(instance.address, host)
    )


def _is_sane(state: SentinelState, master: Master) -> bool:
    """Whether a master acts as one, as of late. Source: sentinelMasterLooksSane."""
    return (
        master.role_reported == "master"
        and not master.flags & DOWN
        and state.now_ms - master.info_ms < 2 * state.periods.info_period_ms
    )
