"""Who leads a failover: one vote per epoch and sentinel, and a majority to win."""

from __future__ import annotations

from collections import Counter

from pyredis_cluster.sentinel.events import tell
from pyredis_cluster.sentinel.instance import Master
from pyredis_cluster.sentinel.numbers import MAX_EPOCH
from pyredis_cluster.sentinel.state import SentinelState


def raise_epoch(state: SentinelState, epoch: int, master: Master) -> None:
    """Adopt an epoch that another sentinel knows of, if it is newer."""
    if state.current_epoch < epoch <= MAX_EPOCH:
        state.current_epoch = epoch
        state.save()
        tell_epoch(state, master)


def tell_epoch(state: SentinelState, master: Master) -> None:
    """Tell that `current_epoch` has changed, for the sake of `master`."""
    tell(state, "warning", b"+new-epoch", master, b"%d" % state.current_epoch)


def vote(state: SentinelState, master: Master, epoch: int, candidate: bytes) -> tuple[bytes | None, int]:
    """Vote for `candidate` in `epoch`, or stay with the vote that was given already.

    Returns the vote that holds (None: of a former life, it is not known for whom) and its epoch. It is saved
    before anybody is told. Source: sentinelVoteLeader.
    """
    raise_epoch(state, epoch, master)
    if master.leader_epoch < epoch and state.current_epoch <= epoch:
        master.leader = candidate
        master.leader_epoch = state.current_epoch
        state.save()
        tell(state, "warning", b"+vote-for-leader", master, b"%b %d" % (candidate, master.leader_epoch))
        if candidate.lower() != state.my_id.lower():
            # The other one gets its time before this sentinel tries.
            master.failover_start_ms = state.now_ms + state.random.randrange(state.settings.max_desync_ms)
    return master.leader, master.leader_epoch


def leader(state: SentinelState, master: Master, epoch: int) -> bytes | None:
    """Whom the sentinels made the leader of `epoch`, this one voting if it has not yet.

    It takes more than half of all sentinels known, and as many as the quorum. Source: sentinelGetLeader.
    """
    votes = Counter(
        sentinel.leader
        for sentinel in master.sentinels.values()
        if sentinel.leader is not None and sentinel.leader_epoch == state.current_epoch
    )
    favourite = max(votes, key=votes.__getitem__, default=state.my_id)
    mine, mine_epoch = vote(state, master, epoch, favourite)
    if mine is not None and mine_epoch == epoch:
        votes[mine] += 1
    if not votes:
        return None
    winner = max(votes, key=votes.__getitem__)
    majority = (len(master.sentinels) + 1) // 2 + 1
    return winner if votes[winner] >= max(majority, master.quorum) else None
