"""How a replica takes the place of its primary, failed or not: it waits its turn, asks for votes, takes over.

Its turn comes half a second to a second after the failure is agreed on, which lets the agreement spread, and
a second later for each replica of the same primary that has more data. The election is lost where the
majority of the primaries has not voted within two node timeouts (at least two seconds), and may be repeated
after twice that. Votes are counted per primary and epoch, so at most one replica wins an epoch.
"""

from __future__ import annotations

from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.candidacy import Candidacy
from pyredis_cluster.cluster.health import update_health
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.roles import become_primary, end_manual_failover
from pyredis_cluster.cluster.sending import broadcast, broadcast_pong
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MessageType

_FIXED_DELAY_MS: Final = 500
_RANDOM_DELAY_MS: Final = 500
_DELAY_PER_RANK_MS: Final = 1000
_MIN_TIMEOUT_MS: Final = 2000
_RETRY_TIMEOUTS: Final = 2
_RELOG_MS: Final = 10_000
_QUIET_MS: Final = 5000

_TOO_OLD = (
    "Disconnected from master for longer than allowed. Please check the 'cluster-replica-validity-factor'"
    " configuration option."
)
_DELAYED = "Waiting the delay before I can start a new failover."
_EXPIRED = "Failover attempt expired."
_LACKS_VOTES = "Waiting for votes, but majority still not reached."


def consider_failover(state: ClusterState) -> None:
    """Go on with the election of this replica as far as that is possible now. Called with each tick.

    Effect, in this order over several calls: an election is scheduled; votes are asked for, under a new epoch
    that is saved before; with the majority of them this node becomes the primary.
    Source: clusterHandleSlaveFailover.
    """
    candidacy = state.candidacy
    if not _has_reason(state):
        candidacy.refusal = ""
        return
    if not _was_asked_for(state) and _is_data_too_old(state):
        _log_refusal(state, _TOO_OLD)
        return
    timeout_ms = max(2 * state.settings.node_timeout_ms, _MIN_TIMEOUT_MS)
    age_ms = state.now_ms - candidacy.start_ms
    if age_ms > _RETRY_TIMEOUTS * timeout_ms:
        _schedule(state)
        if state.manual_failover is not None:
            consider_failover(state)
        return
    if not candidacy.is_asked and state.manual_failover is None:
        _update_rank(state, candidacy)
    if state.now_ms < candidacy.start_ms:
        _log_refusal(state, _DELAYED)
    elif age_ms > timeout_ms:
        _log_refusal(state, _EXPIRED)
    elif not candidacy.is_asked:
        _ask_for_votes(state, candidacy)
    elif len(candidacy.voters) >= _quorum(state):
        _win(state, candidacy)
    else:
        _log_refusal(state, _LACKS_VOTES)


def handle_vote(state: ClusterState, voter: ClusterNode, current_epoch: int) -> None:
    """A FAILOVER_AUTH_ACK: it counts if it comes from a primary with slots, and for this election."""
    candidacy = state.candidacy
    if voter.is_primary and voter.slot_count and candidacy.is_asked and current_epoch >= candidacy.epoch:
        candidacy.voters.add(voter.node_id)
        consider_failover(state)


def replace_primary(state: ClusterState) -> None:
    """Become a primary with all slots of the one this replica has followed, and tell everyone.

    Its config epoch must be the greatest by then. Source: clusterFailoverReplaceYourMaster.
    """
    me = state.myself
    former = me.primary
    assert former is not None
    become_primary(state, me)
    state.take_slots(me, former.slot_bits())
    # Votes that were for this time are not to be counted again.
    state.candidacy = Candidacy()
    update_health(state)
    state.out.save_config(fsync=True)
    broadcast_pong(state)
    end_manual_failover(state)


def _has_reason(state: ClusterState) -> bool:
    primary = state.myself.primary
    if not state.myself.is_replica or primary is None or primary.slot_count == 0:
        return False
    return _was_asked_for(state) or (primary.is_failed and not state.settings.replica_no_failover)


def _was_asked_for(state: ClusterState) -> bool:
    """Whether an administrator wants this failover, and nothing is to be waited for any more."""
    return state.manual_failover is not None and state.manual_failover.can_start


