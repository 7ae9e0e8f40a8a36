"""Each rule finds what breaks it, and lets pass what does not."""

from __future__ import annotations

import pytest

from tests.simulation.rules import (
    AcknowledgedWritesStay,
    EpochsNeverGoBack,
    FailuresAreAgreedOn,
    HistoriesAgree,
    OnePrimaryPerEpoch,
    OneVotePerEpoch,
    ReplicasDoNotLead,
    ViolationError,
)


def test_an_epoch_is_won_once() -> None:
    rule = OnePrimaryPerEpoch()
    rule.won("a", 1)
    rule.won("a", 1)
    rule.won("b", 2)
    with pytest.raises(ViolationError, match="a and b both won epoch 1"):
        rule.won("b", 1)


def test_a_slot_has_one_primary_under_an_epoch() -> None:
    rule = OnePrimaryPerEpoch()
    rule.won("a", 1)
    rule.serves("a", 1, 0b0011)
    with pytest.raises(ViolationError, match="a and b both served slots under epoch 1"):
        rule.serves("b", 1, 0b0110)


def test_epochs_are_won_before_anything_is_served_under_them() -> None:
    rule = OnePrimaryPerEpoch()
    rule.won("a", 1)
    rule.serves("a", 1, 0b0011)
    with pytest.raises(ViolationError, match="b serves under epoch 1, which it has not won"):
        rule.serves("b", 1, 0b1100)


def test_epochs_that_nodes_gave_themselves_may_collide() -> None:
    rule = OnePrimaryPerEpoch()
    rule.won("a", 1)
    rule.serves("a", 1, 0b0011)
    rule.gave_itself("b", 1)
    rule.serves("b", 1, 0b0110)


def test_the_current_epoch_of_a_process_rises() -> None:
    rule = EpochsNeverGoBack()
    rule.saw("x", 1, 5, 0, None)
    rule.saw("x", 2, 4, 0, None)
    rule.saw("x", 2, 6, 0, None)
    with pytest.raises(ViolationError, match="x went from epoch 6 back to 5"):
        rule.saw("x", 2, 5, 0, None)


def test_a_vote_is_remembered() -> None:
    rule = EpochsNeverGoBack()
    rule.saw("x", 1, 5, 5, None)
    with pytest.raises(ViolationError, match="x had voted in epoch 5, now says 4"):
        rule.saw("x", 2, 5, 4, None)


def test_the_config_epoch_of_a_primary_rises() -> None:
    rule = EpochsNeverGoBack()
    rule.saw("x", 1, 5, 0, 3)
    rule.saw("x", 1, 5, 0, None)
    with pytest.raises(ViolationError, match="x served under config epoch 3, now under 2"):
        rule.saw("x", 2, 5, 0, 2)


def test_a_node_votes_once_in_an_epoch() -> None:
    rule = OneVotePerEpoch()
    rule.voted("x", 1, "a")
    rule.voted("x", 2, "b")
    rule.voted("y", 1, "b")
    with pytest.raises(ViolationError, match="x voted twice in epoch 1"):
        rule.voted("x", 1, "a")


def test_failures_need_a_majority_that_suspects_now() -> None:
    rule = FailuresAreAgreedOn(window_s=2.0)
    rule.suspects("b", "x", 1.0)
    rule.found("a", "x", ["a", "b", "c"], 3, 2.9)
    with pytest.raises(ViolationError, match=r"a found x failed, suspected by \['a'\] alone"):
        rule.found("a", "x", ["a", "b", "c"], 3, 3.1)
    with pytest.raises(ViolationError):
        rule.found("a", "x", ["b", "c"], 3, 2.9)


def test_who_has_slept_reads_old_messages() -> None:
    rule = FailuresAreAgreedOn(window_s=2.0)
    rule.suspects("b", "x", 1.0)
    rule.slept("a", 1.0, 4.0)
    rule.found("a", "x", ["a", "b", "c"], 3, 5.9)
    with pytest.raises(ViolationError):
        rule.found("a", "x", ["a", "b", "c"], 3, 6.1)


def test_histories_are_of_the_same_bytes() -> None:
    rule = HistoriesAgree()
    rule.saw("x", 1, "h", 11, b"abc")
    assert rule.next_offset("x", 1, "h") == 14
    assert rule.next_offset("x", 2, "h") == 0
    rule.saw("y", 1, "h", 9, b"??ab")
    rule.saw("y", 1, "h", 13, b"cde")
    rule.saw("x", 1, "h", 14, b"d")
    rule.saw("y", 1, "other", 11, b"zzz")
    with pytest.raises(ViolationError, match="x has other bytes of history h after 15"):
        rule.saw("x", 1, "h", 15, b"f")


def test_bytes_that_nobody_has_shown_are_not_compared() -> None:
    rule = HistoriesAgree()
    rule.saw("x", 1, "h", 1, b"abc")
    rule.saw("x", 1, "h", 10, b"jkl")
    rule.saw("y", 1, "h", 2, b"??")
    rule.saw("y", 1, "h", 12, b"lm")
    with pytest.raises(ViolationError):
        rule.saw("z", 1, "h", 9, b"ijkL")


def test_a_replica_has_no_more_than_its_primary() -> None:
    rule = ReplicasDoNotLead()
    rule.saw("r", 5, "p", 5)
    with pytest.raises(ViolationError, match="r is at offset 6, p which it follows at 5"):
        rule.saw("r", 6, "p", 5)


def test_failovers_explain_losses_near_them() -> None:
    rule = AcknowledgedWritesStay(window_s=1.0)
    rule.promoted(10.0)
    rule.is_gone("one", 9.5, [])
    rule.is_gone("two", 10.5, [])
    rule.is_gone("moved just before", 1.0, [9.5])
    assert rule.lost == 3
    with pytest.raises(ViolationError, match="no failover explains it: three"):
        rule.is_gone("three", 8.5, [])
    with pytest.raises(ViolationError):
        rule.is_gone("moved before it was written", 11.5, [9.5])


def test_a_replica_with_old_data_explains_more() -> None:
    rule = AcknowledgedWritesStay(window_s=1.0)
    rule.promoted(10.0, age_s=3.0)
    rule.is_gone("one", 7.5, [])
    with pytest.raises(ViolationError):
        rule.is_gone("two", 6.5, [])


def test_a_failover_that_is_undone_explains_more() -> None:
    rule = AcknowledgedWritesStay(window_s=1.0)
    rule.collided(5.0)
    rule.promoted(10.0)
    with pytest.raises(ViolationError):
        rule.is_gone("one", 15.0, [])
    rule.collided(20.0)
    rule.is_gone("two", 15.0, [])
    with pytest.raises(ViolationError):
        rule.is_gone("three", 21.5, [])
    with pytest.raises(ViolationError):
        rule.is_gone("four", 8.5, [])
