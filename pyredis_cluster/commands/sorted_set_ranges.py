"""Commands of ranges of sorted sets: by rank, by score, and by member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyredis_cluster.commands.indices import bounds
from pyredis_cluster.commands.sorted_sets import sorted_sets, with_scores
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, OW, RO, RW, UPDATE, KeyRange
from pyredis_cluster.keyspace.events import NOTIFY_GENERIC, NOTIFY_ZSET
from pyredis_cluster.keyspace.types.lex_range import LexRange
from pyredis_cluster.keyspace.types.sorted_set import Entry, SortedSet
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import float_of_any_size, integer
from pyredis_cluster.protocol.reply import Reply

_NOT_A_SCORE = CommandError("ERR min or max is not a float")
_NOT_A_LEX_BOUND = CommandError("ERR min or max not valid string range item")
_LIMIT_OF_RANKS = CommandError(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
)
_SCORES_OF_LEX = CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")

_READ = KeyRange(1, flags=RO | ACCESS)
_RANGE_COMPLEXITY = (
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned."
)
_LIMITED_COMPLEXITY = (
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being "
    "returned. "
    "If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it "
    "O(log(N))."
)
_REMOVE_COMPLEXITY = (
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed "
    "by the "
    "operation."
)


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


_Range = RankRange | ScoreRange | MemberRange


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


_PARSERS: dict[bytes, Callable[[bytes, bytes], _Range]] = {
    b"rank": rank_range,
    b"byscore": score_range,
    b"bylex": member_range,
}


@dataclass(slots=True)
class _Query:
    """What a ZRANGE command asks for."""

    wanted: _Range
    reverse: bool
    offset: int
    limit: int
    shows_scores: bool

    def select(self, value: SortedSet) -> list[Entry]:
        """The entries, in the order asked for."""
        start, stop = self.wanted.ranks(value, reverse=self.reverse)
        offset, limit = self.offset, self.limit
        if offset or limit >= 0:
            if offset < 0:
                return []
            if self.reverse:
                stop -= offset
                start = start if limit < 0 else max(start, stop - limit)
            else:
                start += offset
                stop = stop if limit < 0 else min(stop, start + limit)
            if start >= stop:
                return []
        entries = value.range(start, stop)
        return entries[::-1] if self.reverse else entries


def _query(
    argv: list[bytes], at: int, *, by: bytes = b"", reverse: bool | None = None, stores: bool = False
) -> _Query:
    """Read `min max` and the options from argument `at` on; `by` and `reverse` where the command's name says
    them.
    """
    offset, limit, shows_scores = 0, -1, False
    count = len(argv)
    place = at + 2
    kind = by
    while place < count:
        option = argv[place].lower()
        if option == b"withscores" and not stores:
            shows_scores = True
        elif option == b"limit" and place + 2 < count:
            offset, limit = integer(argv[place + 1]), integer(argv[place + 2])
            place += 2
        elif option == b"rev" and reverse is None:
            reverse = True
        elif option in (b"bylex", b"byscore") and not kind:
            kind = option
        else:
            raise SYNTAX_ERROR
        place += 1
    kind = kind or b"rank"
    if limit != -1 and kind == b"rank":
        raise _LIMIT_OF_RANKS
    if shows_scores and kind == b"bylex":
        raise _SCORES_OF_LEX
    low, high = argv[at], argv[at + 1]
    if reverse and kind != b"rank":
        low, high = high, low
    if kind == b"rank":
        offset = 0
    return _Query(_PARSERS[kind](low, high), bool(reverse), offset, limit, shows_scores)


def _reply(call: Call, key: bytes, query: _Query) -> Reply:
    value = call.db.read(key, SortedSet)
    if value is None:
        return []
    entries = query.select(value)
    if query.shows_scores:
        return with_scores(entries, call.resp)
    return [member for _, member in entries]


@sorted_sets.command(
    "ZRANGE",
    arity=-4,
    flags=READONLY,
    keys=_READ,
    since="1.2.0",
    syntax="key start:string stop:string [BYSCORE | BYLEX]@6.2.0 [REV@6.2.0] [LIMIT offset count]@6.2.0 "
    "[WITHSCORES]",
    summary="Returns members of a sorted set in a range of ranks, scores, or members.",
    complexity=_RANGE_COMPLEXITY,
    history=(("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."),),
)
def zrange(call: Call, argv: list[bytes]) -> Reply:
    """ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]

    An array of members; with WITHSCORES each is followed by its score, in RESP3 as a pair.
    """
    return _reply(call, argv[1], _query(argv, 2))


@sorted_sets.command(
    "ZREVRANGE",
    arity=-4,
    flags=READONLY,
    keys=_READ,
    since="1.2.0",
    syntax="key start stop [WITHSCORES]",
    summary="Returns members of a sorted set in a range of ranks, the highest score first.",
    complexity=_RANGE_COMPLEXITY,
    deprecated_since="6.2.0",
    replaced_by="`ZRANGE` with the `REV` argument",
)
def zrevrange(call: Call, argv: list[bytes]) -> Reply:
    """ZREVRANGE key start stop [WITHSCORES]

    As ZRANGE with REV.
    """
    return _reply(call, argv[1], _query(argv, 2, by=b"rank", reverse=True))


@sorted_sets.command(
    "ZRANGEBYSCORE",
    arity=-4,
    flags=READONLY,
    keys=_READ,
    since="1.0.5",
    syntax="key min max [WITHSCORES@2.0.0] [LIMIT offset count]",
    summary="Returns members of a sorted set in a range of scores.",
    complexity=_LIMITED_COMPLEXITY,
    history=(("2.0.0", "Added the `WITHSCORES` modifier."),),
    deprecated_since="6.2.0",
    replaced_by="`ZRANGE` with the `BYSCORE` argument",
)
def zrangebyscore(call: Call, argv: list[bytes]) -> Reply:
    """ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]

    As ZRANGE with BYSCORE.
    """
    return _reply(call, argv[1], _query(argv, 2, by=b"byscore", reverse=False))


@sorted_sets.command(
    "ZREVRANGEBYSCORE",
    arity=-4,
    flags=READONLY,
    keys=_READ,
    since="2.2.0",
    syntax="key max min [WITHSCORES] [LIMIT offset count]",
    summary="Returns members of a sorted set in a range of scores, the highest first.",
    complexity=_LIMITED_COMPLEXITY,
    history=(("2.1.6", "`min` and `max` can be exclusive."),),
    deprecated_since="6.2.0",
    replaced_by="`ZRANGE` with the `REV` and `BYSCORE` arguments",
)
def zrevrangebyscore(call: Call, argv: list[bytes]) -> Reply:
    """ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]

    As ZRANGE with BYSCORE and REV.
    """
    return _reply(call, argv[1], _query(argv, 2, by=b"byscore", reverse=True))


@sorted_sets.command(
    "ZRANGEBYLEX",
    arity=-4,
    flags=READONLY,
    keys=_READ,
    since="2.8.9",
    syntax="key min:string max:string [LIMIT offset count]",
    summary="Returns members of a sorted set in a range of members.",
    complexity=_LIMITED_COMPLEXITY,
    deprecated_since="6.2.0",
    replaced_by="`ZRANGE` with the `BYLEX` argument",
)
def zrangebylex(call: Call, argv: list[bytes]) -> Reply:
    """ZRANGEBYLEX key min max [LIMIT offset count]

    As ZRANGE with BYLEX.
    """
    return _reply(call, argv[1], _query(argv, 2, by=b"bylex", reverse=False))


@sorted_sets.command(
    "ZREVRANGEBYLEX",
    arity=-4,
    flags=READONLY,
    keys=_READ,
    since="2.8.9",
    syntax="key max:string min:string [LIMIT offset count]",
    summary="Returns members of a sorted set in a range of members, the last first.",
    complexity=_LIMITED_COMPLEXITY,
    deprecated_since="6.2.0",
    replaced_by="`ZRANGE` with the `REV` and `BYLEX` arguments",
)
def zrevrangebylex(call: Call, argv: list[bytes]) -> Reply:
    """ZREVRANGEBYLEX key max min [LIMIT offset count]

    As ZRANGE with BYLEX and REV.
    """
    return _reply(call, argv[1], _query(argv, 2, by=b"bylex", reverse=True))


@sorted_sets.command(
    "ZRANGESTORE",
    arity=-5,
    flags=WRITE | DENYOOM,
    keys=(KeyRange(1, flags=OW | UPDATE), KeyRange(2, flags=RO | ACCESS)),
    since="6.2.0",
    syntax="dst src min:string max:string [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
    summary="Stores a range of a sorted set as another one.",
    complexity=(
        "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements "
        "stored into "
        "the destination key."
    ),
)
def zrangestore(call: Call, argv: list[bytes]) -> Reply:
    """ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]

    How many were stored; an empty range deletes `dst`.
    """
    query = _query(argv, 3, stores=True)
    source = call.db.read(argv[2], SortedSet)
    scores = {} if source is None else {member: score for score, member in query.select(source)}
    # Redis does not know the number in advance unless ranks were given, and prepares for the worst.
    is_listpack = None if isinstance(query.wanted, RankRange) else False
    result = SortedSet.of(scores, call.keyspace.limits, is_listpack=is_listpack)
    return store(call, argv[1], result, b"zrangestore")


def store(call: Call, destination: bytes, result: SortedSet, event: bytes) -> int:
    """Make `result` the value of `destination`, or delete that if it is empty; returns the number of
    members.
    """
    db = call.db
    is_there = db.peek(destination) is not None
    if len(result):
        db.put(destination, result)
        db.changed(destination, NOTIFY_ZSET, event)
    elif is_there:
        db.discard(destination)
        db.changed(destination, NOTIFY_GENERIC, b"del")
    return len(result)


@sorted_sets.command(
    "ZCOUNT",
    arity=4,
    flags=READONLY | FAST,
    keys=_READ,
    since="2.0.0",
    syntax="key min max",
    summary="Returns the number of members of a sorted set in a range of scores.",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)
def zcount(call: Call, argv: list[bytes]) -> Reply:
    """ZCOUNT key min max

    The number of members; `(` before a bound excludes it.
    """
    return _count(call, argv[1], score_range(argv[2], argv[3]))


@sorted_sets.command(
    "ZLEXCOUNT",
    arity=4,
    flags=READONLY | FAST,
    keys=_READ,
    since="2.8.9",
    syntax="key min:string max:string",
    summary="Returns the number of members of a sorted set in a range of members.",
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
)
def zlexcount(call: Call, argv: list[bytes]) -> Reply:
    """ZLEXCOUNT key min max

    The number of members; bounds are `[member`, `(member`, `-` and `+`.
    """
    return _count(call, argv[1], member_range(argv[2], argv[3]))


def _count(call: Call, key: bytes, wanted: _Range) -> int:
    value = call.db.read(key, SortedSet)
    if value is None:
        return 0
    start, stop = wanted.ranks(value, reverse=False)
    return stop - start


@sorted_sets.command(
    "ZREMRANGEBYRANK",
    arity=4,
    flags=WRITE,
    keys=KeyRange(1, flags=RW | DELETE),
    since="2.0.0",
    syntax="key start stop",
    summary="Removes the members of a sorted set in a range of ranks.",
    complexity=_REMOVE_COMPLEXITY,
)
def zremrangebyrank(call: Call, argv: list[bytes]) -> Reply:
    """ZREMRANGEBYRANK key start stop

    How many were removed.
    """
    return _remove(call, argv[1], rank_range(argv[2], argv[3]), b"zremrangebyrank")


@sorted_sets.command(
    "ZREMRANGEBYSCORE",
    arity=4,
    flags=WRITE,
    keys=KeyRange(1, flags=RW | DELETE),
    since="1.2.0",
    syntax="key min max",
    summary="Removes the members of a sorted set in a range of scores.",
    complexity=_REMOVE_COMPLEXITY,
)
def zremrangebyscore(call: Call, argv: list[bytes]) -> Reply:
    """ZREMRANGEBYSCORE key min max

    How many were removed.
    """
    return _remove(call, argv[1], score_range(argv[2], argv[3]), b"zremrangebyscore")


@sorted_sets.command(
    "ZREMRANGEBYLEX",
    arity=4,
    flags=WRITE,
    keys=KeyRange(1, flags=RW | DELETE),
    since="2.8.9",
    syntax="key min:string max:string",
    summary="Removes the members of a sorted set in a range of members.",
    complexity=_REMOVE_COMPLEXITY,
)
def zremrangebylex(call: Call, argv: list[bytes]) -> Reply:
    """ZREMRANGEBYLEX key min max

    How many were removed.
    """
    return _remove(call, argv[1], member_range(argv[2], argv[3]), b"zremrangebylex")


def _remove(call: Call, key: bytes, wanted: _Range, event: bytes) -> int:
    db = call.db
    value = db.write(key, SortedSet)
    if value is None:
        return 0
    start, stop = wanted.ranks(value, reverse=False)
    if start == stop:
        return 0
    value.remove_range(start, stop)
    db.changed(key, NOTIFY_ZSET, event, stop - start)
    db.delete_if_empty(key, value)
    return stop - start
