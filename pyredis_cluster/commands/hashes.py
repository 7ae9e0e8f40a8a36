"""Commands of hashes."""

from __future__ import annotations

from pyredis_cluster.config.events import NOTIFY_HASH
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INSERT, RO, RW, UPDATE, KeyRange
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.protocol.errors import OVERFLOW, CommandError, wrong_arity
from pyredis_cluster.protocol.long_double import add, format_long_double, long_double
from pyredis_cluster.protocol.numbers import INT64_MAX, INT64_MIN, integer
from pyredis_cluster.protocol.reply import OK, Reply

hashes = Group("hash", Category.HASH)

_HASH_VALUE_NOT_AN_INTEGER = CommandError("ERR hash value is not an integer")
_HASH_VALUE_NOT_A_FLOAT = CommandError("ERR hash value is not a float")
_INCREMENT_NOT_FINITE = CommandError("ERR value is NaN or Infinity")
_SUM_NOT_FINITE = CommandError("ERR increment would produce NaN or Infinity")
_UNORDERED = ("nondeterministic_output_order",)


@hashes.command(
    "HSET",
    arity=-4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | UPDATE),
    since="2.0.0",
    syntax="key field value [field value ...]",
    summary="Sets fields of a hash; makes the hash if there is none.",
    complexity="O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is "
    "called with multiple field/value pairs.",
    history=(("4.0.0", "Accepts multiple `field` and `value` arguments."),),
)
def hset(call: Call, argv: list[bytes]) -> Reply:
    """HSET key field value [field value ...]

    The number of fields that are new. Raises WRONG_TYPE.
    """
    count = len(argv)
    if count & 1:
        raise wrong_arity("hset")
    return _set_fields(call, argv, count)


@hashes.command(
    "HMSET",
    arity=-4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | UPDATE),
    since="2.0.0",
    syntax="key field value [field value ...]",
    summary="Sets fields of a hash, as HSET does, and answers OK.",
    complexity="O(N) where N is the number of fields being set.",
    deprecated_since="4.0.0",
    replaced_by="`HSET` with multiple field-value pairs",
)
def hmset(call: Call, argv: list[bytes]) -> Reply:
    """HMSET key field value [field value ...]

    `OK`. Raises WRONG_TYPE.
    """
    count = len(argv)
    if count & 1:
        raise wrong_arity("hmset")
    _set_fields(call, argv, count)
    return OK


def _set_fields(call: Call, argv: list[bytes], count: int) -> int:
    key = argv[1]
    db = call.db
    limits = call.keyspace.limits
    value = db.write(key, Hash)
    if value is None:
        value = Hash()
        db.add(key, value)
    if count == 4:
        field = argv[2]
        data = argv[3]
        if field in value.fields and len(data) <= limits.hash_max_listpack_value:
            value.fields[field] = data
            db.changed(key, NOTIFY_HASH, b"hset")
            return 0
        added = 1 if value.set(field, data, limits) else 0
        db.changed(key, NOTIFY_HASH, b"hset")
        return added
    pairs = (count - 2) >> 1
    value.expect(pairs, limits)
    before = len(value.fields)
    set_field = value.set
    for place in range(2, count, 2):
        set_field(argv[place], argv[place + 1], limits)
    db.changed(key, NOTIFY_HASH, b"hset", pairs)
    return len(value.fields) - before


@hashes.command(
    "HSETNX",
    arity=4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | INSERT),
    since="2.0.0",
    syntax="key field value",
    summary="Sets a field of a hash unless it is there.",
)
def hsetnx(call: Call, argv: list[bytes]) -> Reply:
    """HSETNX key field value

    1 if the field was set, 0 if it was there. Raises WRONG_TYPE.
    """
    key = argv[1]
    db = call.db
    value = db.write(key, Hash)
    if value is None:
        value = Hash()
        db.add(key, value)
    elif argv[2] in value.fields:
        return 0
    value.set(argv[2], argv[3], call.keyspace.limits)
    db.changed(key, NOTIFY_HASH, b"hset")
    return 1


@hashes.command(
    "HGET",
    arity=3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    syntax="key field",
    summary="Returns the value of a field.",
)
def hget(call: Call, argv: list[bytes]) -> Reply:
    """HGET key field

    The value as a bulk string, nil if there is none. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return None if value is None else value.fields.get(argv[2])


@hashes.command(
    "HMGET",
    arity=-3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    syntax="key field [field ...]",
    summary="Returns the values of the fields named.",
    complexity="O(N) where N is the number of fields being requested.",
)
def hmget(call: Call, argv: list[bytes]) -> Reply:
    """HMGET key field [field ...]

    An array with the value of each field, nil where there is none. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    if value is None:
        return [None] * (len(argv) - 2)
    return list(map(value.fields.get, argv[2:]))


