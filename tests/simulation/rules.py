"""What must never happen to a cluster. Each rule is told facts, and raises ViolationError at one too many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


class ViolationError(AssertionError):
    """Something that must never happen did."""


@dataclass(slots=True)
class OnePrimaryPerEpoch:
    """At most one primary for each slot and config epoch, which it has won or given itself.

    Who ends an import gives itself an epoch without asking anyone, and another may win the same one at that
    time. Redis lets them collide, and settles it as soon as they hear of each other.
    """

    _winners: dict[int, str] = field(default_factory=dict)
    _given: set[tuple[str, int]] = field(default_factory=set)
    _served: dict[int, dict[str, int]] = field(default_factory=dict)

    def won(self, node_id: str, epoch: int) -> None:
        """An election, or whoever made the cluster, gave `node_id` this epoch."""
        winner = self._winners.setdefault(epoch, node_id)
        if winner != node_id:
            raise ViolationError(f"{winner} and {node_id} both won epoch {epoch}")

    def gave_itself(self, node_id: str, epoch: int) -> None:
        """A node took an epoch after an import, or after a collision."""
        self._given.add((node_id, epoch))

    def serves(self, node_id: str, epoch: int, slots: int) -> None:
        """A primary serves slots, as bits of an integer, under its config epoch."""
        known = self._served.setdefault(epoch, {})
        is_given = (node_id, epoch) in self._given
        for other, theirs in known.items():
            if other != node_id and theirs & slots and not (is_given or (other, epoch) in self._given):
                raise ViolationError(f"{other} and {node_id} both served slots under epoch {epoch}")
        if not is_given and self._winners.get(epoch) != node_id:
            raise ViolationError(f"{node_id} serves under epoch {epoch}, which it has not won")
        known[node_id] = known.get(node_id, 0) | slots


@dataclass(slots=True)
class EpochsNeverGoBack:
    """Neither that of a process nor, restarts or not, the one it voted in and the one it serves under."""

    _current: dict[tuple[str, int], int] = field(default_factory=dict)
    _voted: dict[str, int] = field(default_factory=dict)
    _config: dict[str, int] = field(default_factory=dict)

    def saw(self, address: str, process: int, current: int, voted: int, config: int | None) -> None:
        """A node's epochs; `config` is None of a replica, which has none of its own."""
        before = self._current.get((address, process), 0)
        if current < before:
            raise ViolationError(f"{address} went from epoch {before} back to {current}")
        self._current[address, process] = current
        before = self._voted.get(address, 0)
        if voted < before:
            raise ViolationError(f"{address} had voted in epoch {before}, now says {voted}")
        self._voted[address] = voted
        if config is None:
            return
        before = self._config.get(address, 0)
        if config < before:
            raise ViolationError(f"{address} served under config epoch {before}, now under {config}")
        self._config[address] = config


@dataclass(slots=True)
class OneVotePerEpoch:
    """No node votes twice in an epoch, not after a restart either."""

    _votes: dict[tuple[str, int], str] = field(default_factory=dict)

    def voted(self, address: str, epoch: int, candidate: str) -> None:
        """A vote was given."""
        if (address, epoch) in self._votes:
            raise ViolationError(f"{address} voted twice in epoch {epoch}")
        self._votes[address, epoch] = candidate


