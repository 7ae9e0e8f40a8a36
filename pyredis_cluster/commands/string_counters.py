"""Commands that count in strings."""

from __future__ import annotations

from fractions import Fraction

from pyredis_cluster.commands.strings import strings
from pyredis_cluster.config.events import NOTIFY_STRING
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, RW, UPDATE, KeyRange
from pyredis_cluster.keyspace.types.string import PlainText, String
from pyredis_cluster.protocol.errors import NOT_AN_INTEGER, OVERFLOW, CommandError
from pyredis_cluster.protocol.long_double import add as add_long_doubles
from pyredis_cluster.protocol.long_double import format_long_double, long_double
from pyredis_cluster.protocol.numbers import INT64_MAX, INT64_MIN, integer
from pyredis_cluster.protocol.reply import Reply

_DECREMENT_OVERFLOW = CommandError("ERR decrement would overflow")
_NOT_FINITE = CommandError("ERR increment would produce NaN or Infinity")
_ZERO = Fraction(0)
_ZERO_DIGIT = ord("0")
_KEY = KeyRange(1, flags=RW | ACCESS | UPDATE)
_FLAGS = WRITE | DENYOOM | FAST


@strings.command(
    "INCR",
    arity=2,
    flags=_FLAGS,
    keys=_KEY,
    syntax="key",
    summary="Adds one to the integer value of a key; a missing one counts as 0.",
)
def incr(call: Call, argv: list[bytes]) -> Reply:
    """INCR key

    The value after the increment. Raises an error unless the value is a 64-bit integer.
    """
    key = argv[1]
    db = call.db
    keyspace = db.keyspace
    value = db.values.get(key)
    if value.__class__ is not String or key in db.expires or keyspace.observer is not None:
        return _add(call, key, 1)
    # What `_add` does where nothing is unusual, without the calls that it makes.
    data = value.data
    if len(data) > 18 or not data.isdigit() or data[0] == _ZERO_DIGIT:
        return _add(call, key, 1)
    number = int(data) + 1
    if keyspace.on_write is None:
        value.lru = keyspace.lru_clock
    else:
        keyspace.on_write(db, key, value)
    value.data = b"%d" % number
    keyspace.dirty += 1
    return number


@strings.command(
    "DECR",
    arity=2,
    flags=_FLAGS,
    keys=_KEY,
    syntax="key",
    summary="Takes one from the integer value of a key; a missing one counts as 0.",
)
def decr(call: Call, argv: list[bytes]) -> Reply:
    """DECR key

    The value after the decrement. Raises an error unless the value is a 64-bit integer.
    """
    return _add(call, argv[1], -1)


@strings.command(
    "INCRBY",
    arity=3,
    flags=_FLAGS,
    keys=_KEY,
    syntax="key increment",
    summary="Adds a number to the integer value of a key; a missing one counts as 0.",
)
def incrby(call: Call, argv: list[bytes]) -> Reply:
    """INCRBY key increment

    The value after the increment. Raises an error unless both are 64-bit integers.
    """
    return _add(call, argv[1], integer(argv[2]))


@strings.command(
    "DECRBY",
    arity=3,
    flags=_FLAGS,
    keys=_KEY,
    syntax="key decrement",
    summary="Takes a number from the integer value of a key; a missing one counts as 0.",
)
def decrby(call: Call, argv: list[bytes]) -> Reply:
    """DECRBY key decrement

    The value after the decrement. Raises an error unless both are 64-bit integers, and for the least of them.
    """
    decrement = integer(argv[2])
    if decrement == INT64_MIN:
        raise _DECREMENT_OVERFLOW
    return _add(call, argv[1], -decrement)


def _add(call: Call, key: bytes, increment: int) -> int:
    db = call.db
    value = db.write(key, String)
    if value is None:
        db.add(key, String(b"%d" % increment))
        db.changed(key, NOTIFY_STRING, b"incrby")
        return increment
    data = value.data
    if len(data) < 19 and data.isdigit() and data[0] != _ZERO_DIGIT:
        # The common case: surely canonical and within 64 bits.
        number = int(data) + increment
    else:
        number = integer(bytes(data), NOT_AN_INTEGER) + increment
    if not INT64_MIN <= number <= INT64_MAX:
        raise OVERFLOW
    value.data = b"%d" % number
    db.changed(key, NOTIFY_STRING, b"incrby")
    return number


@strings.command(
    "INCRBYFLOAT",
    arity=3,
    flags=_FLAGS,
    keys=_KEY,
    since="2.6.0",
    syntax="key increment:double",
    summary="Adds a fraction to the number at a key; a missing one counts as 0.",
)
def incrbyfloat(call: Call, argv: list[bytes]) -> Reply:
    """INCRBYFLOAT key increment

    The value after the increment, as a bulk string. Raises an error unless both are numbers and the sum is
    finite.
    """
    key = argv[1]
    db = call.db
    value = db.write(key, String)
    old = long_double(bytes(value.data)) if value is not None else _ZERO
    increment = long_double(argv[2])
    total = add_long_doubles(old, increment)
    if total is None:
        raise _NOT_FINITE
    data = PlainText(format_long_double(total))
    if value is None:
        db.add(key, String(data))
    else:
        value.data = data
    db.changed(key, NOTIFY_STRING, b"incrbyfloat")
    # The sum itself is passed on, as other machines may add differently.
    call.propagate(b"SET", key, bytes(data), b"KEEPTTL")
    return data
