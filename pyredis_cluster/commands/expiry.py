"""Commands about when keys expire."""

from __future__ import annotations

from pyredis_cluster.commands.expire_options import EXPIRE_TEXT_OF_6_2
from pyredis_cluster.commands.generic import generic
from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import FAST, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, RO, RW, UPDATE, KeyRange
from pyredis_cluster.protocol.errors import CommandError, invalid_expire_time
from pyredis_cluster.protocol.numbers import INT64_MAX, INT64_MIN, integer
from pyredis_cluster.protocol.reply import Reply

_NX = 1
_XX = 2
_GT = 4
_LT = 8
_CONDITIONS = {b"nx": _NX, b"xx": _XX, b"gt": _GT, b"lt": _LT}

_NX_AND_OTHERS = CommandError("ERR NX and XX, GT or LT options at the same time are not compatible")
_GT_AND_LT = CommandError("ERR GT and LT options at the same time are not compatible")

_KEY = KeyRange(1, flags=RW | UPDATE)
_READ_KEY = KeyRange(1, flags=RO | ACCESS)
_HISTORY = (("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."),)
_TTL_HISTORY = (("2.8.0", "Added the -2 reply."),)


@generic.command(
    "EXPIRE",
    arity=-3,
    flags=WRITE | FAST,
    keys=_KEY,
    syntax="key seconds [NX | XX | GT | LT]@7.0.0",
    summary="Has a key expire after some seconds.",
    history=_HISTORY,
)
def expire(call: Call, argv: list[bytes]) -> Reply:
    """EXPIRE key seconds [NX | XX | GT | LT]

    1; 0 where there is no such key or the condition does not hold. A time that is not in the future deletes
    the key. Raises an error for a time that is no integer or overflows.
    """
    return _expire(call, argv, "expire", unit_ms=1000, origin_ms=call.now_ms)


@generic.command(
    "PEXPIRE",
    arity=-3,
    flags=WRITE | FAST,
    keys=_KEY,
    since="2.6.0",
    syntax="key milliseconds [NX | XX | GT | LT]@7.0.0",
    summary="Has a key expire after some milliseconds.",
    history=_HISTORY,
)
def pexpire(call: Call, argv: list[bytes]) -> Reply:
    """PEXPIRE key milliseconds [NX | XX | GT | LT]

    See EXPIRE.
    """
    return _expire(call, argv, "pexpire", unit_ms=1, origin_ms=call.now_ms)


@generic.command(
    "EXPIREAT",
    arity=-3,
    flags=WRITE | FAST,
    keys=_KEY,
    since="1.2.0",
    syntax="key unix-time-seconds [NX | XX | GT | LT]@7.0.0",
    summary="Has a key expire at a unix time in seconds.",
    history=_HISTORY,
)
def expireat(call: Call, argv: list[bytes]) -> Reply:
    """EXPIREAT key unix-time-seconds [NX | XX | GT | LT]

    See EXPIRE.
    """
    return _expire(call, argv, "expireat", unit_ms=1000, origin_ms=0)


@generic.command(
    "PEXPIREAT",
    arity=-3,
    flags=WRITE | FAST,
    keys=_KEY,
    since="2.6.0",
    syntax="key unix-time-milliseconds [NX | XX | GT | LT]@7.0.0",
    summary="Has a key expire at a unix time in milliseconds.",
    history=_HISTORY,
)
def pexpireat(call: Call, argv: list[bytes]) -> Reply:
    """PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]

    See EXPIRE.
    """
    return _expire(call, argv, "pexpireat", unit_ms=1, origin_ms=0)


