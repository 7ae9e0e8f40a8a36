"""The failover of a master, step by step; each waits for what it needs, and most give up after a time."""

from __future__ import annotations

from pyredis_cluster.sentinel.events import emit, tell
from pyredis_cluster.sentinel.hello import hurry_hellos
from pyredis_cluster.sentinel.instance import (
    DOWN,
    FAILOVER_IN_PROGRESS,
    FORCE_FAILOVER,
    O_DOWN,
    PROMOTED,
    RECONF_DONE,
    RECONF_INPROG,
    RECONF_SENT,
    S_DOWN,
    FailoverState,
    Master,
    Replica,
)
from pyredis_cluster.sentinel.ready import Exit
from pyredis_cluster.sentinel.reconfigure import call_reconfig_script, send_replicaof
from pyredis_cluster.sentinel.state import CRASH_AFTER_ELECTION, CRASH_AFTER_PROMOTION, SentinelState
from pyredis_cluster.sentinel.tables import switch_master
from pyredis_cluster.sentinel.voting import leader, tell_epoch

_CRASH_EXIT_CODE = 99


def start_if_needed(state: SentinelState, master: Master) -> bool:
    """Start a failover of a master that is +odown, unless there was one of late; whether it was started.

    Source: sentinelStartFailoverIfNeeded.
    """
    if not master.flags & O_DOWN or master.flags & FAILOVER_IN_PROGRESS:
        return False
    not_before_ms = master.failover_start_ms + 2 * master.failover_timeout_ms
    if state.now_ms < not_before_ms:
        if master.failover_delay_logged_ms != master.failover_start_ms:
            master.failover_delay_logged_ms = master.failover_start_ms
            when = state.local_time(not_before_ms // 1000)
            state.log("notice", f"Next failover delay: I will not start a failover before {when}")
        return False
    start(state, master)
    return True


def start(state: SentinelState, master: Master) -> None:
    """Begin a new epoch, in which this sentinel wants to lead. Source: sentinelStartFailover."""
    state.current_epoch += 1
    state.save()  # others are told of the epoch before there is a vote in it
    master.failover_epoch = state.current_epoch
    master.flags |= FAILOVER_IN_PROGRESS
    tell_epoch(state, master)
    emit(state, "warning", b"+try-failover", master)
    master.failover_start_ms = state.now_ms + state.random.randrange(state.settings.max_desync_ms)
    _enter(state, master, FailoverState.WAIT_START)


def go_on(state: SentinelState, master: Master) -> None:
    """Do what the failover's present step can do now. Source: sentinelFailoverStateMachine."""
    step = _STEPS.get(master.failover_state)
    if step is not None and master.flags & FAILOVER_IN_PROGRESS:
        step(state, master)


def promoted(state: SentinelState, replica: Replica) -> None:
    """The chosen replica is a master: from here on there is no way back."""
    master = replica.master
    # Makes this configuration win over that of the other sentinels.
    master.config_epoch = master.failover_epoch
    state.save()
    _enter(state, master, FailoverState.RECONF_REPLICAS)
    emit(state, "warning", b"+promoted-slave", replica)
    _crash_if_asked(state, CRASH_AFTER_PROMOTION)
    emit(state, "warning", b"+failover-state-reconf-slaves", master)
    call_reconfig_script(state, master, b"leader", master.address, replica.address)
    hurry_hellos(state, master)


def switch_to_promoted(state: SentinelState, master: Master) -> None:
    """The last step: monitor the promoted replica. Source: sentinelFailoverSwitchToPromotedSlave."""
    old = master.address
    new = old if master.promoted is None else master.promoted.address
    words = master.name, state.announced(old), old.port, state.announced(new), new.port
    tell(state, "warning", b"+switch-master", master, b"%b %b %d %b %d" % words)
    switch_master(state, master, new)


def select_replica(state: SentinelState, master: Master) -> Replica | None:
    """The replica to be promoted, None if none will do.

    It is one that was heard of lately and is not cut off from its master for long; among these the one with
    the lowest priority number (0: never), then with the greatest offset, then with the first run id.
    Source: sentinelSelectSlave.
    """
    fit = [replica for replica in master.replicas.values() if _is_fit(state, replica)]
    return min(fit, key=_preference, default=None)


def _is_fit(state: SentinelState, replica: Replica) -> bool:
    now_ms, periods, master = state.now_ms, state.periods, replica.master
    max_cut_off_ms = 10 * master.down_after_ms
    # While the master is down, INFO of replicas comes each second.
    max_info_age_ms = 3 * periods.info_period_ms
    if master.flags & S_DOWN:
        max_cut_off_ms += now_ms - master.s_down_since_ms
        max_info_age_ms = 5 * periods.ping_period_ms
    return not (
        replica.flags & DOWN
        or replica.link.is_disconnected
        or now_ms - replica.link.last_valid_pong_ms > 5 * periods.ping_period_ms
        or replica.priority == 0
        or now_ms - replica.info_ms > max_info_age_ms
        or replica.master_link_down_ms > max_cut_off_ms
    )


def _preference(replica: Replica) -> tuple[int, int, bool, bytes]:
    run_id = replica.run_id
    return replica.priority, -replica.repl_offset, run_id is None, (run_id or b"").lower()


def _wait_start(state: SentinelState, master: Master) -> None:
    """Wait to be elected, unless an administrator wants the failover."""
    elected = leader(state, master, master.failover_epoch)
    is_mine = elected is not None and elected.lower() == state.my_id.lower()
    if not is_mine and not master.flags & FORCE_FAILOVER:
        timeout_ms = min(state.periods.election_timeout_ms, master.failover_timeout_ms)
        if state.now_ms - master.failover_start_ms > timeout_ms:
            _abort(state, master, b"-failover-abort-not-elected")
        return
    emit(state, "warning", b"+elected-leader", master)
    _crash_if_asked(state, CRASH_AFTER_ELECTION)
    _enter(state, master, FailoverState.SELECT_REPLICA)
    emit(state, "warning", b"+failover-state-select-slave", master)


def _select(state: SentinelState, master: Master) -> None:
    replica = select_replica(state, master)
    if replica is None:
        _abort(state, master, b"-failover-abort-no-good-slave")
        return
    emit(state, "warning", b"+selected-slave", replica)
    replica.flags |= PROMOTED
    master.promoted = replica
    _enter(state, master, FailoverState.SEND_REPLICAOF_NO_ONE)
    emit(state, "notice", b"+failover-state-send-slaveof-noone", replica)


def _promote(state: SentinelState, master: Master) -> None:
    replica = master.promoted
    if replica is None or replica.link.is_disconnected or not send_replicaof(state, replica, None):
        _abort_if_late(state, master)
        return
    emit(state, "notice", b"+failover-state-wait-promotion", replica)
    _enter(state, master, FailoverState.WAIT_PROMOTION)


def _abort_if_late(state: SentinelState, master: Master) -> None:
    """Give up where the chosen replica does not become a master. That it does is seen by its INFO."""
    if state.now_ms - master.failover_state_change_ms > master.failover_timeout_ms:
        _abort(state, master, b"-failover-abort-slave-timeout")


def _reconfigure_replicas(state: SentinelState, master: Master) -> None:
    """Have the other replicas follow, `parallel-syncs` at a time. Source: sentinelFailoverReconfNextSlave."""
    new = master.promoted
    if new is None:
        return
    replicas = master.replicas.values()
    under_way = sum(bool(replica.flags & (RECONF_SENT | RECONF_INPROG)) for replica in replicas)
    for replica in replicas:
        if under_way >= master.parallel_syncs:
            break
        if replica.flags & (PROMOTED | RECONF_DONE):
            continue
        silent_ms = state.now_ms - replica.reconf_sent_ms
        if replica.flags & RECONF_SENT and silent_ms > state.periods.slave_reconf_timeout_ms:
            # It is found to follow the wrong master later, and told again.
            emit(state, "notice", b"-slave-reconf-sent-timeout", replica)
            replica.flags = replica.flags & ~RECONF_SENT | RECONF_DONE
        if replica.flags & (RECONF_SENT | RECONF_INPROG) or replica.link.is_disconnected:
            continue
        if send_replicaof(state, replica, new.address):
            replica.flags |= RECONF_SENT
            replica.reconf_sent_ms = state.now_ms
            emit(state, "notice", b"+slave-reconf-sent", replica)
            under_way += 1
    _end_if_done(state, master, new)


def _end_if_done(state: SentinelState, master: Master, new: Replica) -> None:
    """All that can be reached follow, or there was time enough. Source: sentinelFailoverDetectEnd."""
    if new.flags & S_DOWN:
        return
    waited_for = [
        replica
        for replica in master.replicas.values()
        if not replica.flags & (PROMOTED | RECONF_DONE | S_DOWN)
    ]
    is_late = state.now_ms - master.failover_state_change_ms > master.failover_timeout_ms
    if is_late:
        emit(state, "warning", b"+failover-end-for-timeout", master)
    if is_late or not waited_for:
        emit(state, "warning", b"+failover-end", master)
        _enter(state, master, FailoverState.UPDATE_CONFIG)
    if is_late:
        for replica in master.replicas.values():
            if replica.flags & (PROMOTED | RECONF_DONE | RECONF_SENT) or replica.link.is_disconnected:
                continue
            if send_replicaof(state, replica, new.address):
                emit(state, "notice", b"+slave-reconf-sent-be", replica)
                replica.flags |= RECONF_SENT


def _abort(state: SentinelState, master: Master, type: bytes) -> None:
    """Give up. Precondition: the chosen replica has not become a master. Source: sentinelAbortFailover."""
    emit(state, "warning", type, master)
    master.flags &= ~(FAILOVER_IN_PROGRESS | FORCE_FAILOVER)
    _enter(state, master, FailoverState.NONE)
    if master.promoted is not None:
        master.promoted.flags &= ~PROMOTED
        master.promoted = None


def _enter(state: SentinelState, master: Master, step: int) -> None:
    master.failover_state = step
    master.failover_state_change_ms = state.now_ms


def _crash_if_asked(state: SentinelState, failure: int) -> None:
    if state.simulated_failures & failure:
        state.log("warning", "Sentinel CRASH because of SENTINEL simulate-failure")
        state.do(Exit(_CRASH_EXIT_CODE))


_STEPS = {
    FailoverState.WAIT_START: _wait_start,
    FailoverState.SELECT_REPLICA: _select,
    FailoverState.SEND_REPLICAOF_NO_ONE: _promote,
    FailoverState.WAIT_PROMOTION: _abort_if_late,
    FailoverState.RECONF_REPLICAS: _reconfigure_replicas,
}
