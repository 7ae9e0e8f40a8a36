"""What is down: as far as this sentinel can tell, and as many of them agree."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.sentinel import links
from pyredis_cluster.sentinel.events import emit
from pyredis_cluster.sentinel.instance import (
    MASTER_DOWN,
    MASTER_REBOOT,
    O_DOWN,
    S_DOWN,
    SCRIPT_KILL_SENT,
    FailoverState,
    Instance,
    Master,
    OtherSentinel,
)
from pyredis_cluster.sentinel.state import SentinelState

_OPINIONS_KEPT: Final = 5
"""Ask periods after which what a sentinel said does not count any more."""
_SILENT_PUBLISH_PERIODS: Final = 3


def check_subjectively(state: SentinelState, instance: Instance) -> None:
    """Become +sdown or -sdown; connections that seem dead are made anew.

    Source: sentinelCheckSubjectivelyDown.
    """
    _drop_silent(state, instance)
    if _seems_down(state, instance):
        if not instance.flags & S_DOWN:
            emit(state, "warning", b"+sdown", instance)
            instance.s_down_since_ms = state.now_ms
            instance.flags |= S_DOWN
    elif instance.flags & S_DOWN:
        emit(state, "warning", b"-sdown", instance)
        instance.flags &= ~(S_DOWN | SCRIPT_KILL_SENT)


def _seems_down(state: SentinelState, instance: Instance) -> bool:
    now_ms, link = state.now_ms, instance.link
    silent_ms = 0
    if link.awaited_ping_ms:
        silent_ms = now_ms - link.awaited_ping_ms
    elif link.is_disconnected:
        silent_ms = now_ms - link.last_valid_pong_ms
    if silent_ms > instance.down_after_ms:
        return True
    if not isinstance(instance, Master):
        return False
    # One that has become a replica by other hands is as good as down, unless that is soon heard of otherwise.
    patience_ms = instance.down_after_ms + 2 * state.periods.info_period_ms
    if instance.role_reported == "slave" and now_ms - instance.role_reported_ms > patience_ms:
        return True
    return bool(
        instance.flags & MASTER_REBOOT and now_ms - instance.reboot_since_ms > instance.reboot_down_after_ms
    )


def _drop_silent(state: SentinelState, instance: Instance) -> None:
    now_ms, link = state.now_ms, instance.link
    old_ms = now_ms - state.periods.min_link_reconnect_period_ms
    half_ms = instance.down_after_ms // 2
    if (
        link.command is not None
        and link.command.opened_ms < old_ms
        and link.awaited_ping_ms != 0
        and now_ms - link.awaited_ping_ms > half_ms
        and now_ms - link.last_pong_ms > half_ms
    ):
        links.close_command(state, link)
    # Its own hellos should come back by it.
    silence_ms = _SILENT_PUBLISH_PERIODS * state.periods.publish_period_ms
    if (
        link.pubsub is not None
        and link.pubsub.opened_ms < old_ms
        and now_ms - link.pubsub_activity_ms > silence_ms
    ):
        links.close_pubsub(state, link)


def check_objectively(state: SentinelState, master: Master) -> None:
    """Become +odown or -odown: whether as many as the quorum find it down.

    That is a weak agreement, since it was not at one moment. Source: sentinelCheckObjectivelyDown.
    """
    agreeing = 0
    if master.flags & S_DOWN:
        agreeing = 1 + sum(bool(each.flags & MASTER_DOWN) for each in master.sentinels.values())
    if agreeing and agreeing >= master.quorum:
        if not master.flags & O_DOWN:
            emit(state, "warning", b"+odown", master, b" #quorum %d/%d" % (agreeing, master.quorum))
            master.flags |= O_DOWN
            master.o_down_since_ms = state.now_ms
    elif master.flags & O_DOWN:
        emit(state, "warning", b"-odown", master)
        master.flags &= ~O_DOWN


def ask_others(state: SentinelState, master: Master, *, at_once: bool = False) -> None:
    """Ask the other sentinels about a master that is down, and for their votes once a failover has begun.

    Source: sentinelAskMasterStateToOtherSentinels.
    """
    now_ms, period_ms = state.now_ms, state.periods.ask_period_ms
    for sentinel in master.sentinels.values():
        age_ms = now_ms - sentinel.last_opinion_ms
        if age_ms > _OPINIONS_KEPT * period_ms:
            sentinel.flags &= ~MASTER_DOWN
            sentinel.leader = None
        if not master.flags & S_DOWN or sentinel.link.is_disconnected or (age_ms < period_ms and not at_once):
            continue
        candidate = state.my_id if master.failover_state != FailoverState.NONE else b"*"
        links.send(
            state,
            sentinel,
            "opinion",
            b"SENTINEL",
            b"is-master-down-by-addr",
            state.announced(master.address),
            b"%d" % master.address.port,
            b"%d" % state.current_epoch,
            candidate,
        )


def take_opinion(state: SentinelState, sentinel: OtherSentinel, reply: object) -> None:
    """The reply to `ask_others`; anything else than [0 or 1, vote, epoch] says nothing.

    Source: sentinelReceiveIsMasterDownReply.
    """
    match reply:
        case [int(is_down), bytes(leader), int(epoch)]:
            pass
        case _:
            return
    sentinel.last_opinion_ms = state.now_ms
    if is_down == 1:
        sentinel.flags |= MASTER_DOWN
    else:
        sentinel.flags &= ~MASTER_DOWN
    if leader != b"*":
        if sentinel.leader_epoch != epoch:
            names = sentinel.name.decode("utf-8", "replace"), leader.decode("utf-8", "replace")
            state.log("notice", f"{names[0]} voted for {names[1]} {epoch}")
        sentinel.leader = leader
        sentinel.leader_epoch = epoch
