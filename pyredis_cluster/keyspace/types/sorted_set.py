"""Sorted sets."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from math import inf, nextafter
from typing import Any, Protocol, Self, overload

from sortedcontainers import SortedList

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.scan_index import ScanIndex
from pyredis_cluster.keyspace.types.lex_range import LexRange
from pyredis_cluster.keyspace.types.listpack import EMPTY_LISTPACK_BYTES, entry_bytes
from pyredis_cluster.keyspace.types.sizes import OBJECT_BYTES, string_bytes, table_bytes
from pyredis_cluster.keyspace.types.value import Value

Entry = tuple[float, bytes]
"""Score and member: tuples compare as Redis orders, by score and then byte by byte."""

_PLAIN_MAX = 4096
"""Up to so many entries one plain list beats a list of lists at everything."""

_UNSIGNED_ZERO = 0.0
"""Added to a score it takes the sign of -0: a listpack stores that as the integer 0, a skip list as it is."""

_SKIPLIST_BYTES = 80
_NODE_BYTES = 56


class _Order(Protocol):
    """Entries in order."""

    def add(self, entry: Entry) -> None: ...

    def remove(self, entry: Entry) -> None: ...

    def pop(self, index: int = -1) -> Entry: ...

    def bisect_left(self, entry: Any) -> int: ...

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...

    def __delitem__(self, index: slice) -> None: ...


class _PlainOrder(list[Entry]):
    """Entries in one list: O(log n) to find, O(n) to change, but n is small and moving it is fast."""

    __slots__ = ()

    def add(self, entry: Entry) -> None:
        """Insert an entry."""
        insort(self, entry)

    def remove(self, entry: Entry) -> None:
        """Remove an entry that is there."""
        del self[bisect_left(self, entry)]

    def bisect_left(self, entry: Any) -> int:
        """Number of entries less than `entry`, which may be a score alone: `(score,)`."""
        return bisect_left(self, entry)


class SortedSet(Value):
    """Members with scores, ordered by score and then by member.

    `scores` may be read for membership and number. Changes go through the methods, which keep order, encoding
    and index right; those that may change the encoding take the limits. All are O(log n) unless they say
    otherwise.
    """

    __slots__ = ("_index", "_order", "is_listpack", "scores")

    type_name = b"zset"

    def __init__(self, *, is_listpack: bool = True) -> None:
        self.lru = 0
        self.is_listpack = is_listpack
        self.scores: dict[bytes, float] = {}
        self._order: _Order = _PlainOrder()
        self._index: ScanIndex | None = None

    @classmethod
    def for_adding(cls, first: bytes, count: int, limits: EncodingLimits) -> Self:
        """An empty set encoded for a request that adds `count` members, `first` the first of them."""
        is_listpack = (
            count <= limits.zset_max_listpack_entries and len(first) <= limits.zset_max_listpack_value
        )
        return cls(is_listpack=is_listpack)

    @classmethod
    def of(
        cls, scores: dict[bytes, float], limits: EncodingLimits, *, is_listpack: bool | None = None
    ) -> Self:
        """A set of these members, which takes over `scores`; the encoding is as small as can be unless given.

        O(n log n).
        """
        if is_listpack is None:
            is_listpack = (
                len(scores) <= limits.zset_max_listpack_entries
                and max(map(len, scores), default=0) <= limits.zset_max_listpack_value
            )
        if is_listpack:
            for member, score in scores.items():
                if score == 0:
                    scores[member] = 0.0
        made = cls(is_listpack=is_listpack)
        made.scores = scores
        made._order = _ordered(zip(scores.values(), scores.keys(), strict=True), len(scores))
        return made

    def __len__(self) -> int:
        """Number of members. O(1)."""
        return len(self.scores)

    def encoding(self) -> bytes:
        """`listpack` or `skiplist`."""
        return b"listpack" if self.is_listpack else b"skiplist"

    def copy(self) -> Self:
        """An independent copy of the same encoding. O(n)."""
        made = type(self)(is_listpack=self.is_listpack)
        made.scores = self.scores.copy()
        made._order = _ordered(self._order[:], len(self.scores))
        return made

    def memory_bytes(self, samples: int = 5) -> int:
        """Listpack, or table and skip list with the members of `samples` nodes averaged (0: of all)."""
        if self.is_listpack:
            entries = self._order[:]
            used = sum(entry_bytes(member) + _score_bytes(score) for score, member in entries)
            return OBJECT_BYTES + EMPTY_LISTPACK_BYTES + used
        count = len(self.scores)
        sampled = self._order[: samples or count]
        strings = sum(string_bytes(member) for _, member in sampled) * count // max(len(sampled), 1)
        return OBJECT_BYTES + _SKIPLIST_BYTES + table_bytes(count) + _NODE_BYTES * count + strings

    def expect(self, count: int, limits: EncodingLimits) -> None:
        """Prepare for a request that names `count` members: too many make it a skip list at once.

        Redis does so before it looks whether the members are new.
        """
        if count > limits.zset_max_listpack_entries:
            self.is_listpack = False

    def add(self, member: bytes, score: float, limits: EncodingLimits) -> None:
        """Add a member that is not there."""
        scores = self.scores
        if self.is_listpack and (
            len(scores) >= limits.zset_max_listpack_entries or len(member) > limits.zset_max_listpack_value
        ):
            self.is_listpack = False
        if self.is_listpack:
            score += _UNSIGNED_ZERO
        scores[member] = score
        order = self._order
        order.add((score, member))
        if self._index is not None:
            self._index.add(member)
        if len(scores) > _PLAIN_MAX and type(order) is _PlainOrder:
            self._order = SortedList(order)

    def change(self, member: bytes, score: float) -> None:
        """Give a member that is there another score."""
        scores = self.scores
        order = self._order
        if self.is_listpack:
            score += _UNSIGNED_ZERO
        order.remove((scores[member], member))
        order.add((score, member))
        scores[member] = score

    def discard(self, member: bytes) -> bool:
        """Remove a member; whether it was there."""
        score = self.scores.pop(member, None)
        if score is None:
            return False
        self._order.remove((score, member))
        if self._index is not None:
            self._index.discard(member)
        return True

    def pop(self, *, lowest: bool) -> Entry:
        """Remove and return the first entry, or the last. Raises IndexError if there is none."""
        entry = self._order.pop(0 if lowest else -1)
        del self.scores[entry[1]]
        if self._index is not None:
            self._index.discard(entry[1])
        return entry

    def remove_range(self, start: int, stop: int) -> None:
        """Remove the entries of ranks `start` up to, not including, `stop`; both within 0..len. O(log n +
        removed).
        """
        scores = self.scores
        for _, member in self._order[start:stop]:
            del scores[member]
            if self._index is not None:
                self._index.discard(member)
        del self._order[start:stop]

    def rank(self, member: bytes) -> int | None:
        """How many entries are before a member, or None if it is not there."""
        score = self.scores.get(member)
        return None if score is None else self._order.bisect_left((score, member))

    def range(self, start: int, stop: int) -> list[Entry]:
        """The entries of ranks `start` up to, not including, `stop`; both within 0..len. O(log n +
        returned).
        """
        return self._order[start:stop]

    def score_range(self, low: float, high: float, *, above: bool, below: bool) -> tuple[int, int]:
        """The ranks (start, stop) of the entries with scores from `low` to `high`.

        `above` excludes `low` itself, `below` excludes `high`. An empty range is (0, 0).
        """
        order = self._order
        start = self._rank_above(low) if above else order.bisect_left((low,))
        stop = order.bisect_left((high,)) if below else self._rank_above(high)
        return (start, stop) if start < stop else (0, 0)

    def _rank_above(self, score: float) -> int:
        return len(self.scores) if score == inf else self._order.bisect_left((nextafter(score, inf),))

    def lex_range(self, wanted: LexRange, *, reverse: bool = False) -> tuple[int, int]:
        """The ranks (start, stop) of the entries within `wanted`, sought from the end if `reverse`.

        Where scores differ, and such a range means nothing, a listpack answers as Redis does, and a skip list
        does while members are in order all the same; O(n) for a listpack.
        """
        if wanted.is_empty or not self.scores:
            return 0, 0
        if self.is_listpack:
            return wanted.walk([member for _, member in self._order[:]], reverse=reverse)
        score = self._order[0][0]
        if score != self._order[-1][0]:
            return self._lex_range_across_scores(wanted)
        start = 0 if wanted.low is None else self._order.bisect_left((score, wanted.first_member()))
        stop = len(self.scores)
        if wanted.high is not None:
            stop = self._order.bisect_left((score, wanted.end_member()))
        return (start, stop) if start < stop else (0, 0)

    def _lex_range_across_scores(self, wanted: LexRange) -> tuple[int, int]:
        """The entries within, searched by member alone as a skip list is, as if members were in order."""
        start, stop = 0, len(self.scores)
        if wanted.low is not None:
            start = bisect_left(self._order, wanted.first_member(), key=_member_of)
        if wanted.high is not None:
            stop = bisect_left(self._order, wanted.end_member(), key=_member_of)
        return (start, stop) if start < stop else (0, 0)

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor and members of a walk; a listpack gives all at once, whatever the cursor."""
        if self.is_listpack:
            return 0, [member for _, member in self._order[:]]
        if self._index is None:
            self._index = ScanIndex(self.scores)
        return self._index.scan(cursor, count)

    def _check(self, limits: EncodingLimits | None = None) -> None:
        """Assert all invariants; with `limits` also that a listpack is within them. O(n log n)."""
        entries = self._order[:]
        assert list(entries) == sorted((score, member) for member, score in self.scores.items())
        assert type(self._order) is not _PlainOrder or len(entries) <= _PLAIN_MAX
        if self._index is not None:
            assert sorted(self._index.order) == sorted(self.scores)
        if limits is not None and self.is_listpack:
            assert len(self.scores) <= limits.zset_max_listpack_entries
            assert all(len(member) <= limits.zset_max_listpack_value for member in self.scores)


def _member_of(entry: tuple[float, bytes]) -> bytes:
    return entry[1]


def _score_bytes(score: float) -> int:
    """Listpack bytes of a score; near enough for fractions, whose exact text would take long to find."""
    return entry_bytes(b"%d" % score) if score.is_integer() else len(repr(score)) + 2


def _ordered(entries: Iterable[Entry], count: int) -> _Order:
    if count > _PLAIN_MAX:
        order: _Order = SortedList(entries)
        return order
    return _PlainOrder(sorted(entries))