@hashes.command(
    "HDEL",
    arity=-3,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | DELETE),
    since="2.0.0",
    syntax="key field [field ...]",
    summary="Removes fields of a hash, and the hash with the last of them.",
    complexity="O(N) where N is the number of fields to be removed.",
    history=(("2.4.0", "Accepts multiple `field` arguments."),),
)
def hdel(call: Call, argv: list[bytes]) -> Reply:
    """HDEL key field [field ...]

    The number of fields removed. Raises WRONG_TYPE.
    """
    key = argv[1]
    db = call.db
    value = db.write(key, Hash)
    if value is None:
        return 0
    before = len(value.fields)
    delete = value.delete
    for field in argv[2:]:
        delete(field)
    deleted = before - len(value.fields)
    if deleted:
        db.changed(key, NOTIFY_HASH, b"hdel", deleted)
        db.delete_if_empty(key, value)
    return deleted


@hashes.command(
    "HLEN",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    since="2.0.0",
    syntax="key",
    summary="Counts the fields of a hash.",
)
def hlen(call: Call, argv: list[bytes]) -> Reply:
    """HLEN key

    The number of fields, 0 if there is no hash. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return 0 if value is None else len(value.fields)


@hashes.command(
    "HSTRLEN",
    arity=3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    since="3.2.0",
    syntax="key field",
    summary="Returns the length of the value of a field.",
)
def hstrlen(call: Call, argv: list[bytes]) -> Reply:
    """HSTRLEN key field

    The length in bytes, 0 if there is no such field. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return 0 if value is None else len(value.fields.get(argv[2], b""))


@hashes.command(
    "HEXISTS",
    arity=3,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    since="2.0.0",
    syntax="key field",
    summary="Tells whether a hash has a field.",
)
def hexists(call: Call, argv: list[bytes]) -> Reply:
    """HEXISTS key field

    1 if there is such a field, else 0. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return 1 if value is not None and argv[2] in value.fields else 0


@hashes.command(
    "HKEYS",
    arity=2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    tips=_UNORDERED,
    syntax="key",
    summary="Returns the names of all fields of a hash.",
    complexity="O(N) where N is the size of the hash.",
)
def hkeys(call: Call, argv: list[bytes]) -> Reply:
    """HKEYS key

    An array, empty if there is no hash. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return [] if value is None else list(value.fields)


@hashes.command(
    "HVALS",
    arity=2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    tips=_UNORDERED,
    syntax="key",
    summary="Returns the values of all fields of a hash.",
    complexity="O(N) where N is the size of the hash.",
)
def hvals(call: Call, argv: list[bytes]) -> Reply:
    """HVALS key

    An array, empty if there is no hash. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return [] if value is None else list(value.fields.values())


@hashes.command(
    "HGETALL",
    arity=2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.0.0",
    tips=_UNORDERED,
    syntax="key",
    summary="Returns all fields of a hash with their values.",
    complexity="O(N) where N is the size of the hash.",
)
def hgetall(call: Call, argv: list[bytes]) -> Reply:
    """HGETALL key

    A map, empty if there is no hash. Raises WRONG_TYPE.
    """
    value = call.db.read(argv[1], Hash)
    return {} if value is None else value.fields


@hashes.command(
    "HINCRBY",
    arity=4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE),
    since="2.0.0",
    syntax="key field increment",
    summary="Adds an integer to the value of a field; a missing one counts as 0.",
)
def hincrby(call: Call, argv: list[bytes]) -> Reply:
    """HINCRBY key field increment

    The value after the increment. Raises an error unless both are 64-bit integers and so is their sum.
    """
    increment = integer(argv[3])
    key, field = argv[1], argv[2]
    db = call.db
    value = db.write(key, Hash)
    old = None if value is None else value.fields.get(field)
    number = increment
    if old is not None:
        number += integer(old, _HASH_VALUE_NOT_AN_INTEGER)
        if not INT64_MIN <= number <= INT64_MAX:
            raise OVERFLOW
    if value is None:
        value = Hash()
        db.add(key, value)
    value.set(field, b"%d" % number, call.keyspace.limits)
    db.changed(key, NOTIFY_HASH, b"hincrby")
    return number


@hashes.command(
    "HINCRBYFLOAT",
    arity=4,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE),
    since="2.6.0",
    syntax="key field increment:double",
    summary="Adds a floating point number to the value of a field; a missing one counts as 0.",
)
def hincrbyfloat(call: Call, argv: list[bytes]) -> Reply:
    """HINCRBYFLOAT key field increment

    The value after the increment, as a bulk string. Propagated as HSET, so that replicas need not round.
    Raises an error unless both are floating point numbers and their sum is finite.
    """
    increment = long_double(argv[3])
    if isinstance(increment, float):
        raise _INCREMENT_NOT_FINITE
    key, field = argv[1], argv[2]
    db = call.db
    value = db.write(key, Hash)
    old = None if value is None else value.fields.get(field)
    total = increment if old is None else add(long_double(old, _HASH_VALUE_NOT_A_FLOAT), increment)
    if total is None:
        raise _SUM_NOT_FINITE
    if value is None:
        value = Hash()
        db.add(key, value)
    text = format_long_double(total)
    value.set(field, text, call.keyspace.limits)
    db.changed(key, NOTIFY_HASH, b"hincrbyfloat")
    call.propagate(b"HSET", key, field, text)
    return text


hashes.before("7.0.0", "HGETALL", tips=("nondeterministic_output",))