def _is_data_too_old(state: ClusterState) -> bool:
    """Whether the link was down for longer than the validity factor allows; the failure itself takes a node
    timeout to be found out.
    """
    settings = state.settings
    silence_ms = state.repl_silence_ms()
    if silence_ms is None:
        # Redis does nothing else while it loads. What is there is not what was acknowledged, not even of old.
        return True
    if not settings.replica_validity_factor:
        return False
    if silence_ms > settings.node_timeout_ms:
        silence_ms -= settings.node_timeout_ms
    timeouts_ms = settings.node_timeout_ms * settings.replica_validity_factor
    return silence_ms > settings.repl_ping_period_s * 1000 + timeouts_ms


def _quorum(state: ClusterState) -> int:
    return state.size // 2 + 1


def _rank(state: ClusterState) -> int:
    primary = state.myself.primary
    assert primary is not None
    mine = state.repl_offset()
    return sum(
        1
        for replica in primary.replicas
        if replica is not state.myself and not replica.flags & wire.NOFAILOVER and replica.repl_offset > mine
    )


def _schedule(state: ClusterState) -> None:
    former = state.candidacy
    rank = delay_ms = 0
    if state.manual_failover is None:
        rank = _rank(state)
        delay_ms = _FIXED_DELAY_MS + state.random.randrange(_RANDOM_DELAY_MS) + rank * _DELAY_PER_RANK_MS
    state.candidacy = Candidacy(
        state.now_ms + delay_ms,
        rank,
        refusal=former.refusal,
        refusal_logged_ms=former.refusal_logged_ms,
    )
    offset = state.repl_offset()
    state.out.log(
        "notice", f"Start of election delayed for {delay_ms} milliseconds (rank #{rank}, offset {offset})."
    )
    # The other replicas learn how much this one has, and may let it go first.
    broadcast_pong(state, among_replicas=True)


def _update_rank(state: ClusterState, candidacy: Candidacy) -> None:
    """Others may have turned out to have more data since: then they go first."""
    rank = _rank(state)
    if rank <= candidacy.rank:
        return
    added_ms = (rank - candidacy.rank) * _DELAY_PER_RANK_MS
    candidacy.start_ms += added_ms
    candidacy.rank = rank
    state.out.log("notice", f"Replica rank updated to #{rank}, added {added_ms} milliseconds of delay.")


def _ask_for_votes(state: ClusterState, candidacy: Candidacy) -> None:
    candidacy.epoch = state.next_epoch()
    candidacy.is_asked = True
    state.out.log("notice", f"Starting a failover election for epoch {candidacy.epoch}.")
    state.out.save_config(fsync=True)
    state.out.update_state = True
    # The primary need not be down where it was asked to hand over.
    forced = 0 if state.manual_failover is None else wire.FORCE_ACK
    broadcast(state, MessageType.FAILOVER_AUTH_REQUEST, message_flags=forced)


def _win(state: ClusterState, candidacy: Candidacy) -> None:
    me = state.myself
    state.out.log("notice", "Failover election won: I'm the new master.")
    if me.config_epoch < candidacy.epoch:
        me.config_epoch = candidacy.epoch
        state.out.log("notice", f"configEpoch set to {me.config_epoch} after successful failover")
    replace_primary(state)


def _log_refusal(state: ClusterState, refusal: str) -> None:
    """Say why there is no failover, but not again and again, nor in the ordinary time that it takes."""
    candidacy = state.candidacy
    if refusal == candidacy.refusal and state.now_ms - candidacy.refusal_logged_ms < _RELOG_MS:
        return
    candidacy.refusal = refusal
    primary = state.myself.primary
    assert primary is not None
    if primary.is_failed and state.now_ms - primary.fail_ms < state.settings.node_timeout_ms + _QUIET_MS:
        return
    candidacy.refusal_logged_ms = state.now_ms
    state.out.log("notice", f"Currently unable to failover: {refusal}")
    if refusal in (_LACKS_VOTES, _EXPIRED):
        votes = len(candidacy.voters)
        state.out.log("notice", f"Needed quorum: {_quorum(state)}. Number of votes received so far: {votes}")
