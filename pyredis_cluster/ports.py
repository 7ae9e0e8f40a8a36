"""What the outside world is to a server: everything nondeterministic enters through these protocols.

A test, or the simulated world, hands in its own; those of `pyredis_cluster.server` are the real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Clock(Protocol):
    """Time as a server sees it."""

    def unix_ns(self) -> int:
        """Wall-clock time in nanoseconds since 1970; may jump."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of a clock that never goes back; the origin means nothing."""


class Random(Protocol):
    """The part of `random.Random` that servers use."""

    def random(self) -> float:
        """A float in [0, 1)."""

    def randrange(self, start: int, stop: int | None = None, /) -> int:
        """An int in [0, start), or in [start, stop)."""

    def getrandbits(self, k: int, /) -> int:
        """A non-negative int of `k` random bits."""

    def choice(self, seq: Sequence[_T], /) -> _T:
        """One element of a non-empty sequence."""

    def sample(self, population: Sequence[_T], k: int) -> list[_T]:
        """`k` elements from distinct positions."""

    def shuffle(self, x: list[_T], /) -> None:
        """Shuffle in place."""
