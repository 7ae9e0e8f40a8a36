"""DUMP and RESTORE: values as bytes."""

from __future__ import annotations

from dataclasses import dataclass

from pyredis_cluster.commands.generic import generic
from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ASKING, DENYOOM, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, OW, RO, UPDATE, KeyRange
from pyredis_cluster.keyspace.frequency import initial_frequency
from pyredis_cluster.keyspace.keyspace import ACCESS_CLOCK_MASK, Keyspace
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb.dump import dump_payload, restore_payload
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import INT64_MAX, integer
from pyredis_cluster.protocol.reply import OK, Reply

internal = Group("server", Category.KEYSPACE | Category.DANGEROUS)

_BUSY_KEY = CommandError("BUSYKEY Target key name already exists.")
_INVALID_TTL = CommandError("ERR Invalid TTL value, must be >= 0")
_INVALID_IDLE_TIME = CommandError("ERR Invalid IDLETIME value, must be >= 0")
_INVALID_FREQUENCY = CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255")
_MAX_FREQUENCY = 255
_RESTORE_COMPLEXITY = (
    "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the "
    "number of Redis objects composing the value and M their average size. For small string values the time "
    "complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the "
    "complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N))."
)
_RESTORE_HISTORY = (
    ("3.0.0", "Added the `REPLACE` modifier."),
    ("5.0.0", "Added the `ABSTTL` modifier."),
    ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
)
_RESTORE_SYNTAX = (
    "key ttl:integer serialized-value [REPLACE]@3.0.0 [ABSTTL]@5.0.0 [IDLETIME seconds]@5.0.0 "
    "[FREQ frequency]@5.0.0"
)


@generic.command(
    "DUMP",
    arity=2,
    flags=READONLY,
    keys=KeyRange(1, flags=RO | ACCESS),
    since="2.6.0",
    tips=("nondeterministic_output",),
    syntax="key",
    summary="Returns a value in the form that RESTORE takes.",
    complexity="O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis "
    "objects composing the value and M their average size. For small string values the time complexity is "
    "thus O(1)+O(1*M) where M is small, so simply O(1).",
)
def dump(call: Call, argv: list[bytes]) -> Reply:
    """DUMP key

    The payload; nil where there is no such key.
    """
    value = call.db.read_any(argv[1])
    if value is None:
        return None
    return dump_payload(value, compress=call.server.config.flag("rdbcompression"))


@dataclass(slots=True)
class _Options:
    may_replace: bool = False
    is_absolute: bool = False
    idle_s: int | None = None
    frequency: int | None = None


def _parse(argv: list[bytes]) -> _Options:
    options = _Options()
    index = 4
    while index < len(argv):
        word = argv[index].lower()
        has_more = index + 1 < len(argv)
        if word == b"replace":
            options.may_replace = True
        elif word == b"absttl":
            options.is_absolute = True
        elif word == b"idletime" and has_more and options.frequency is None:
            index += 1
            options.idle_s = integer(argv[index])
            if options.idle_s < 0:
                raise _INVALID_IDLE_TIME
        elif word == b"freq" and has_more and options.idle_s is None:
            index += 1
            options.frequency = integer(argv[index])
            if not 0 <= options.frequency <= _MAX_FREQUENCY:
                raise _INVALID_FREQUENCY
        else:
            raise SYNTAX_ERROR
        index += 1
    return options


@generic.command(
    "RESTORE",
    arity=-4,
    flags=WRITE | DENYOOM,
    categories=Category.DANGEROUS,
    keys=KeyRange(1, flags=OW | UPDATE),
    since="2.6.0",
    syntax=_RESTORE_SYNTAX,
    summary="Makes a key of what DUMP returned.",
    complexity=_RESTORE_COMPLEXITY,
    history=_RESTORE_HISTORY,
)
def restore(call: Call, argv: list[bytes]) -> Reply:
    """RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]

    `OK`. The ttl is in milliseconds, 0 for none, with ABSTTL a unix time; a key that would be expired is not
    made. Raises BUSYKEY where the key exists and REPLACE is not given, and errors for a payload that is not
    whole or not valid; nothing has changed then.
    """
    options = _parse(argv)
    key = argv[1]
    db = call.db
    if not options.may_replace and db.write_any(key) is not None:
        raise _BUSY_KEY
    ttl_ms = integer(argv[2])
    if ttl_ms < 0:
        raise _INVALID_TTL
    keyspace = call.keyspace
    value = restore_payload(argv[3], keyspace.limits, now_ms=keyspace.now_ms)
    was_there = options.may_replace and db.discard(key) is not None
    when_ms = ttl_ms if options.is_absolute or not ttl_ms else min(ttl_ms + call.now_ms, INT64_MAX)
    if when_ms and when_ms <= call.now_ms and keyspace.expires_on_access:
        if was_there:
            db.changed(key, NOTIFY_GENERIC, b"del")
            call.propagate(b"DEL", key)
        return OK
    db.add(key, value)
    if when_ms:
        db.set_expire(key, when_ms)
        if not options.is_absolute and keyspace.propagate is not None:
            call.propagate(argv[0], key, b"%d" % when_ms, *argv[3:], b"ABSTTL")
    _set_access(keyspace, value, options)
    db.changed(key, NOTIFY_GENERIC, b"restore")
    return OK


def _set_access(keyspace: Keyspace, value: Value, options: _Options) -> None:
    """Give the value the history of accesses that it had, as far as the policy has a use for it."""
    if keyspace.is_lfu:
        if options.frequency is not None:
            value.lru = initial_frequency(keyspace.lru_clock) & ~_MAX_FREQUENCY | options.frequency
    elif options.idle_s is not None:
        value.lru = keyspace.lru_clock - (options.idle_s & ACCESS_CLOCK_MASK)


@internal.command(
    "RESTORE-ASKING",
    arity=-4,
    flags=WRITE | DENYOOM | ASKING,
    keys=KeyRange(1, flags=OW | UPDATE),
    since="3.0.0",
    syntax=_RESTORE_SYNTAX,
    summary="RESTORE for a slot that is being imported.",
    complexity=_RESTORE_COMPLEXITY,
    history=_RESTORE_HISTORY,
    syscmd=True,
)
def restore_asking(call: Call, argv: list[bytes]) -> Reply:
    """RESTORE-ASKING key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]

    See RESTORE. MIGRATE sends it to a cluster node that imports the slot.
    """
    return restore(call, argv)
