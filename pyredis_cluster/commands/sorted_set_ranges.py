"""Commands of ranges of sorted sets: by rank, by score, and by member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyredis_cluster.commands.entry_ranges import (
    EntryRange,
    RankRange,
    member_range,
    rank_range,
    score_range,
)
from pyredis_cluster.commands.sorted_sets import sorted_sets, with_scores
from pyredis_cluster.commands.storing import store
from pyredis_cluster.config.events import NOTIFY_ZSET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, OW, RO, UPDATE, KeyRange
from pyredis_cluster.execution.personality import with_full_doubles
from pyredis_cluster.keyspace.types.sorted_set import Entry, SortedSet
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import Reply

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
    "returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider "
    "it O(log(N))."
)


_PARSERS: dict[bytes, Callable[[bytes, bytes], EntryRange]] = {
    b"rank": rank_range,
    b"byscore": score_range,
    b"bylex": member_range,
}


@dataclass(slots=True)
class _Query:
    """What a ZRANGE command asks for."""

    wanted: EntryRange
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
        "stored into the destination key."
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
    return store(call.db, argv[1], result, NOTIFY_ZSET, b"zrangestore")


sorted_sets.before(
    "7.2.0",
    "ZRANGE",
    "ZREVRANGE",
    "ZRANGEBYSCORE",
    "ZREVRANGEBYSCORE",
    wrap=with_full_doubles,
)
