"""Union, intersection and difference of sorted sets; sets take part as if all their scores were 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyredis_cluster.commands.numkeys import intercard_limit
from pyredis_cluster.commands.sorted_sets import sorted_sets, with_scores
from pyredis_cluster.commands.storing import store
from pyredis_cluster.config.events import NOTIFY_ZSET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, OW, RO, UPDATE, KeyCount, KeyRange
from pyredis_cluster.execution.personality import reworded, with_full_doubles
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, WRONG_TYPE, CommandError
from pyredis_cluster.protocol.numbers import floating, integer
from pyredis_cluster.protocol.reply import Reply

Scores = dict[bytes, float]
_Aggregate = Callable[[float, float], float]

_WEIGHT_NOT_A_FLOAT = CommandError("ERR weight value is not a float")

_SOURCES = KeyCount(1, flags=RO | ACCESS)
_STORED = (KeyRange(1, flags=OW | UPDATE), KeyCount(2, flags=RO | ACCESS))
_UNION_COMPLEXITY = (
    "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of "
    "elements in the resulting sorted set."
)
_STORED_UNION_COMPLEXITY = _UNION_COMPLEXITY.replace("M*log", "M log")
_INTER_COMPLEXITY = (
    "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input "
    "sorted sets and M being the number of elements in the resulting sorted set."
)
_DIFF_COMPLEXITY = (
    "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of "
    "the first set, and K is the size of the result set."
)


def _sum(left: float, right: float) -> float:
    total = left + right
    # Infinities of both signs: Redis lets them cancel out.
    return total if total == total else 0.0


def _min(left: float, right: float) -> float:
    return right if right < left else left


def _max(left: float, right: float) -> float:
    return right if right > left else left


_AGGREGATES: dict[bytes, _Aggregate] = {b"sum": _sum, b"min": _min, b"max": _max}


@dataclass(slots=True)
class _Source:
    """One operand: its scores and their weight. `identity` tells whether two are the same key."""

    scores: Scores
    identity: object
    weight: float = 1.0


@dataclass(slots=True)
class _Operands:
    """What a command of this module was given."""

    sources: list[_Source]
    aggregate: _Aggregate = _sum
    shows_scores: bool = False
    options: list[bytes] = field(default_factory=list)


def _operands(call: Call, argv: list[bytes], at: int) -> _Operands:
    """Read `numkeys key [key ...]` from argument `at` on; what follows is left in `options`.

    Raises WRONG_TYPE for keys that hold neither sets nor sorted sets.
    """
    number = integer(argv[at])
    if number < 1:
        name = argv[0].decode("ascii").lower()
        raise CommandError(f"ERR at least 1 input key is needed for '{name}' command")
    end = at + 1 + number
    if end > len(argv):
        raise SYNTAX_ERROR
    return _Operands([_source(call, key) for key in argv[at + 1 : end]], options=argv[end:])


def _source(call: Call, key: bytes) -> _Source:
    value = call.db.read_any(key)
    if value is None:
        return _Source({}, None)
    if isinstance(value, SortedSet):
        return _Source(value.scores, value)
    if isinstance(value, Set):
        return _Source(dict.fromkeys(value.members, 1.0), value)
    raise WRONG_TYPE


def _read_options(operands: _Operands, *, weighs: bool, stores: bool) -> _Operands:
    """Read `[WEIGHTS ...] [AGGREGATE ...] [WITHSCORES]`, as far as the command takes them."""
    options = operands.options
    count = len(operands.sources)
    place = 0
    while place < len(options):
        option = options[place].lower()
        remaining = len(options) - place
        if weighs and option == b"weights" and remaining > count:
            for source, text in zip(operands.sources, options[place + 1 : place + 1 + count], strict=True):
                source.weight = floating(text, _WEIGHT_NOT_A_FLOAT)
            place += 1 + count
        elif weighs and option == b"aggregate" and remaining >= 2:
            aggregate = _AGGREGATES.get(options[place + 1].lower())
            if aggregate is None:
                raise SYNTAX_ERROR
            operands.aggregate = aggregate
            place += 2
        elif option == b"withscores" and not stores:
            operands.shows_scores = True
            place += 1
        else:
            raise SYNTAX_ERROR
    return operands


def _weighted(source: _Source, score: float) -> float:
    weighted = source.weight * score
    return weighted if weighted == weighted else 0.0


def _union(operands: _Operands) -> Scores:
    # From the smallest on, as Redis: the order decides how sums are rounded.
    union: Scores = {}
    aggregate = operands.aggregate
    for source in sorted(operands.sources, key=lambda each: len(each.scores)):
        if source.weight == 1.0 and not union:
            union = source.scores.copy()
            continue
        for member, score in source.scores.items():
            weighted = _weighted(source, score)
            found = union.get(member)
            union[member] = weighted if found is None else aggregate(found, weighted)
    return union


def _inter(operands: _Operands) -> Scores:
    sources = sorted(operands.sources, key=lambda each: len(each.scores))
    first, *others = sources
    aggregate = operands.aggregate
    inter: Scores = {}
    for member, score in first.scores.items():
        total = _weighted(first, score)
        for source in others:
            found = source.scores.get(member)
            if found is None:
                break
            total = aggregate(total, found * source.weight)
        else:
            inter[member] = total
    return inter


def _diff(operands: _Operands) -> Scores:
    first, *others = operands.sources
    if any(source.identity is first.identity for source in others):
        return {}
    return {
        member: score
        for member, score in first.scores.items()
        if not any(member in source.scores for source in others)
    }


def _reply(call: Call, operands: _Operands, scores: Scores) -> Reply:
    entries = sorted(zip(scores.values(), scores.keys(), strict=True))
    if operands.shows_scores:
        return with_scores(entries, call.resp)
    return [member for _, member in entries]


def _store(call: Call, destination: bytes, scores: Scores, event: bytes) -> int:
    result = SortedSet.of(scores, call.keyspace.limits)
    return store(call.db, destination, result, NOTIFY_ZSET, event)


@sorted_sets.command(
    "ZUNION",
    arity=-3,
    flags=READONLY,
    keys=_SOURCES,
    since="6.2.0",
    syntax="numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
    summary="Returns the members that are in any of several sorted sets.",
    complexity=_UNION_COMPLEXITY,
)
def zunion(call: Call, argv: list[bytes]) -> Reply:
    """ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]

    An array of members, ordered by score; with WITHSCORES each is followed by its score, in RESP3 as a pair.
    """
    operands = _read_options(_operands(call, argv, 1), weighs=True, stores=False)
    return _reply(call, operands, _union(operands))


@sorted_sets.command(
    "ZINTER",
    arity=-3,
    flags=READONLY,
    keys=_SOURCES,
    since="6.2.0",
    syntax="numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
    summary="Returns the members that are in all of several sorted sets.",
    complexity=_INTER_COMPLEXITY,
)
def zinter(call: Call, argv: list[bytes]) -> Reply:
    """ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]

    As ZUNION.
    """
    operands = _read_options(_operands(call, argv, 1), weighs=True, stores=False)
    return _reply(call, operands, _inter(operands))


@sorted_sets.command(
    "ZDIFF",
    arity=-3,
    flags=READONLY,
    keys=_SOURCES,
    since="6.2.0",
    syntax="numkeys key [key ...] [WITHSCORES]",
    summary="Returns the members of a sorted set that are in none of several others.",
    complexity=_DIFF_COMPLEXITY,
)
def zdiff(call: Call, argv: list[bytes]) -> Reply:
    """ZDIFF numkeys key [key ...] [WITHSCORES]

    As ZUNION.
    """
    operands = _read_options(_operands(call, argv, 1), weighs=False, stores=False)
    return _reply(call, operands, _diff(operands))


@sorted_sets.command(
    "ZUNIONSTORE",
    arity=-4,
    flags=WRITE | DENYOOM,
    keys=_STORED,
    since="2.0.0",
    syntax="destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
    summary="Stores the members that are in any of several sorted sets.",
    complexity=_STORED_UNION_COMPLEXITY,
)
def zunionstore(call: Call, argv: list[bytes]) -> Reply:
    """ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN |
    MAX>]

    How many were stored; an empty result deletes `destination`.
    """
    operands = _read_options(_operands(call, argv, 2), weighs=True, stores=True)
    return _store(call, argv[1], _union(operands), b"zunionstore")


@sorted_sets.command(
    "ZINTERSTORE",
    arity=-4,
    flags=WRITE | DENYOOM,
    keys=_STORED,
    since="2.0.0",
    syntax="destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
    summary="Stores the members that are in all of several sorted sets.",
    complexity=_INTER_COMPLEXITY,
)
def zinterstore(call: Call, argv: list[bytes]) -> Reply:
    """ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN |
    MAX>]

    How many were stored; an empty result deletes `destination`.
    """
    operands = _read_options(_operands(call, argv, 2), weighs=True, stores=True)
    return _store(call, argv[1], _inter(operands), b"zinterstore")


@sorted_sets.command(
    "ZDIFFSTORE",
    arity=-4,
    flags=WRITE | DENYOOM,
    keys=_STORED,
    since="6.2.0",
    syntax="destination numkeys key [key ...]",
    summary="Stores the members of a sorted set that are in none of several others.",
    complexity=_DIFF_COMPLEXITY,
)
def zdiffstore(call: Call, argv: list[bytes]) -> Reply:
    """ZDIFFSTORE destination numkeys key [key ...]

    How many were stored; an empty result deletes `destination`.
    """
    operands = _read_options(_operands(call, argv, 2), weighs=False, stores=True)
    return _store(call, argv[1], _diff(operands), b"zdiffstore")


@sorted_sets.command(
    "ZINTERCARD",
    arity=-3,
    flags=READONLY,
    keys=_SOURCES,
    since="7.0.0",
    syntax="numkeys key [key ...] [LIMIT limit]",
    summary="Returns the number of members that are in all of several sorted sets.",
    complexity=(
        "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted "
        "sets."
    ),
)
def zintercard(call: Call, argv: list[bytes]) -> Reply:
    """ZINTERCARD numkeys key [key ...] [LIMIT limit]

    The number of members, counted no further than `limit` (0: all).
    """
    operands = _operands(call, argv, 1)
    limit = intercard_limit(operands.options)
    first, *others = sorted(operands.sources, key=lambda each: len(each.scores))
    count = 0
    for member in first.scores:
        if all(member in source.scores for source in others):
            count += 1
            if count == limit:
                break
    return count


sorted_sets.before(
    "7.2.0",
    "ZUNION",
    "ZINTER",
    "ZDIFF",
    wrap=with_full_doubles,
)
sorted_sets.before(
    "7.0.0",
    "ZUNION",
    "ZINTER",
    "ZDIFF",
    "ZUNIONSTORE",
    "ZINTERSTORE",
    "ZDIFFSTORE",
    wrap=reworded(r"(input key is needed for) '(\w+)' command$", r"\1 \2"),
)
