"""Commands that count or remove a range of a sorted set."""

from __future__ import annotations

from pyredis_cluster.commands.entry_ranges import EntryRange, member_range, rank_range, score_range
from pyredis_cluster.commands.sorted_sets import sorted_sets
from pyredis_cluster.config.events import NOTIFY_ZSET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import FAST, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, RO, RW, KeyRange
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.protocol.reply import Reply

_READ = KeyRange(1, flags=RO | ACCESS)
_REMOVE_COMPLEXITY = (
    "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed "
    "by the operation."
)


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


def _count(call: Call, key: bytes, wanted: EntryRange) -> int:
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


def _remove(call: Call, key: bytes, wanted: EntryRange, event: bytes) -> int:
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
