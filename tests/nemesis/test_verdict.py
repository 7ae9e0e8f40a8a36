"""What explains a lost write and what does not; what a seed makes of a run."""

from __future__ import annotations

import pytest

from tests.nemesis.mover import Move
from tests.nemesis.schedule import Fault, schedule
from tests.nemesis.verdict import Absence, judge
from tests.nemesis.writers import Write

AWAY, SUCCESSOR, OTHER = 7000, 7003, 7001
KILLED = Absence(AWAY, Fault.KILL, 100.0, 104.0, SUCCESSOR)


def write(at_s: float, port: int = AWAY, slot: int = 1) -> Write:
    return Write("key", slot, at_s - 0.01, at_s, port)


def test_a_write_of_a_primary_that_lost_its_place() -> None:
    at_its_end, waking, long_before, elsewhere = write(99.9), write(104.2), write(97.0), write(100, OTHER)
    verdict = judge([at_its_end, waking, long_before, elsewhere], [KILLED], [])
    assert verdict.failover == [at_its_end, waking]
    assert verdict.unexplained == [long_before, elsewhere]
    assert verdict.lost == 4


@pytest.mark.parametrize(
    "absence",
    [Absence(AWAY, Fault.KILL, 100.0, 104.0), Absence(AWAY, Fault.HAND_OVER, 100.0, 104.0, SUCCESSOR)],
)
def test_nothing_may_be_lost_where_nobody_took_over_or_all_was_in_order(absence: Absence) -> None:
    assert judge([write(100.0)], [absence], []).unexplained == [write(100.0)]


def test_a_slot_that_was_on_its_way_to_a_primary_that_lost_its_place() -> None:
    lost = write(50.0, OTHER)
    for port in (AWAY, SUCCESSOR):
        verdict = judge([lost], [KILLED], [Move(1, (OTHER, port), 99.8, 100.2)])
        assert verdict.moved == ([lost] if port == AWAY else [])
    for move in (Move(2, (OTHER, AWAY), 99.8, 100.2), Move(1, (OTHER, AWAY), 90.0, 90.1)):
        assert judge([lost], [KILLED], [move]).unexplained == [lost]
    # One that redis-cli left open stays so until it is repaired.
    assert judge([lost], [KILLED], [Move(1, (OTHER, AWAY), 90.0)]).moved == [lost]


def test_a_seed_makes_the_same_run_again() -> None:
    steps = list(schedule(7, 600, 1000))
    assert steps == list(schedule(7, 600, 1000))
    assert steps != list(schedule(8, 600, 1000))
    assert {step.fault for step in steps} == set(Fault)
    assert {len(step.victims) for step in steps} == {1, 2}
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)
