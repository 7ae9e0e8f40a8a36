"""Commands of keys of any type. Expiry, SCAN and KEYS, SORT and OBJECT have modules of their own."""

from __future__ import annotations

from pyredis_cluster.commands.database_index import database_at, database_index
from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import DENYOOM, FAST, READONLY, WRITE, Category, Group
from pyredis_cluster.execution.keyspec import ACCESS, DELETE, INSERT, OW, RM, RO, RW, UPDATE, KeyRange
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import NO_SUCH_KEY, SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.reply import OK, Reply, Status

generic = Group("generic", Category.KEYSPACE)

_SAME_OBJECT = CommandError("ERR source and destination objects are the same")
_COPY_IN_CLUSTER = CommandError("ERR Copying to another database is not allowed in cluster mode")
_MOVE_IN_CLUSTER = CommandError("ERR MOVE is not allowed in cluster mode")
_SUM_OVER_SHARDS = ("request_policy:multi_shard", "response_policy:agg_sum")
_NO_TYPE = Status(b"none")


@generic.command(
    "DEL",
    arity=-2,
    flags=WRITE,
    keys=KeyRange(1, last=-1, flags=RM | DELETE),
    tips=_SUM_OVER_SHARDS,
    syntax="key [key ...]",
    summary="Deletes keys.",
    complexity="O(N) where N is the number of keys that will be removed. When a key to remove holds a value "
    "other than a string, the individual complexity for this key is O(M) where M is the number of elements "
    "in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
)
def del_(call: Call, argv: list[bytes]) -> Reply:
    """DEL key [key ...]

    How many keys there were.
    """
    db = call.db
    deleted = 0
    for index in range(1, len(argv)):
        key = argv[index]
        if key in db.expires:
            db.expire_if_due(key)
        if db.discard(key) is not None:
            db.changed(key, NOTIFY_GENERIC, b"del")
            deleted += 1
    return deleted


@generic.command(
    "UNLINK",
    arity=-2,
    flags=WRITE | FAST,
    keys=KeyRange(1, last=-1, flags=RM | DELETE),
    since="4.0.0",
    tips=_SUM_OVER_SHARDS,
    syntax="key [key ...]",
    summary="Deletes keys; their memory is freed later.",
    complexity="O(1) for each key removed regardless of its size. Then the command does O(N) work in a "
    "different thread in order to reclaim memory, where N is the number of allocations the deleted objects "
    "where composed of.",
)
def unlink(call: Call, argv: list[bytes]) -> Reply:
    """UNLINK key [key ...]

    How many keys there were.
    """
    return del_(call, argv)


@generic.command(
    "EXISTS",
    arity=-2,
    flags=READONLY | FAST,
    keys=KeyRange(1, last=-1, flags=RO),
    tips=_SUM_OVER_SHARDS,
    syntax="key [key ...]",
    summary="Tells how many of the keys exist.",
    complexity="O(N) where N is the number of keys to check.",
    history=(("3.0.3", "Accepts multiple `key` arguments."),),
)
def exists(call: Call, argv: list[bytes]) -> Reply:
    """EXISTS key [key ...]

    How many of the keys there are, one given twice counting twice.
    """
    look = call.db.look
    return sum([look(argv[index]) is not None for index in range(1, len(argv))])


@generic.command(
    "TOUCH",
    arity=-2,
    flags=READONLY | FAST,
    keys=KeyRange(1, last=-1, flags=RO),
    since="3.2.1",
    tips=_SUM_OVER_SHARDS,
    syntax="key [key ...]",
    summary="Tells how many of the keys exist, and counts as an access to each.",
    complexity="O(N) where N is the number of keys that will be touched.",
)
def touch(call: Call, argv: list[bytes]) -> Reply:
    """TOUCH key [key ...]

    How many of the keys there are.
    """
    read_any = call.db.read_any
    return sum([read_any(argv[index]) is not None for index in range(1, len(argv))])


@generic.command(
    "TYPE",
    arity=2,
    flags=READONLY | FAST,
    keys=KeyRange(1, flags=RO),
    syntax="key",
    summary="Tells the type of the value at a key.",
)
def type_(call: Call, argv: list[bytes]) -> Reply:
    """TYPE key

    The name of the type as a simple string, `none` where there is no such key.
    """
    value = call.db.look(argv[1])
    return _NO_TYPE if value is None else Status(value.type_name)


