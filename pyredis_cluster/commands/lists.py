"""Commands of lists that push and pop."""

from __future__ import annotations

from pyredis_cluster.config.events import NOTIFY_LIST
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INSERT, RO, RW, KeyRange
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.protocol.errors import MUST_BE_POSITIVE, wrong_arity
from pyredis_cluster.protocol.numbers import INT64_MAX, integer_between
from pyredis_cluster.protocol.reply import NULL_ARRAY, Reply

lists = Group("list", Category.LIST)

_PUSH_COMPLEXITY = (
    "O(1) for each element added, so O(N) to add N elements when the command is called with multiple "
    "arguments."
)


def elements_removed(call: Call, key: bytes, value: List, event: bytes, count: int) -> None:
    """Tell that a command removed elements, and delete the list or shrink its encoding."""
    db = call.db
    db.changed(key, NOTIFY_LIST, event, count)
    if value.is_long:
        return
    if not value:
        db.delete_if_empty(key, value)
    elif value.quicklist is not None:
        value.shrink(db.keyspace.limits.list_max_listpack_size)


@lists.command(
    "LPUSH",
    arity=-3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    syntax="key element [element ...]",
    summary="Puts elements before the first one of a list; a missing list is made.",
    complexity=_PUSH_COMPLEXITY,
    history=(("2.4.0", "Accepts multiple `element` arguments."),),
)
def lpush(call: Call, argv: list[bytes]) -> Reply:
    """LPUSH key element [element ...]

    The length after. The last element given becomes the first of the list.
    """
    db = call.db
    keyspace = db.keyspace
    key = argv[1]
    value = db.values.get(key)
    if value.__class__ is List and key not in db.expires and keyspace.on_write is None:
        value.lru = keyspace.lru_clock  # what `write` does, without the call
    else:
        value = db.write(key, List)
        if value is None:
            value = List()
            db.add(key, value)
    fill = keyspace.limits.list_max_listpack_size
    length = value.push_one_head(argv[2], fill) if len(argv) == 3 else value.push_head(argv[2:], fill)
    if keyspace.observer is None:
        keyspace.dirty += len(argv) - 2
    else:
        db.changed(key, NOTIFY_LIST, b"lpush", len(argv) - 2)
    return length


@lists.command(
    "RPUSH",
    arity=-3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    syntax="key element [element ...]",
    summary="Puts elements after the last one of a list; a missing list is made.",
    complexity=_PUSH_COMPLEXITY,
    history=(("2.4.0", "Accepts multiple `element` arguments."),),
)
def rpush(call: Call, argv: list[bytes]) -> Reply:
    """RPUSH key element [element ...]

    The length after.
    """
    db = call.db
    keyspace = db.keyspace
    key = argv[1]
    value = db.values.get(key)
    if value.__class__ is List and key not in db.expires and keyspace.on_write is None:
        value.lru = keyspace.lru_clock  # what `write` does, without the call
    else:
        value = db.write(key, List)
        if value is None:
            value = List()
            db.add(key, value)
    fill = keyspace.limits.list_max_listpack_size
    length = value.push_one_tail(argv[2], fill) if len(argv) == 3 else value.push_tail(argv[2:], fill)
    if keyspace.observer is None:
        keyspace.dirty += len(argv) - 2
    else:
        db.changed(key, NOTIFY_LIST, b"rpush", len(argv) - 2)
    return length


@lists.command(
    "LPUSHX",
    arity=-3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    since="2.2.0",
    syntax="key element [element ...]",
    summary="Puts elements before the first one of a list, if the list exists.",
    complexity=_PUSH_COMPLEXITY,
    history=(("4.0.0", "Accepts multiple `element` arguments."),),
)
def lpushx(call: Call, argv: list[bytes]) -> Reply:
    """LPUSHX key element [element ...]

    The length after; 0 where there is no list.
    """
    return 0 if call.db.write(argv[1], List) is None else lpush(call, argv)


@lists.command(
    "RPUSHX",
    arity=-3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    since="2.2.0",
    syntax="key element [element ...]",
    summary="Puts elements after the last one of a list, if the list exists.",
    complexity=_PUSH_COMPLEXITY,
    history=(("4.0.0", "Accepts multiple `element` arguments."),),
)
def rpushx(call: Call, argv: list[bytes]) -> Reply:
    """RPUSHX key element [element ...]

    The length after; 0 where there is no list.
    """
    return 0 if call.db.write(argv[1], List) is None else rpush(call, argv)


@lists.command(
    "LPOP",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | DELETE),
    syntax="key [count@6.2.0]",
    summary="Removes and returns the first element of a list, or several.",
    complexity="O(N) where N is the number of elements returned",
    history=(("6.2.0", "Added the `count` argument."),),
)
def lpop(call: Call, argv: list[bytes]) -> Reply:
    """LPOP key [count]

    The element, nil if there is no list; with `count` an array of that many or all, a null array if there is
    no list.
    """
    if len(argv) > 2:
        return _pop_count(call, argv, from_head=True)
    key = argv[1]
    value = call.db.write(key, List)
    if value is None:
        return None
    element = value.pop_head()
    elements_removed(call, key, value, b"lpop", 1)
    return element


@lists.command(
    "RPOP",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | DELETE),
    syntax="key [count@6.2.0]",
    summary="Removes and returns the last element of a list, or several.",
    complexity="O(N) where N is the number of elements returned",
    history=(("6.2.0", "Added the `count` argument."),),
)
def rpop(call: Call, argv: list[bytes]) -> Reply:
    """RPOP key [count]

    As LPOP, from the other end: the last element comes first.
    """
    if len(argv) > 2:
        return _pop_count(call, argv, from_head=False)
    key = argv[1]
    value = call.db.write(key, List)
    if value is None:
        return None
    element = value.pop_tail()
    elements_removed(call, key, value, b"rpop", 1)
    return element


def _pop_count(call: Call, argv: list[bytes], *, from_head: bool) -> Reply:
    if len(argv) > 3:
        raise wrong_arity("lpop" if from_head else "rpop")
    count = integer_between(argv[2], 0, INT64_MAX, MUST_BE_POSITIVE)
    value = call.db.write(argv[1], List)
    if value is None:
        return NULL_ARRAY
    if count == 0:
        return []
    return pop_range(call, argv[1], value, count, from_head=from_head)


def pop_range(call: Call, key: bytes, value: List, count: int, *, from_head: bool) -> list[bytes]:
    """Remove `count` elements, or all, from one end and return them, that end first."""
    length = len(value)
    count = min(count, length)
    if from_head:
        popped = value.range(0, count)
        value.remove_range(0, count)
    else:
        popped = value.range(length - count, length)[::-1]
        value.remove_range(length - count, length)
    elements_removed(call, key, value, b"lpop" if from_head else b"rpop", count)
    return popped


@lists.command(
    "LLEN",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    syntax="key",
    summary="Returns the length of a list.",
)
def llen(call: Call, argv: list[bytes]) -> Reply:
    """LLEN key

    The length, 0 if there is no list.
    """
    value = call.db.read(argv[1], List)
    return 0 if value is None else len(value)
