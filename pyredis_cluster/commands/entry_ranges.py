"""Ranges of sorted sets as requests spell them: by rank, by score, by member."""

from __future__ import annotations

from dataclasses import dataclass

from pyredis_cluster.commands.indices import bounds
from pyredis_cluster.keyspace.types.lex_range import LexRange
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import float_of_any_size, integer

_NOT_A_SCORE = CommandError("ERR min or max is not a float")
_NOT_A_LEX_BOUND = CommandError("ERR min or max not valid string range item")


@dataclass(slots=True)
class RankRange:
    """Entries by rank, both ends included, negative from the end."""

    start: int
    stop: int

    def ranks(self, value: SortedSet, *, reverse: bool) -> tuple[int, int]:
        """(start, stop) of the ranks meant; counted from the highest score if `reverse`."""
        length = len(value)
        start, stop = bounds(self.start, self.stop, length)
        return (length - stop, length - start) if reverse else (start, stop)


@dataclass(slots=True)
class ScoreRange:
    """Entries by score; `above` and `below` exclude the ends."""

    low: float
    high: float
    above: bool
    below: bool

    def ranks(self, value: SortedSet, *, reverse: bool) -> tuple[int, int]:
        """(start, stop) of the ranks meant."""
        return value.score_range(self.low, self.high, above=self.above, below=self.below)


@dataclass(slots=True)
class MemberRange:
    """Entries by member, where all scores are the same."""

    wanted: LexRange

    def ranks(self, value: SortedSet, *, reverse: bool) -> tuple[int, int]:
        """(start, stop) of the ranks meant."""
        return value.lex_range(self.wanted, reverse=reverse)


EntryRange = RankRange | ScoreRange | MemberRange


def rank_range(start: bytes, stop: bytes) -> RankRange:
    """The range of ranks from one integer to another. Raises NOT_AN_INTEGER."""
    return RankRange(integer(start), integer(stop))


def score_range(low: bytes, high: bytes) -> ScoreRange:
    """The range of scores from one float to another, excluded where `(` stands before it. Raises an error
    else.
    """
    low_score, above = _score_bound(low)
    high_score, below = _score_bound(high)
    return ScoreRange(low_score, high_score, above, below)


def _score_bound(text: bytes) -> tuple[float, bool]:
    """Redis gives this to strtod as it is: blanks before it pass, and nothing at all is 0."""
    is_excluded = text[:1] == b"("
    spelled = text[is_excluded:].partition(b"\0")[0]
    score = 0.0 if not spelled else float_of_any_size(spelled.lstrip(b" \t\n\v\f\r"))
    if score is None:
        raise _NOT_A_SCORE
    return score, is_excluded


def member_range(low: bytes, high: bytes) -> MemberRange:
    """The range from one of `-`, `+`, `[member`, `(member` to another. Raises an error for anything else."""
    low_member, above = _lex_bound(low)
    high_member, below = _lex_bound(high)
    is_reversed = low[:1] == b"+" or high[:1] == b"-"
    return MemberRange(LexRange(low_member, high_member, above, below, is_reversed))


def _lex_bound(text: bytes) -> tuple[bytes | None, bool]:
    """The member and whether it is excluded; None for `-` and `+`."""
    kind = text[:1]
    if kind == b"(" or kind == b"[":
        return text[1:], kind == b"("
    if kind in (b"-", b"+") and text[1:2] in (b"", b"\0"):
        return None, False
    raise _NOT_A_LEX_BOUND