generic.before("7.0.0", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", arity=3, wrap=EXPIRE_TEXT_OF_6_2)


def _expire(call: Call, argv: list[bytes], command: str, *, unit_ms: int, origin_ms: int) -> int:
    conditions = _parse_conditions(argv) if len(argv) > 3 else 0
    when_ms = integer(argv[2]) * unit_ms
    if not INT64_MIN <= when_ms <= INT64_MAX - origin_ms:
        raise invalid_expire_time(command)
    when_ms += origin_ms
    key = argv[1]
    db = call.db
    if db.write_any(key) is None:
        return 0
    if conditions and not _holds(conditions, db.expires.get(key), when_ms):
        return 0
    if when_ms <= call.now_ms and db.keyspace.expires_on_access:
        db.discard(key)
        db.changed(key, NOTIFY_GENERIC, b"del")
        call.propagate(b"DEL", key)
        return 1
    db.set_expire(key, when_ms)
    db.changed(key, NOTIFY_GENERIC, b"expire")
    if db.keyspace.propagate is not None:
        call.propagate(b"PEXPIREAT", key, b"%d" % when_ms, *argv[3:])
    return 1


def _parse_conditions(argv: list[bytes]) -> int:
    conditions = 0
    for word in argv[3:]:
        condition = _CONDITIONS.get(word.lower())
        if condition is None:
            raise CommandError(b"ERR Unsupported option " + word.partition(b"\0")[0])
        conditions |= condition
    if conditions & _NX and conditions != _NX:
        raise _NX_AND_OTHERS
    if conditions & _GT and conditions & _LT:
        raise _GT_AND_LT
    return conditions


def _holds(conditions: int, current_ms: int | None, when_ms: int) -> bool:
    """Whether a key that expires at `current_ms` (None: never, which is later than all) may get `when_ms`."""
    if current_ms is None:
        return not conditions & (_XX | _GT)
    if conditions & _NX or (conditions & _GT and when_ms <= current_ms):
        return False
    return not (conditions & _LT and when_ms >= current_ms)


@generic.command(
    "PERSIST",
    arity=2,
    flags=WRITE | FAST,
    keys=_KEY,
    since="2.2.0",
    syntax="key",
    summary="Has a key expire no more.",
)
def persist(call: Call, argv: list[bytes]) -> Reply:
    """PERSIST key

    1; 0 where there is no such key or it did not expire.
    """
    key = argv[1]
    db = call.db
    if db.write_any(key) is None or not db.remove_expire(key):
        return 0
    db.changed(key, NOTIFY_GENERIC, b"persist")
    return 1


@generic.command(
    "TTL",
    arity=2,
    flags=READONLY | FAST,
    keys=_READ_KEY,
    tips=("nondeterministic_output",),
    syntax="key",
    summary="Tells in how many seconds a key expires.",
    history=_TTL_HISTORY,
)
def ttl(call: Call, argv: list[bytes]) -> Reply:
    """TTL key

    Seconds, to the nearest; -1 where it does not expire, -2 where there is no such key.
    """
    when_ms = _expiry_time(call, argv[1])
    return when_ms if when_ms < 0 else (max(when_ms - call.now_ms, 0) + 500) // 1000


@generic.command(
    "PTTL",
    arity=2,
    flags=READONLY | FAST,
    keys=_READ_KEY,
    since="2.6.0",
    tips=("nondeterministic_output",),
    syntax="key",
    summary="Tells in how many milliseconds a key expires.",
    history=_TTL_HISTORY,
)
def pttl(call: Call, argv: list[bytes]) -> Reply:
    """PTTL key

    Milliseconds; -1 where it does not expire, -2 where there is no such key.
    """
    when_ms = _expiry_time(call, argv[1])
    return when_ms if when_ms < 0 else max(when_ms - call.now_ms, 0)


@generic.command(
    "EXPIRETIME",
    arity=2,
    flags=READONLY | FAST,
    keys=_READ_KEY,
    since="7.0.0",
    syntax="key",
    summary="Tells the unix time in seconds at which a key expires.",
)
def expiretime(call: Call, argv: list[bytes]) -> Reply:
    """EXPIRETIME key

    Unix time in seconds, to the nearest; -1 where it does not expire, -2 where there is no such key.
    """
    when_ms = _expiry_time(call, argv[1])
    return when_ms if when_ms < 0 else (when_ms + 500) // 1000


@generic.command(
    "PEXPIRETIME",
    arity=2,
    flags=READONLY | FAST,
    keys=_READ_KEY,
    since="7.0.0",
    syntax="key",
    summary="Tells the unix time in milliseconds at which a key expires.",
)
def pexpiretime(call: Call, argv: list[bytes]) -> Reply:
    """PEXPIRETIME key

    Unix time in milliseconds; -1 where it does not expire, -2 where there is no such key.
    """
    return _expiry_time(call, argv[1])


def _expiry_time(call: Call, key: bytes) -> int:
    """Unix time in milliseconds; -1 where the key does not expire, -2 where there is none."""
    db = call.db
    if db.look(key) is None:
        return -2
    return db.expires.get(key, -1)