@dataclass(slots=True)
class FailuresAreAgreedOn:
    """A node is found to have failed only where a majority of the primaries suspects it, or just did.

    `window_s` is how long ago a suspicion may have been, for messages take their time. Who has slept may just
    have read of one that was when it fell asleep.
    """

    window_s: float
    _suspicions: dict[tuple[str, str], float] = field(default_factory=dict)
    _sleeps: dict[str, tuple[float, float]] = field(default_factory=dict)

    def suspects(self, node_id: str, suspect: str, time_s: float) -> None:
        """A node holds another one for unreachable, or for failed."""
        self._suspicions[node_id, suspect] = time_s

    def slept(self, node_id: str, since_s: float, until_s: float) -> None:
        """A node did nothing in that time."""
        self._sleeps[node_id] = since_s, until_s

    def found(self, node_id: str, suspect: str, voters: Collection[str], size: int, time_s: float) -> None:
        """A node found that one to have failed, and knows `voters`; `size` is how many it counts."""
        since_s = time_s - self.window_s
        slept_since_s, slept_until_s = self._sleeps.get(node_id, (0.0, 0.0))
        if slept_until_s >= since_s:
            since_s -= slept_until_s - slept_since_s
        suspecting = [
            voter
            for voter in voters
            if voter == node_id or self._suspicions.get((voter, suspect), -1.0) >= since_s
        ]
        if len(suspecting) < size // 2 + 1:
            raise ViolationError(f"{node_id} found {suspect} failed, suspected by {suspecting} alone")


@dataclass(slots=True)
class HistoriesAgree:
    """Who is of the same history has the same bytes of it."""

    _known: dict[str, tuple[int, bytearray]] = field(default_factory=dict)
    """History → offset of the first byte that is remembered of it, and what is remembered."""
    _next: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def next_offset(self, address: str, process: int, history: str) -> int:
        """What to show next of a process's bytes of a history; the bytes before it were shown."""
        return self._next.get((address, process, history), 0)

    def saw(self, address: str, process: int, history: str, first: int, data: bytes) -> None:
        """A process holds these bytes of a history, beginning with number `first`."""
        self._next[address, process, history] = first + len(data)
        start, known = self._known.get(history, (first, bytearray()))
        if first > start + len(known):
            # Nobody has shown what lies between.
            start, known = first, bytearray()
        if first < start:
            data = data[start - first :]
            first = start
        at = first - start
        common = min(len(data), len(known) - at)
        if known[at : at + common] != data[:common]:
            raise ViolationError(f"{address} has other bytes of history {history} after {first}")
        known += data[common:]
        self._known[history] = start, known


@dataclass(slots=True)
class ReplicasDoNotLead:
    """A replica has of its primary's history what that has, or less."""

    def saw(self, replica: str, offset: int, primary: str, primary_offset: int) -> None:
        """Both are of one history, and one follows the other."""
        if offset > primary_offset:
            raise ViolationError(
                f"{replica} is at offset {offset}, {primary} which it follows at {primary_offset}"
            )


@dataclass(slots=True)
class AcknowledgedWritesStay:
    """What was acknowledged is there in the end, unless a failover explains that it is not.

    A failover may cost what was written, or moved from node to node, within `window_s` of it, or since the
    replica had all data for the last time. Where the former primary had given itself the epoch that its
    replica won, it is the failover that may be undone, and costs what was written until then.
    """

    window_s: float
    promotions: list[tuple[float, float]] = field(default_factory=list)
    """When each was, and since when what it may have cost was written."""
    _collisions_s: list[float] = field(default_factory=list)
    lost: int = 0
    """How many writes failovers have cost."""

    def promoted(self, time_s: float, age_s: float = 0.0) -> None:
        """A replica took the place of its primary, and had not had all its data for `age_s`."""
        self.promotions.append((time_s, time_s - max(age_s, self.window_s)))

    def collided(self, time_s: float) -> None:
        """Two primaries met that had the same epoch, and one of them took a newer one."""
        self._collisions_s.append(time_s)

    def is_gone(self, what: str, written_s: float, moved_s: Collection[float]) -> None:
        """A write that was acknowledged at `written_s`, and travelled at `moved_s`, is not there."""
        moments = [written_s, *(time_s for time_s in moved_s if time_s >= written_s)]
        if not any(self._is_explained(time_s) for time_s in moments):
            raise ViolationError(f"lost, and no failover explains it: {what}")
        self.lost += 1

    def _is_explained(self, time_s: float) -> bool:
        return any(
            since_s <= time_s <= self._settled_s(promoted_s) + self.window_s
            for promoted_s, since_s in self.promotions
        )

    def _settled_s(self, promoted_s: float) -> float:
        """When nothing undid a failover any more."""
        return max([promoted_s, *self._collisions_s])
