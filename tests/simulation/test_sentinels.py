"""Sentinels under random faults, in simulated time; and faults put back on purpose are found.

Each seed is one life of a primary, its replicas and three to five sentinels. At no time two of them lead
under one epoch, or one of them votes twice in an epoch or goes back to an earlier one, restarts or not. When
all is healed, within a bound all name the same primary, which all other servers follow. To repeat a seed:

    python -m tests.simulation --sentinels SEED
"""

from __future__ import annotations

import os

import pytest

from pyredis_cluster.sentinel import describe, failover, voting
from pyredis_cluster.sentinel.instance import Master
from pyredis_cluster.sentinel.state import SentinelState
from tests.simulation.sentinels import EpochsRise, OneLeaderPerEpoch, live

pytestmark = pytest.mark.slow

_SEEDS = int(os.environ.get("PYREDIS_TEST_SENTINEL_SEEDS", "300"))
_PER_TEST = 10
_CAUGHT_WITHIN = 100


@pytest.mark.parametrize("first", range(0, _SEEDS, _PER_TEST))
def test_sentinels_survive_whatever_happens(first: int) -> None:
    for seed in range(first, min(first + _PER_TEST, _SEEDS)):
        live(seed)


def _first_failure() -> str:
    for seed in range(_CAUGHT_WITHIN):
        try:
            live(seed)
        except AssertionError as error:
            return str(error).splitlines()[0]
    pytest.fail(f"nothing found within {_CAUGHT_WITHIN} seeds")


def test_a_vote_that_is_not_saved_before_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    vote = voting.vote

    def forgetful(
        state: SentinelState, master: Master, epoch: int, candidate: bytes
    ) -> tuple[bytes | None, int]:
        rewrite = state.out.rewrite
        try:
            return vote(state, master, epoch, candidate)
        finally:
            state.out.rewrite = rewrite

    monkeypatch.setattr(voting, "vote", forgetful)
    monkeypatch.setattr(describe, "vote", forgetful)
    found = _first_failure()
    assert "voted" in found or "told of epoch" in found, found


def test_a_leader_whom_no_majority_has_elected(monkeypatch: pytest.MonkeyPatch) -> None:
    def ambitious(state: SentinelState, master: Master, epoch: int) -> bytes | None:
        voting.vote(state, master, epoch, state.my_id)
        return state.my_id

    monkeypatch.setattr(failover, "leader", ambitious)
    found = _first_failure()
    assert "were both elected" in found, found


def test_one_leader_for_each_epoch() -> None:
    rule = OneLeaderPerEpoch()
    rule.elected("one", 1)
    rule.elected("one", 1)
    rule.elected("other", 2)
    with pytest.raises(AssertionError, match="one and other were both elected in epoch 1"):
        rule.elected("other", 1)


def test_epochs_rise() -> None:
    rule = EpochsRise()
    rule.told("one", 3)
    rule.told("other", 3)
    rule.told("one", 5)
    with pytest.raises(AssertionError, match="one was in epoch 5, then told of epoch 5 as new"):
        rule.told("one", 5)
