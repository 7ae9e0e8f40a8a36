"""Commands of strings: one value set, read, replaced. Counters, ranges, many keys have their own modules."""

from __future__ import annotations

from pyredis_cluster.commands.expire_options import (
    EX,
    EXPIRE_TEXT_OF_6_2,
    GET,
    GETEX_OPTIONS,
    KEEPTTL,
    NX,
    PERSIST,
    PX,
    PXAT,
    SET_OPTIONS,
    XX,
    deadline_ms,
    parse_options,
)
from pyredis_cluster.config.events import NOTIFY_GENERIC, NOTIFY_STRING
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group, Handler
from pyredis_cluster.execution.keyspec import (
    ACCESS,
    DELETE,
    INSERT,
    OW,
    RO,
    RW,
    UPDATE,
    VARIABLE_FLAGS,
    KeyFlag,
    KeyRange,
)
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.protocol.errors import SYNTAX_ERROR
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


def _flags_of_set(argv: list[bytes]) -> KeyFlag:
    if any(word.lower() == b"get" for word in argv[3:]):
        return RW | ACCESS | UPDATE
    return OW | UPDATE


@strings.command(
    "SET",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=KeyRange(
        1,
        flags=RW | ACCESS | UPDATE | VARIABLE_FLAGS,
        notes="RW and ACCESS due to the optional `GET` argument",
    ),
    key_flags_of=_flags_of_set,
    syntax="key value [NX | XX]@2.6.12 [GET@6.2.0] [EX seconds@2.6.12 | PX milliseconds@2.6.12 | EXAT "
    "unix-time-seconds@6.2.0 | PXAT unix-time-milliseconds@6.2.0 | KEEPTTL@6.0.0]",
    summary="Sets a key to a string, whatever it was before.",
    history=(
        ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
        ("6.0.0", "Added the `KEEPTTL` option."),
        ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
        ("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
    ),
)
def set_(call: Call, argv: list[bytes]) -> Reply:
    """SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]

    `OK`; nil where NX or XX forbade it; with GET the old value or nil.
    """
    if len(argv) != 3:
        return _set_with_options(call, argv)
    key = argv[1]
    db = call.db
    old = db.values.get(key)
    if old.__class__ is String and key not in db.expires:
        # Overwriting in place saves an object and the upkeep of the indexes.
        keyspace = db.keyspace
        if keyspace.on_write is None:
            old.lru = keyspace.lru_clock
        else:
            keyspace.on_write(db, key, old)
        old.data = argv[2]
    else:
        db.put(key, String(argv[2]))
    db.changed(key, NOTIFY_STRING, b"set")
    return OK


def _set_with_options(call: Call, argv: list[bytes]) -> Reply:
    flags, time = parse_options(argv, 3, SET_OPTIONS)
    when_ms = None if time is None else deadline_ms(call, time, flags, "set")
    db = call.db
    key = argv[1]
    reply: Reply = OK
    if flags & GET:
        old = db.read(key, String)
        reply = None if old is None else old.data
    if flags & (NX | XX):
        is_there = db.write_any(key) is not None
        if is_there if flags & NX else not is_there:
            return reply if flags & GET else None
    _store(call, key, argv[2], when_ms, keep_ttl=bool(flags & KEEPTTL))
    if db.keyspace.propagate is None:
        return reply
    if when_ms is not None:
        if not flags & PXAT:
            call.propagate(b"SET", key, argv[2], b"PXAT", b"%d" % when_ms)
    elif flags & GET:
        call.propagate(*argv[:3], *[word for word in argv[3:] if word.lower() != b"get"])
    return reply


def _store(
    call: Call, key: bytes, data: bytes, when_ms: int | None = None, *, keep_ttl: bool = False
) -> None:
    """Set `key` to a string, with its expiry time if any, and tell `set` and `expire`."""
    db = call.db
    kept_ms = db.expires.get(key) if keep_ttl else None
    if kept_ms is not None and kept_ms <= call.now_ms:
        kept_ms = None
    db.put(key, String(data))
    if kept_ms is not None:
        db.set_expire(key, kept_ms)
    db.changed(key, NOTIFY_STRING, b"set")
    if when_ms is not None:
        db.set_expire(key, when_ms)
        db.notify(key, NOTIFY_GENERIC, b"expire")


@strings.command(
    "SETNX",
    arity=3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=OW | INSERT),
    syntax="key value",
    summary="Sets a key to a string if it does not exist.",
    deprecated_since="2.6.12",
    replaced_by="`SET` with the `NX` argument",
)
def setnx(call: Call, argv: list[bytes]) -> Reply:
    """SETNX key value

    1 if it was set, 0 if the key exists already.
    """
    if call.db.write_any(argv[1]) is not None:
        return 0
    _store(call, argv[1], argv[2])
    return 1


