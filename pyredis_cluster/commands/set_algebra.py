"""Commands that combine sets: SINTER, SUNION, SDIFF, and those that store or count what these return."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import filterfalse, islice

from pyredis_cluster.commands.numkeys import NUMKEYS_NOT_POSITIVE, intercard_limit
from pyredis_cluster.commands.sets import sets
from pyredis_cluster.commands.storing import store
from pyredis_cluster.config.events import NOTIFY_SET
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, OW, RO, RW, UPDATE, KeyCount, KeyRange
from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.set import INTSET, LISTPACK, Set
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import INT64_MAX, integer_between, integer_or_none
from pyredis_cluster.protocol.reply import Reply, SetReply

_UNORDERED = ("nondeterministic_output_order",)
_TOO_MANY_KEYS = CommandError("ERR Number of keys can't be greater than number of args")

_OF_ALL_ELEMENTS = "O(N) where N is the total number of elements in all given sets."
_OF_SMALLEST_SET = (
    "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets."
)


def _read(call: Call, keys: Iterable[bytes]) -> list[Set | None]:
    read = call.db.read
    return [read(key, Set) for key in keys]


def _intersection(found: list[Set | None]) -> tuple[Set | None, Iterable[bytes]]:
    """The smallest of the sets and those of its members, in its order, that all others have.

    None and nothing where one of the sets is missing. O(n) in the smallest.
    """
    operands = [each for each in found if each is not None]
    if len(operands) < len(found):
        return None, ()
    operands.sort(key=len)
    smallest = operands[0]
    common: Iterable[bytes] = smallest.ordered()
    for other in operands[1:]:
        if other is not smallest:
            common = filter(other.members.__contains__, common)
    return smallest, common


@sets.command(
    "SINTER",
    arity=-2,
    flags=READONLY,
    keys=KeyRange(1, last=-1, flags=RO | ACCESS),
    tips=_UNORDERED,
    syntax="key [key ...]",
    summary="Returns the members that all of several sets have.",
    complexity=_OF_SMALLEST_SET,
)
def sinter(call: Call, argv: list[bytes]) -> Reply:
    """SINTER key [key ...]

    A set. Raises WRONG_TYPE.
    """
    return SetReply(_intersection(_read(call, argv[1:]))[1])


@sets.command(
    "SINTERCARD",
    arity=-3,
    flags=READONLY,
    keys=KeyCount(1, flags=RO | ACCESS),
    since="7.0.0",
    syntax="numkeys key [key ...] [LIMIT limit]",
    summary="Counts the members that all of several sets have.",
    complexity=_OF_SMALLEST_SET,
)
def sintercard(call: Call, argv: list[bytes]) -> Reply:
    """SINTERCARD numkeys key [key ...] [LIMIT limit]

    The number, at most `limit` unless that is 0. Raises WRONG_TYPE, SYNTAX_ERROR, and errors for bad numbers.
    """
    count = integer_between(argv[1], 1, INT64_MAX, NUMKEYS_NOT_POSITIVE)
    if count > len(argv) - 2:
        raise _TOO_MANY_KEYS
    limit = intercard_limit(argv[2 + count :])
    _, members = _intersection(_read(call, argv[2 : 2 + count]))
    return len(list(islice(members, limit or None)))


@sets.command(
    "SINTERSTORE",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=(KeyRange(1, flags=RW | UPDATE), KeyRange(2, last=-1, flags=RO | ACCESS)),
    syntax="destination key [key ...]",
    summary="Stores the members that all of several sets have.",
    complexity=_OF_SMALLEST_SET,
)
def sinterstore(call: Call, argv: list[bytes]) -> Reply:
    """SINTERSTORE destination key [key ...]

    The number of members stored; the destination is replaced, or removed if there are none.

    Raises WRONG_TYPE.
    """
    smallest, members = _intersection(_read(call, argv[2:]))
    if smallest is None:
        return _store(call, argv[1], None, b"sinterstore")
    limits = call.keyspace.limits
    result = Set.of(members, limits, INTSET if smallest.kind is INTSET else LISTPACK)
    if len(result) <= limits.set_max_intset_entries and None not in map(integer_or_none, result.members):
        result.become_intset(limits)
    return _store(call, argv[1], result, b"sinterstore")


def _union(found: list[Set | None], limits: EncodingLimits) -> Set:
    united: dict[bytes, None] = {}
    for each in found:
        if each is not None:
            united.update(each.ordered())
    return Set.of(united, limits)


@sets.command(
    "SUNION",
    arity=-2,
    flags=READONLY,
    keys=KeyRange(1, last=-1, flags=RO | ACCESS),
    tips=_UNORDERED,
    syntax="key [key ...]",
    summary="Returns the members that any of several sets has.",
    complexity=_OF_ALL_ELEMENTS,
)
def sunion(call: Call, argv: list[bytes]) -> Reply:
    """SUNION key [key ...]

    A set. Raises WRONG_TYPE.
    """
    return SetReply(_union(_read(call, argv[1:]), call.keyspace.limits).ordered())


@sets.command(
    "SUNIONSTORE",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=(KeyRange(1, flags=OW | UPDATE), KeyRange(2, last=-1, flags=RO | ACCESS)),
    syntax="destination key [key ...]",
    summary="Stores the members that any of several sets has.",
    complexity=_OF_ALL_ELEMENTS,
)
def sunionstore(call: Call, argv: list[bytes]) -> Reply:
    """SUNIONSTORE destination key [key ...]

    The number of members stored; the destination is replaced, or removed if there are none.

    Raises WRONG_TYPE.
    """
    return _store(call, argv[1], _union(_read(call, argv[2:]), call.keyspace.limits), b"sunionstore")


def _difference(found: list[Set | None], limits: EncodingLimits) -> Set:
    """The members of the first set that no other has, encoded and ordered as Redis's two ways of doing it do.

    Either the members are looked up in the others one by one, or all of the others' are removed from a copy
    of the first: then the encoding is that of the copy.
    """
    first, others = found[0], [each for each in found[1:] if each is not None]
    if first is None or first in others:
        return Set()
    size = len(first)
    if (size * (len(others) + 1)) // 2 <= size + sum(map(len, others)):
        kept: Iterable[bytes] = first.ordered()
        for other in others:
            kept = filterfalse(other.members.__contains__, kept)
        return Set.of(kept, limits)
    result = Set.of(first.ordered(), limits)
    for other in others:
        discard = result.discard
        for member in result.members.keys() & other.members.keys():
            discard(member)
        if not result.members:
            break
    return result


@sets.command(
    "SDIFF",
    arity=-2,
    flags=READONLY,
    keys=KeyRange(1, last=-1, flags=RO | ACCESS),
    tips=_UNORDERED,
    syntax="key [key ...]",
    summary="Returns the members of a set that none of several others has.",
    complexity=_OF_ALL_ELEMENTS,
)
def sdiff(call: Call, argv: list[bytes]) -> Reply:
    """SDIFF key [key ...]

    A set: members of the first that no other has. Raises WRONG_TYPE.
    """
    return SetReply(_difference(_read(call, argv[1:]), call.keyspace.limits).ordered())


@sets.command(
    "SDIFFSTORE",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=(KeyRange(1, flags=OW | UPDATE), KeyRange(2, last=-1, flags=RO | ACCESS)),
    syntax="destination key [key ...]",
    summary="Stores the members of a set that none of several others has.",
    complexity=_OF_ALL_ELEMENTS,
)
def sdiffstore(call: Call, argv: list[bytes]) -> Reply:
    """SDIFFSTORE destination key [key ...]

    The number of members stored; the destination is replaced, or removed if there are none.

    Raises WRONG_TYPE.
    """
    return _store(call, argv[1], _difference(_read(call, argv[2:]), call.keyspace.limits), b"sdiffstore")


def _store(call: Call, key: bytes, result: Set | None, event: bytes) -> int:
    return store(call.db, key, result, NOTIFY_SET, event)
