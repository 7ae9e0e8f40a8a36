"""Commands of several strings at once."""

from __future__ import annotations

from pyredis_cluster.commands.strings import strings
from pyredis_cluster.config.events import NOTIFY_STRING
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE
from pyredis_cluster.execution.keyspec import ACCESS, INSERT, OW, RO, UPDATE, KeyRange
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.protocol.errors import wrong_arity
from pyredis_cluster.protocol.reply import OK, Reply


@strings.command(
    "MGET",
    arity=-2,
    flags=READONLY | FAST,
    keys=KeyRange(1, last=-1, flags=RO | ACCESS),
    tips=("request_policy:multi_shard",),
    syntax="key [key ...]",
    summary="Returns the strings at several keys.",
    complexity="O(N) where N is the number of keys to retrieve.",
)
def mget(call: Call, argv: list[bytes]) -> Reply:
    """MGET key [key ...]

    An array of values in order, nil for a key that is missing or holds no string.
    """
    db = call.db
    keyspace = db.keyspace
    values, expires, read_any = db.values, db.expires, db.read_any
    lru_clock = keyspace.lru_clock
    is_plain = keyspace.touch_lfu is None
    found: list[Reply] = []
    append = found.append
    hits = 0
    words = iter(argv)
    next(words)
    for key in words:
        value = values.get(key)
        if value.__class__ is String and is_plain and key not in expires:
            # As Database.read, which is the same for one key.
            hits += 1
            value.lru = lru_clock
            append(value.data)
        else:
            value = read_any(key)
            append(value.data if value.__class__ is String else None)
    keyspace.hits += hits
    return found


@strings.command(
    "MSET",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, last=-1, step=2, flags=OW | UPDATE),
    since="1.0.1",
    tips=("request_policy:multi_shard", "response_policy:all_succeeded"),
    syntax="key value [key value ...]",
    summary="Sets several keys to strings, whatever they were before.",
    complexity="O(N) where N is the number of keys to set.",
)
def mset(call: Call, argv: list[bytes]) -> Reply:
    """MSET key value [key value ...]

    `OK`. Raises a wrong-arity error where the last key has no value.
    """
    _set_all(call, argv, "mset")
    return OK


@strings.command(
    "MSETNX",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=KeyRange(1, last=-1, step=2, flags=OW | INSERT),
    since="1.0.1",
    syntax="key value [key value ...]",
    summary="Sets several keys to strings, unless one of them exists.",
    complexity="O(N) where N is the number of keys to set.",
)
def msetnx(call: Call, argv: list[bytes]) -> Reply:
    """MSETNX key value [key value ...]

    1 if all were set, 0 if a key exists and nothing was. Raises a wrong-arity error where the last key has no
    value.
    """
    if len(argv) % 2 == 0:
        raise wrong_arity("msetnx")
    write_any = call.db.write_any
    for index in range(1, len(argv), 2):
        if write_any(argv[index]) is not None:
            return 0
    _set_all(call, argv, "msetnx")
    return 1


def _set_all(call: Call, argv: list[bytes], command: str) -> None:
    if len(argv) % 2 == 0:
        raise wrong_arity(command)
    db = call.db
    keyspace = db.keyspace
    values, expires, put = db.values, db.expires, db.put
    in_place = keyspace.on_write is None
    lru_clock = keyspace.lru_clock
    words = iter(argv)
    next(words)
    for key in words:
        old = values.get(key)
        if old.__class__ is String and in_place and key not in expires:
            # As in SET, which is the same for one key.
            old.data = next(words)
            old.lru = lru_clock
        else:
            put(key, String(next(words)))
        if keyspace.observer is not None:
            keyspace.observer(db, key, NOTIFY_STRING, b"set")
    keyspace.dirty += len(argv) // 2


strings.before("7.2.0", "MSETNX", tips=("request_policy:multi_shard", "response_policy:agg_min"))
strings.before("7.0.0", "MSET", "MSETNX", wrap=reworded(r"for '\w+' command$", "for MSET"))