@strings.command(
    "SETEX",
    arity=4,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, flags=OW | UPDATE),
    since="2.0.0",
    syntax="key seconds value",
    summary="Sets a key to a string that expires after some seconds.",
    deprecated_since="2.6.12",
    replaced_by="`SET` with the `EX` argument",
)
def setex(call: Call, argv: list[bytes]) -> Reply:
    """SETEX key seconds value

    `OK`. Raises an error for a time that is no positive integer.
    """
    return _set_expiring(call, argv, EX, "setex")


@strings.command(
    "PSETEX",
    arity=4,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, flags=OW | UPDATE),
    since="2.6.0",
    syntax="key milliseconds value",
    summary="Sets a key to a string that expires after some milliseconds.",
    deprecated_since="2.6.12",
    replaced_by="`SET` with the `PX` argument",
)
def psetex(call: Call, argv: list[bytes]) -> Reply:
    """PSETEX key milliseconds value

    `OK`. Raises an error for a time that is no positive integer.
    """
    return _set_expiring(call, argv, PX, "psetex")


def _set_expiring(call: Call, argv: list[bytes], unit: int, command: str) -> Reply:
    key = argv[1]
    when_ms = deadline_ms(call, argv[2], unit, command)
    _store(call, key, argv[3], when_ms)
    call.propagate(b"SET", key, argv[3], b"PXAT", b"%d" % when_ms)
    return OK


@strings.command(
    "GETSET",
    arity=3,
    flags=WRITE | DENYOOM | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE),
    syntax="key value",
    summary="Sets a key to a string and returns the one it held.",
    deprecated_since="6.2.0",
    replaced_by="`SET` with the `!GET` argument",
)
def getset(call: Call, argv: list[bytes]) -> Reply:
    """GETSET key value

    The old value, or nil.
    """
    key = argv[1]
    old = call.db.read(key, String)
    reply = None if old is None else old.data
    _store(call, key, argv[2])
    call.propagate(b"SET", key, argv[2])
    return reply


@strings.command(
    "GETDEL",
    arity=2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | DELETE),
    since="6.2.0",
    syntax="key",
    summary="Returns the string at a key and deletes the key.",
)
def getdel(call: Call, argv: list[bytes]) -> Reply:
    """GETDEL key

    The value, or nil.
    """
    key = argv[1]
    db = call.db
    value = db.read(key, String)
    if value is None:
        return None
    db.discard(key)
    db.changed(key, NOTIFY_GENERIC, b"del")
    call.propagate(b"DEL", key)
    return value.data


@strings.command(
    "GETEX",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE, notes="RW and UPDATE because it changes the TTL"),
    since="6.2.0",
    syntax="key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | "
    "PERSIST]",
    summary="Returns the string at a key and changes when the key expires.",
)
def getex(call: Call, argv: list[bytes]) -> Reply:
    """GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]

    The value, or nil. A time in the past deletes the key.
    """
    flags, time = parse_options(argv, 2, GETEX_OPTIONS)
    key = argv[1]
    db = call.db
    value = db.read(key, String)
    if value is None:
        return None
    if time is not None:
        when_ms = deadline_ms(call, time, flags, "getex")
        if when_ms <= call.now_ms and db.keyspace.expires_on_access:
            db.discard(key)
            db.changed(key, NOTIFY_GENERIC, b"del")
            call.propagate(b"DEL", key)
        else:
            db.set_expire(key, when_ms)
            db.changed(key, NOTIFY_GENERIC, b"expire")
            call.propagate(b"PEXPIREAT", key, b"%d" % when_ms)
    elif flags & PERSIST and db.remove_expire(key):
        db.changed(key, NOTIFY_GENERIC, b"persist")
        call.propagate(b"PERSIST", key)
    return value.data


def _without_nx_get(handler: Handler) -> Handler:
    """SET of 6.2, where NX and GET exclude each other."""

    def run(call: Call, argv: list[bytes]) -> Reply:
        if len(argv) > 4:
            words = [word.lower() for word in argv[3:]]
            if b"nx" in words and b"get" in words:
                raise SYNTAX_ERROR
        return handler(call, argv)

    return run


strings.before("7.0.0", "SET", wrap=_without_nx_get)
strings.before("7.0.0", "SET", "SETEX", "PSETEX", "GETEX", wrap=EXPIRE_TEXT_OF_6_2)
