"""Commands of lists that pop from one of several lists, or move elements between lists; and those that wait
for it.
"""

from __future__ import annotations

from pyredis_cluster.commands.lists import elements_removed, lists, pop_range
from pyredis_cluster.commands.numkeys import mpop_arguments
from pyredis_cluster.config.events import NOTIFY_LIST
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import BLOCKING, DENYOOM, NOSCRIPT, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INSERT, RW, KeyCount, KeyRange
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.execution.timeouts import parse_seconds
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.protocol.errors import SYNTAX_ERROR
from pyredis_cluster.protocol.reply import NULL_ARRAY, Reply

_ENDS = (b"left", b"right")

_SOURCE = KeyRange(1, flags=RW | ACCESS | DELETE)
_DESTINATION = KeyRange(2, flags=RW | INSERT)
_TIMEOUT_HISTORY = (("6.0.0", "`timeout` is interpreted as a double instead of an integer."),)


@lists.command(
    "LMOVE",
    arity=5,
    flags=WRITE | DENYOOM,
    keys=(_SOURCE, _DESTINATION),
    since="6.2.0",
    syntax="source destination wherefrom=<LEFT | RIGHT> whereto=<LEFT | RIGHT>",
    summary="Moves an element from one end of a list to an end of another, and returns it.",
)
def lmove(call: Call, argv: list[bytes]) -> Reply:
    """LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>

    The element; nil if there is no source.
    """
    from_head = _is_left(argv[3])
    to_head = _is_left(argv[4])
    return _move(call, argv[1], argv[2], from_head=from_head, to_head=to_head)


@lists.command(
    "RPOPLPUSH",
    arity=3,
    flags=WRITE | DENYOOM,
    keys=(_SOURCE, _DESTINATION),
    since="1.2.0",
    syntax="source destination",
    summary="Moves the last element of a list before the first one of another, and returns it.",
    deprecated_since="6.2.0",
    replaced_by="`LMOVE` with the `RIGHT` and `LEFT` arguments",
)
def rpoplpush(call: Call, argv: list[bytes]) -> Reply:
    """RPOPLPUSH source destination

    The element; nil if there is no source.
    """
    return _move(call, argv[1], argv[2], from_head=False, to_head=True)


def _is_left(word: bytes) -> bool:
    word = word.lower()
    if word == b"left":
        return True
    if word != b"right":
        raise SYNTAX_ERROR
    return False


def _move(call: Call, source: bytes, destination: bytes, *, from_head: bool, to_head: bool) -> Reply:
    db = call.db
    taken_from = db.write(source, List)
    if taken_from is None:
        return None
    put_to = db.write(destination, List)
    element = taken_from.pop_head() if from_head else taken_from.pop_tail()
    if put_to is None:
        put_to = List()
        db.add(destination, put_to)
    fill = db.keyspace.limits.list_max_listpack_size
    if to_head:
        put_to.push_head([element], fill)
    else:
        put_to.push_tail([element], fill)
    db.notify(destination, NOTIFY_LIST, b"lpush" if to_head else b"rpush")
    elements_removed(call, source, taken_from, b"lpop" if from_head else b"rpop", 1)
    return element


@lists.command(
    "LMPOP",
    arity=-4,
    flags=WRITE,
    keys=KeyCount(1, flags=RW | ACCESS | DELETE),
    since="7.0.0",
    syntax="numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    summary="Removes and returns elements of the first of several lists that is there.",
    complexity="O(N+M) where N is the number of provided keys and M is the number of elements returned.",
)
def lmpop(call: Call, argv: list[bytes]) -> Reply:
    """LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]

    An array of the key and an array of its elements; a null array if there is no list.
    """
    keys, from_head, count = mpop_arguments(argv, 1, _ENDS)
    reply = _pop_from_first(call, keys, count, from_head=from_head)
    return NULL_ARRAY if reply is None else reply


def _pop_from_first(call: Call, keys: list[bytes], count: int, *, from_head: bool) -> list[Reply] | None:
    """Pop from the first list that is there; replicas are told which and how many."""
    db = call.db
    for key in keys:
        value = db.write(key, List)
        if value is not None:
            popped = pop_range(call, key, value, count, from_head=from_head)
            call.propagate(b"LPOP" if from_head else b"RPOP", key, b"%d" % len(popped))
            return [key, popped]
    return None


@lists.command(
    "BLMPOP",
    arity=-5,
    flags=WRITE | BLOCKING,
    keys=KeyCount(2, flags=RW | ACCESS | DELETE),
    since="7.0.0",
    syntax="timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    summary="Removes and returns elements of the first of several lists that is there; waits for one.",
    complexity="O(N+M) where N is the number of provided keys and M is the number of elements returned.",
)
def blmpop(call: Call, argv: list[bytes]) -> Reply:
    """BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]

    As LMPOP; a null array when the time is up.
    """
    keys, from_head, count = mpop_arguments(argv, 2, _ENDS)
    timeout_ms = parse_seconds(argv[1], call.now_ms)
    reply = _pop_from_first(call, keys, count, from_head=from_head)
    return call.block(keys, timeout_ms, NULL_ARRAY, List) if reply is None else reply


