"""Commands of lists that read and change elements within."""

from __future__ import annotations

from itertools import islice

from pyredis_cluster.commands.database_index import INT32_MAX, INT32_MIN
from pyredis_cluster.commands.indices import bounds
from pyredis_cluster.commands.lists import elements_removed, lists
from pyredis_cluster.config.events import NOTIFY_LIST
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, READONLY, WRITE, Handler
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INSERT, RO, RW, UPDATE, KeyRange
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.protocol.errors import (
    INDEX_OUT_OF_RANGE,
    NO_SUCH_KEY,
    SYNTAX_ERROR,
    CommandError,
    out_of_bounds,
)
from pyredis_cluster.protocol.numbers import INT64_MAX, integer, integer_between, integer_or_none
from pyredis_cluster.protocol.reply import OK, Reply

_RANK_OUT_OF_RANGE = out_of_bounds(-INT64_MAX, INT64_MAX)
_RANK_ZERO = CommandError(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
    "start from the end of the list"
)
_COUNT_NEGATIVE = CommandError("ERR COUNT can't be negative")
_MAXLEN_NEGATIVE = CommandError("ERR MAXLEN can't be negative")


@lists.command(
    "LRANGE",
    arity=4,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    syntax="key start stop",
    summary="Returns the elements of a list from one index to another.",
    complexity=(
        "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or "
        "TAIL) for large lists; and N is the number of elements in the specified range."
    ),
)
def lrange(call: Call, argv: list[bytes]) -> Reply:
    """LRANGE key start stop

    An array of the elements at both indices and between them; negative ones count from the end.
    """
    start = integer(argv[2])
    stop = integer(argv[3])
    value = call.db.read(argv[1], List)
    if value is None:
        return []
    start, stop = bounds(start, stop, len(value))
    return value.range(start, stop)


@lists.command(
    "LINDEX",
    arity=3,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    syntax="key index",
    summary="Returns the element of a list at an index.",
    complexity=(
        "O(N) where N is the number of elements to traverse to get to the element at index. This makes "
        "asking for the first or the last element of the list O(1)."
    ),
)
def lindex(call: Call, argv: list[bytes]) -> Reply:
    """LINDEX key index

    The element; nil beyond either end or if there is no list.
    """
    value = call.db.read(argv[1], List)
    if value is None:
        return None
    index = integer(argv[2])
    length = len(value)
    if index < 0:
        index += length
    return value[index] if 0 <= index < length else None


@lists.command(
    "LSET",
    arity=4,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, flags=RW | UPDATE),
    syntax="key index element",
    summary="Replaces the element of a list at an index.",
    complexity=(
        "O(N) where N is the length of the list. Setting either the first or the last element of the list "
        "is O(1)."
    ),
)
def lset(call: Call, argv: list[bytes]) -> Reply:
    """LSET key index element

    `OK`. Raises an error where there is no list or the index is beyond either end.
    """
    db = call.db
    value = db.write(argv[1], List)
    if value is None:
        raise NO_SUCH_KEY
    index = integer(argv[2])
    fill = db.keyspace.limits.list_max_listpack_size
    value.make_room(argv[3:], fill)
    length = len(value)
    # Redis keeps 32 bits of the index here, so one that is far out of range may be within.
    index = (index + (1 << 31)) % (1 << 32) - (1 << 31)
    if index < 0:
        index += length
    if not 0 <= index < length:
        raise INDEX_OUT_OF_RANGE
    value.set(index, argv[3])
    value.shrink(fill)
    db.changed(argv[1], NOTIFY_LIST, b"lset")
    return OK


@lists.command(
    "LINSERT",
    arity=5,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, flags=RW | INSERT),
    since="2.2.0",
    syntax="key <BEFORE | AFTER> pivot element",
    summary="Puts an element before or after the first one that equals another.",
    complexity=(
        "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that "
        "inserting somewhere on the left end on the list (head) can be considered O(1) and inserting "
        "somewhere on the right end (tail) is O(N)."
    ),
)
def linsert(call: Call, argv: list[bytes]) -> Reply:
    """LINSERT key <BEFORE | AFTER> pivot element

    The length after; -1 where no element equals `pivot`, 0 where there is no list.
    """
    where = argv[2].lower()
    if where not in (b"before", b"after"):
        raise SYNTAX_ERROR
    db = call.db
    value = db.write(argv[1], List)
    if value is None:
        return 0
    value.make_room(argv[4:], db.keyspace.limits.list_max_listpack_size)
    if not value.insert(argv[3], argv[4], before=where == b"before"):
        return -1
    db.changed(argv[1], NOTIFY_LIST, b"linsert")
    return len(value)


