"""Ranges of members, as ZRANGEBYLEX and its kin name them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LexRange:
    """Members from `low` to `high`; `above` excludes `low` itself, `below` excludes `high`.

    `low` is None for `-`, before all members, and `high` None for `+`, after all. `is_empty` marks a range
    that has the ends the wrong way round (`+` first, or `-` last), which `low` and `high` could not say.
    """

    low: bytes | None
    high: bytes | None
    above: bool = False
    below: bool = False
    is_reversed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no member can be within."""
        if self.is_reversed:
            return True
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.above or self.below))

    def first_member(self) -> bytes:
        """The least member that would be within. `low` must not be None."""
        assert self.low is not None
        return self.low + b"\0" if self.above else self.low

    def end_member(self) -> bytes:
        """The least member after all that are within. `high` must not be None."""
        assert self.high is not None
        return self.high if self.below else self.high + b"\0"

    def starts_before(self, member: bytes) -> bool:
        """Whether `member` is not below the range."""
        return self.low is None or (member > self.low if self.above else member >= self.low)

    def ends_after(self, member: bytes) -> bool:
        """Whether `member` is not above the range."""
        return self.high is None or (member < self.high if self.below else member <= self.high)

    def walk(self, members: list[bytes], *, reverse: bool) -> tuple[int, int]:
        """(start, stop) of the run within, as found by walking from one end: the members need not be in
        order.

        O(n).
        """
        count = len(members)
        if not self.starts_before(members[-1]) or not self.ends_after(members[0]):
            return 0, 0
        if reverse:
            stop = count
            while stop and not self.ends_after(members[stop - 1]):
                stop -= 1
            start = stop
            while start and self.starts_before(members[start - 1]):
                start -= 1
            return start, stop
        start = 0
        while start < count and not self.starts_before(members[start]):
            start += 1
        stop = start
        while stop < count and self.ends_after(members[stop]):
            stop += 1
        return start, stop