@lists.command(
    "BLPOP",
    arity=-3,
    flags=WRITE | BLOCKING,
    keys=KeyRange(1, last=-2, flags=RW | ACCESS | DELETE),
    since="2.0.0",
    syntax="key [key ...] timeout",
    summary=(
        "Removes and returns the first element of the first of several lists that is there; waits for one."
    ),
    complexity="O(N) where N is the number of provided keys.",
    history=_TIMEOUT_HISTORY,
)
def blpop(call: Call, argv: list[bytes]) -> Reply:
    """BLPOP key [key ...] timeout

    An array of the key and the element; a null array when the time is up.
    """
    return _blocking_pop(call, argv, from_head=True)


@lists.command(
    "BRPOP",
    arity=-3,
    flags=WRITE | BLOCKING,
    keys=KeyRange(1, last=-2, flags=RW | ACCESS | DELETE),
    since="2.0.0",
    syntax="key [key ...] timeout",
    summary=(
        "Removes and returns the last element of the first of several lists that is there; waits for one."
    ),
    complexity="O(N) where N is the number of provided keys.",
    history=_TIMEOUT_HISTORY,
)
def brpop(call: Call, argv: list[bytes]) -> Reply:
    """BRPOP key [key ...] timeout

    An array of the key and the element; a null array when the time is up.
    """
    return _blocking_pop(call, argv, from_head=False)


def _blocking_pop(call: Call, argv: list[bytes], *, from_head: bool) -> Reply:
    timeout_ms = parse_seconds(argv[-1], call.now_ms)
    db = call.db
    keys = argv[1:-1]
    for key in keys:
        value = db.write(key, List)
        if value is not None:
            element = value.pop_head() if from_head else value.pop_tail()
            elements_removed(call, key, value, b"lpop" if from_head else b"rpop", 1)
            call.propagate(b"LPOP" if from_head else b"RPOP", key)
            return [key, element]
    return call.block(keys, timeout_ms, NULL_ARRAY, List)


@lists.command(
    "BLMOVE",
    arity=6,
    flags=WRITE | DENYOOM | BLOCKING,
    keys=(_SOURCE, _DESTINATION),
    since="6.2.0",
    syntax="source destination wherefrom=<LEFT | RIGHT> whereto=<LEFT | RIGHT> timeout",
    summary="Moves an element from one end of a list to an end of another, and returns it; waits for one.",
)
def blmove(call: Call, argv: list[bytes]) -> Reply:
    """BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout

    The element; a null array when the time is up, but nil inside MULTI, where nothing waits.
    """
    from_head = _is_left(argv[3])
    to_head = _is_left(argv[4])
    timeout_ms = parse_seconds(argv[5], call.now_ms)
    element = _move(call, argv[1], argv[2], from_head=from_head, to_head=to_head)
    if element is None:
        return _block_for_source(call, argv[1], timeout_ms)
    call.propagate(b"LMOVE", argv[1], argv[2], argv[3], argv[4])
    return element


@lists.command(
    "BRPOPLPUSH",
    arity=4,
    flags=WRITE | DENYOOM | BLOCKING,
    keys=(_SOURCE, _DESTINATION),
    since="2.2.0",
    syntax="source destination timeout",
    summary=(
        "Moves the last element of a list before the first one of another, and returns it; waits for one."
    ),
    history=_TIMEOUT_HISTORY,
    deprecated_since="6.2.0",
    replaced_by="`BLMOVE` with the `RIGHT` and `LEFT` arguments",
)
def brpoplpush(call: Call, argv: list[bytes]) -> Reply:
    """BRPOPLPUSH source destination timeout

    The element; a null array when the time is up, but nil inside MULTI, where nothing waits.
    """
    timeout_ms = parse_seconds(argv[3], call.now_ms)
    element = _move(call, argv[1], argv[2], from_head=False, to_head=True)
    if element is None:
        return _block_for_source(call, argv[1], timeout_ms)
    call.propagate(b"RPOPLPUSH", argv[1], argv[2])
    return element


def _block_for_source(call: Call, source: bytes, timeout_ms: int) -> Reply:
    if call.session.deny_blocking:
        return None
    return call.block([source], timeout_ms, NULL_ARRAY, List)


lists.before("7.2.0", "BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", adds=NOSCRIPT)
lists.before(
    "7.2.0",
    "BLPOP",
    "BRPOP",
    "BLMOVE",
    "BRPOPLPUSH",
    "BLMPOP",
    wrap=reworded("timeout is out of range", "timeout is negative"),
)
