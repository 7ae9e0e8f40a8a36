"""Commands of strings."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, RO, RW, UPDATE, VARIABLE_FLAGS, KeyRange
from pyredis_cluster.keyspace.events import NOTIFY_STRING
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.protocol.errors import NOT_AN_INTEGER, OVERFLOW
from pyredis_cluster.protocol.numbers import INT64_MAX, INT64_MIN, integer
from pyredis_cluster.protocol.reply import OK, Reply

strings = Group("string", Category.STRING)


@strings.command(
    "GET",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    syntax="key",
    summary="Returns the value of a key.",
)
def get(call: Call, argv: list[bytes]) -> Reply:
    """GET key

    The value as a bulk string, nil if there is none.
    """
    value = call.db.read(argv[1], String)
    return None if value is None else value.data


@strings.command(
    "SET",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE | VARIABLE_FLAGS),
    syntax="key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
    "PXAT unix-time-milliseconds | KEEPTTL]",
    summary="Sets a key to a string value.",
)
def set_(call: Call, argv: list[bytes]) -> Reply:
    """SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]

    `OK`; nil where NX or XX forbade it; with GET the old value or nil.
    """
    key = argv[1]
    db = call.db
    old = db.values.get(key)
    if old.__class__ is String and key not in db.expires:
        # Overwriting in place saves an object and the upkeep of the indexes.
        old.data = argv[2]  # type: ignore[union-attr]
        old.lru = call.keyspace.lru_clock  # type: ignore[union-attr]
    else:
        db.put(key, String(argv[2]))
    db.changed(key, NOTIFY_STRING, b"set")
    return OK


@strings.command(
    "INCR",
    arity=2,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE),
    syntax="key",
    summary="Adds one to the integer value of a key; a missing one counts as 0.",
)
def incr(call: Call, argv: list[bytes]) -> Reply:
    """INCR key

    The value after the increment. Raises an error unless the value is a 64-bit integer.
    """
    return _add(call, argv[1], 1)


def _add(call: Call, key: bytes, increment: int) -> int:
    db = call.db
    value = db.write(key, String)
    if value is None:
        db.add(key, String(b"%d" % increment))
        db.changed(key, NOTIFY_STRING, b"incrby")
        return increment
    number = integer(bytes(value.data), NOT_AN_INTEGER) + increment
    if not INT64_MIN <= number <= INT64_MAX:
        raise OVERFLOW
    value.data = b"%d" % number
    db.changed(key, NOTIFY_STRING, b"incrby")
    return number
