"""What became of acknowledged writes, and what explains those that are gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.nemesis.mover import Move
from tests.nemesis.schedule import Fault
from tests.nemesis.writers import Write

_MARGIN_S = 1.0
"""A primary that wakes up or comes back may take writes for as long as it takes to hear of its successor."""


@dataclass(slots=True)
class Absence:
    """When a primary was away, and why."""

    port: int
    fault: Fault
    start_s: float
    """Unix time."""
    end_s: float = float("inf")
    successor: int = 0
    """The port of the node that took over; 0 for none."""

    def covers(self, time_s: float) -> bool:
        """Whether something of that time may have to do with it."""
        return self.start_s - _MARGIN_S <= time_s <= self.end_s + _MARGIN_S


@dataclass(slots=True)
class Verdict:
    """Writes that were acknowledged and are not served in the end."""

    failover: list[Write] = field(default_factory=list)
    """Acknowledged by a primary at the time at which another one took its place."""
    moved: list[Write] = field(default_factory=list)
    """Of slots whose old or new primary was replaced while they were on their way: what redis-cli does then
    is to forget where they were going."""
    unexplained: list[Write] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """All of them."""
        return len(self.failover) + len(self.moved) + len(self.unexplained)


def judge(lost: Iterable[Write], absences: Iterable[Absence], moves: Iterable[Move]) -> Verdict:
    """Sort lost writes by what explains them.

    A primary that hands over in order loses nothing, and neither does one that nobody succeeded: what it
    acknowledged is on its disk.
    """
    verdict = Verdict()
    failovers = [one for one in absences if one.successor and one.fault is not Fault.HAND_OVER]
    open_moves: dict[int, list[Move]] = {}
    for move in moves:
        open_moves.setdefault(move.slot, []).append(move)
    for write in lost:
        if any(one.port == write.port and one.covers(write.acknowledged_s) for one in failovers):
            verdict.failover.append(write)
        elif any(_interrupts(one, move) for move in open_moves.get(write.slot, ()) for one in failovers):
            verdict.moved.append(write)
        else:
            verdict.unexplained.append(write)
    return verdict


def _interrupts(absence: Absence, move: Move) -> bool:
    return (
        absence.port in move.ports
        and absence.start_s - _MARGIN_S <= move.end_s
        and move.start_s <= absence.end_s + _MARGIN_S
    )
