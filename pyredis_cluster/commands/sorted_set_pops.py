"""Commands that pop the lowest or highest members of sorted sets; and those that wait for some."""

from __future__ import annotations

from pyredis_cluster.commands.numkeys import mpop_arguments
from pyredis_cluster.commands.sorted_sets import sorted_sets, with_scores
from pyredis_cluster.config.events import NOTIFY_ZSET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import BLOCKING, FAST, NOSCRIPT, WRITE, Handler
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, RW, KeyCount, KeyRange
from pyredis_cluster.execution.personality import reworded, with_full_doubles
from pyredis_cluster.execution.timeouts import parse_seconds
from pyredis_cluster.keyspace.types.sorted_set import Entry, SortedSet
from pyredis_cluster.protocol.errors import MUST_BE_POSITIVE, SYNTAX_ERROR
from pyredis_cluster.protocol.numbers import INT64_MAX, integer, integer_between
from pyredis_cluster.protocol.reply import NULL_ARRAY, Reply

_ENDS = (b"min", b"max")
_TIMEOUT_HISTORY = (("6.0.0", "`timeout` is interpreted as a double instead of an integer."),)
_POP_COMPLEXITY = (
    "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements "
    "popped."
)
_MPOP_COMPLEXITY = (
    "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted "
    "set, and M being the number of elements popped."
)


@sorted_sets.command(
    "ZPOPMIN",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | DELETE),
    since="5.0.0",
    syntax="key [count]",
    summary="Removes and returns the members of a sorted set with the lowest scores.",
    complexity=_POP_COMPLEXITY,
)
def zpopmin(call: Call, argv: list[bytes]) -> Reply:
    """ZPOPMIN key [count]

    A flat array of members and scores, empty if there is no set; pairs in RESP3 if `count` is given.
    """
    return _pop_one_key(call, argv, lowest=True)


@sorted_sets.command(
    "ZPOPMAX",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | DELETE),
    since="5.0.0",
    syntax="key [count]",
    summary="Removes and returns the members of a sorted set with the highest scores.",
    complexity=_POP_COMPLEXITY,
)
def zpopmax(call: Call, argv: list[bytes]) -> Reply:
    """ZPOPMAX key [count]

    As ZPOPMIN, from the other end.
    """
    return _pop_one_key(call, argv, lowest=False)


def _pop_one_key(call: Call, argv: list[bytes], *, lowest: bool) -> Reply:
    if len(argv) > 3:
        raise SYNTAX_ERROR
    count = 1 if len(argv) == 2 else integer_between(argv[2], 0, INT64_MAX, MUST_BE_POSITIVE)
    value = call.db.write(argv[1], SortedSet)
    if value is None or count == 0:
        return []
    return with_scores(_pop(call, argv[1], value, count, lowest=lowest), call.resp if len(argv) == 3 else 2)


def _pop(call: Call, key: bytes, value: SortedSet, count: int, *, lowest: bool) -> list[Entry]:
    """Remove `count` entries, or all, from one end and return them, that end first."""
    db = call.db
    if count == 1:
        popped = [value.pop(lowest=lowest)]
    else:
        length = len(value)
        count = min(count, length)
        start, stop = (0, count) if lowest else (length - count, length)
        popped = value.range(start, stop)
        value.remove_range(start, stop)
        if not lowest:
            popped.reverse()
    db.changed(key, NOTIFY_ZSET, b"zpopmin" if lowest else b"zpopmax", count)
    db.delete_if_empty(key, value)
    return popped


@sorted_sets.command(
    "ZMPOP",
    arity=-4,
    flags=WRITE,
    keys=KeyCount(1, flags=RW | ACCESS | DELETE),
    since="7.0.0",
    syntax="numkeys key [key ...] <MIN | MAX> [COUNT count]",
    summary=(
        "Removes and returns the lowest or highest members of the first of several sorted sets that is there."
    ),
    complexity=_MPOP_COMPLEXITY,
)
def zmpop(call: Call, argv: list[bytes]) -> Reply:
    """ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]

    An array of the key and an array of pairs of member and score; a null array if there is no set.
    """
    keys, lowest, count = mpop_arguments(argv, 1, _ENDS)
    reply = _pop_from_first(call, keys, count, lowest=lowest)
    return NULL_ARRAY if reply is None else reply