@generic.command(
    "RENAME",
    arity=3,
    flags=WRITE,
    keys=(KeyRange(1, flags=RW | ACCESS | DELETE), KeyRange(2, flags=OW | UPDATE)),
    syntax="key newkey",
    summary="Renames a key; what the new name held is lost.",
)
def rename(call: Call, argv: list[bytes]) -> Reply:
    """RENAME key newkey

    `OK`. Raises NO_SUCH_KEY.
    """
    source = _source_of_rename(call, argv)
    if argv[1] != argv[2]:
        _rename(call, argv, source)
    return OK


@generic.command(
    "RENAMENX",
    arity=3,
    flags=WRITE | FAST,
    keys=(KeyRange(1, flags=RW | ACCESS | DELETE), KeyRange(2, flags=OW | INSERT)),
    syntax="key newkey",
    summary="Renames a key unless the new name exists.",
    history=(
        ("3.2.0", "The command no longer returns an error when source and destination names are the same."),
    ),
)
def renamenx(call: Call, argv: list[bytes]) -> Reply:
    """RENAMENX key newkey

    1, or 0 where the new name exists. Raises NO_SUCH_KEY.
    """
    source = _source_of_rename(call, argv)
    if argv[1] == argv[2] or call.db.write_any(argv[2]) is not None:
        return 0
    _rename(call, argv, source)
    return 1


def _source_of_rename(call: Call, argv: list[bytes]) -> Value:
    value = call.db.write_any(argv[1])
    if value is None:
        raise NO_SUCH_KEY
    return value


def _rename(call: Call, argv: list[bytes], value: Value) -> None:
    db = call.db
    source, destination = argv[1], argv[2]
    when_ms = db.expires.get(source)
    db.peek(destination)
    db.discard(destination)
    db.add(destination, value)
    if when_ms is not None:
        db.set_expire(destination, when_ms)
    db.discard(source)
    db.changed(source, NOTIFY_GENERIC, b"rename_from")
    db.notify(destination, NOTIFY_GENERIC, b"rename_to")


@generic.command(
    "MOVE",
    arity=3,
    flags=WRITE | FAST,
    keys=KeyRange(1, flags=RW | ACCESS | UPDATE),
    syntax="key db",
    summary="Moves a key to another database.",
)
def move(call: Call, argv: list[bytes]) -> Reply:
    """MOVE key db

    1; 0 where the key is not here, or is already there. Raises an error for a database that does not exist or
    is the selected one, and in cluster mode.
    """
    if call.server.cluster is not None:
        raise _MOVE_IN_CLUSTER
    target = database_at(call.keyspace, database_index(argv[2]))
    db = call.db
    if target is db:
        raise _SAME_OBJECT
    key = argv[1]
    value = db.write_any(key)
    if value is None or target.write_any(key) is not None:
        return 0
    when_ms = db.expires.get(key)
    db.discard(key)
    target.add(key, value)
    if when_ms is not None:
        target.set_expire(key, when_ms)
    db.changed(key, NOTIFY_GENERIC, b"move_from")
    target.notify(key, NOTIFY_GENERIC, b"move_to")
    return 1


@generic.command(
    "COPY",
    arity=-3,
    flags=WRITE | DENYOOM,
    keys=(KeyRange(1, flags=RO | ACCESS), KeyRange(2, flags=OW | UPDATE)),
    since="6.2.0",
    syntax="source destination [DB destination-db] [REPLACE]",
    summary="Copies the value of a key, and its expiry, to another key.",
    complexity="O(N) worst case for collections, where N is the number of nested items. O(1) for string "
    "values.",
)
def copy(call: Call, argv: list[bytes]) -> Reply:
    """COPY source destination [DB destination-db] [REPLACE]

    1; 0 where there is no source, or a destination without REPLACE. Raises an error where both are the same
    key, and in cluster mode for any database but the selected one.
    """
    db = target = call.db
    may_replace = False
    index = 3
    while index < len(argv):
        option = argv[index].lower()
        if option == b"replace":
            may_replace = True
        elif option == b"db" and index + 1 < len(argv):
            index += 1
            target = database_at(call.keyspace, database_index(argv[index]))
        else:
            raise SYNTAX_ERROR
        index += 1
    if call.server.cluster is not None and target is not db:
        raise _COPY_IN_CLUSTER
    source, destination = argv[1], argv[2]
    if target is db and source == destination:
        raise _SAME_OBJECT
    value = db.read_any(source)
    if value is None:
        return 0
    if target.write_any(destination) is not None:
        if not may_replace:
            return 0
        target.discard(destination)
    target.add(destination, value.copy())
    when_ms = db.expires.get(source)
    if when_ms is not None:
        target.set_expire(destination, when_ms)
    target.changed(destination, NOTIFY_GENERIC, b"copy_to")
    return 1