@lists.command(
    "LREM",
    arity=4,
    flags=WRITE,
    keys=KeyRange(1, flags=RW | DELETE),
    syntax="key count element",
    summary="Removes elements that equal another from a list.",
    complexity="O(N+M) where N is the length of the list and M is the number of elements removed.",
)
def lrem(call: Call, argv: list[bytes]) -> Reply:
    """LREM key count element

    How many were removed: at most `count` from the head on, from the tail on if negative, all if 0.
    """
    count = integer(argv[2])
    db = call.db
    value = db.write(argv[1], List)
    if value is None:
        return 0
    removed = value.remove(argv[3], count)
    if removed:
        elements_removed(call, argv[1], value, b"lrem", removed)
    return removed


@lists.command(
    "LTRIM",
    arity=4,
    flags=WRITE,
    keys=KeyRange(1, flags=RW | DELETE),
    syntax="key start stop",
    summary="Removes all elements of a list that are not from one index to another.",
    complexity="O(N) where N is the number of elements to be removed by the operation.",
)
def ltrim(call: Call, argv: list[bytes]) -> Reply:
    """LTRIM key start stop

    `OK`. An empty range deletes the list.
    """
    start = integer(argv[2])
    stop = integer(argv[3])
    value = call.db.write(argv[1], List)
    if value is None:
        return OK
    length = len(value)
    start, stop = bounds(start, stop, length)
    value.remove_range(stop, length)
    value.remove_range(0, start)
    elements_removed(call, argv[1], value, b"ltrim", length - (stop - start))
    return OK


@lists.command(
    "LPOS",
    arity=-3,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="6.0.6",
    syntax="key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    summary="Returns the indices of the elements of a list that equal another.",
    complexity=(
        "O(N) where N is the number of elements in the list, for the average case. When searching for "
        "elements near the head or the tail of the list, or when the MAXLEN option is provided, the command "
        "may run in constant time."
    ),
)
def lpos(call: Call, argv: list[bytes]) -> Reply:
    """LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]

    The index of the match that RANK says, nil if there is none; with COUNT an array of that many (0: all)
    from that match on. A negative RANK searches from the tail; MAXLEN bounds the elements compared (0: all).
    """
    rank, count, max_length = _lpos_options(argv)
    value = call.db.read(argv[1], List)
    if value is None:
        return None if count is None else []
    wanted = 1 if count is None else count or len(value)
    places = _find(value, argv[2], rank, wanted, max_length or len(value))
    if count is None:
        return places[0] if places else None
    return places


def _lpos_options(argv: list[bytes]) -> tuple[int, int | None, int]:
    rank, count, max_length = 1, None, 0
    for place in range(3, len(argv), 2):
        option = argv[place].lower()
        if place + 1 == len(argv):
            raise SYNTAX_ERROR
        argument = argv[place + 1]
        if option == b"rank":
            rank = integer(argument)
            if rank < -INT64_MAX:
                raise _RANK_OUT_OF_RANGE
            if rank == 0:
                raise _RANK_ZERO
        elif option == b"count":
            count = integer_between(argument, 0, INT64_MAX, _COUNT_NEGATIVE)
        elif option == b"maxlen":
            max_length = integer_between(argument, 0, INT64_MAX, _MAXLEN_NEGATIVE)
        else:
            raise SYNTAX_ERROR
    return rank, count, max_length


def _find(value: List, element: bytes, rank: int, wanted: int, max_length: int) -> list[int]:
    """Indices of the matches from the one of `rank` on, at most `wanted`, among the first `max_length`
    elements.
    """
    from_tail = rank < 0
    skipped = abs(rank) - 1
    last = len(value) - 1
    places: list[int] = []
    for place, each in enumerate(islice(reversed(value) if from_tail else value, min(max_length, last + 1))):
        if each == element:
            if skipped:
                skipped -= 1
                continue
            places.append(last - place if from_tail else place)
            if len(places) == wanted:
                break
    return places


def _with_index_of_64_bits(handler: Handler) -> Handler:
    """LSET before 7.2, which did not take the lower 32 bits of an index for the whole."""

    def run(call: Call, argv: list[bytes]) -> Reply:
        index = integer_or_none(argv[2])
        if index is not None and not INT32_MIN <= index <= INT32_MAX:
            argv = [*argv[:2], b"%d" % (INT32_MIN if index < 0 else INT32_MAX), argv[3]]
        return handler(call, argv)

    return run


lists.before("7.2.0", "LSET", wrap=_with_index_of_64_bits)
lists.before(
    "7.0.0",
    "LPOS",
    wrap=reworded(r"the second \.\.\. or use negative to start from the end of the list", "the second, ..."),
)