def _pop_from_first(call: Call, keys: list[bytes], count: int, *, lowest: bool) -> list[Reply] | None:
    """Pop from the first set that is there; replicas are told which and how many."""
    for key in keys:
        value = call.db.write(key, SortedSet)
        if value is not None:
            popped = _pop(call, key, value, count, lowest=lowest)
            call.propagate(b"ZPOPMIN" if lowest else b"ZPOPMAX", key, b"%d" % len(popped))
            return [key, [[member, score] for score, member in popped]]
    return None


@sorted_sets.command(
    "BZMPOP",
    arity=-5,
    flags=WRITE | BLOCKING,
    keys=KeyCount(2, flags=RW | ACCESS | DELETE),
    since="7.0.0",
    syntax="timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
    summary=(
        "Removes and returns the lowest or highest members of the first of several sorted sets that is "
        "there; waits for one."
    ),
    complexity=_MPOP_COMPLEXITY,
)
def bzmpop(call: Call, argv: list[bytes]) -> Reply:
    """BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]

    As ZMPOP; a null array when the time is up.
    """
    keys, lowest, count = mpop_arguments(argv, 2, _ENDS)
    timeout_ms = parse_seconds(argv[1], call.now_ms)
    reply = _pop_from_first(call, keys, count, lowest=lowest)
    return call.block(keys, timeout_ms, NULL_ARRAY, SortedSet) if reply is None else reply


@sorted_sets.command(
    "BZPOPMIN",
    arity=-3,
    flags=WRITE | FAST | BLOCKING,
    keys=KeyRange(1, last=-2, flags=RW | ACCESS | DELETE),
    since="5.0.0",
    syntax="key [key ...] timeout",
    summary=(
        "Removes and returns the lowest member of the first of several sorted sets that is there; waits for "
        "one."
    ),
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
    history=_TIMEOUT_HISTORY,
)
def bzpopmin(call: Call, argv: list[bytes]) -> Reply:
    """BZPOPMIN key [key ...] timeout

    An array of the key, the member and its score; a null array when the time is up.
    """
    return _blocking_pop(call, argv, lowest=True)


@sorted_sets.command(
    "BZPOPMAX",
    arity=-3,
    flags=WRITE | FAST | BLOCKING,
    keys=KeyRange(1, last=-2, flags=RW | ACCESS | DELETE),
    since="5.0.0",
    syntax="key [key ...] timeout",
    summary=(
        "Removes and returns the highest member of the first of several sorted sets that is there; waits "
        "for one."
    ),
    complexity="O(log(N)) with N being the number of elements in the sorted set.",
    history=_TIMEOUT_HISTORY,
)
def bzpopmax(call: Call, argv: list[bytes]) -> Reply:
    """BZPOPMAX key [key ...] timeout

    An array of the key, the member and its score; a null array when the time is up.
    """
    return _blocking_pop(call, argv, lowest=False)


def _blocking_pop(call: Call, argv: list[bytes], *, lowest: bool) -> Reply:
    timeout_ms = parse_seconds(argv[-1], call.now_ms)
    keys = argv[1:-1]
    for key in keys:
        value = call.db.write(key, SortedSet)
        if value is not None:
            score, member = _pop(call, key, value, 1, lowest=lowest)[0]
            call.propagate(b"ZPOPMIN" if lowest else b"ZPOPMAX", key)
            return [key, member, score]
    return call.block(keys, timeout_ms, NULL_ARRAY, SortedSet)


sorted_sets.before("7.2.0", "BZPOPMIN", "BZPOPMAX", adds=NOSCRIPT)
sorted_sets.before(
    "7.2.0",
    "BZPOPMIN",
    "BZPOPMAX",
    "BZMPOP",
    wrap=reworded("timeout is out of range", "timeout is negative"),
)


sorted_sets.before(
    "7.2.0",
    "ZPOPMIN",
    "ZPOPMAX",
    "ZMPOP",
    "BZMPOP",
    "BZPOPMIN",
    "BZPOPMAX",
    wrap=with_full_doubles,
)


def _with_any_count(handler: Handler) -> Handler:
    """ZPOPMIN or ZPOPMAX of 6.2: a negative count pops nothing, and what is none has the usual error."""

    def run(call: Call, argv: list[bytes]) -> Reply:
        if len(argv) == 3 and integer(argv[2]) < 0:
            return handler(call, [*argv[:2], b"0"])
        return handler(call, argv)

    return run


sorted_sets.before("7.0.0", "ZPOPMIN", "ZPOPMAX", wrap=_with_any_count)
