"""DEBUG: for tests of servers and clients."""

from __future__ import annotations

import re
from collections.abc import Callable

from pyredis_cluster.commands.append_only import append_only_of
from pyredis_cluster.commands.object import refcount
from pyredis_cluster.commands.persistence import persistence_of
from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, PROTECTED, STALE, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.personality import reworded, with_full_doubles
from pyredis_cluster.keyspace.digest import keyspace_digest, value_digest
from pyredis_cluster.keyspace.keyspace import ACCESS_CLOCK_MASK
from pyredis_cluster.keyspace.serialized import serialized_bytes
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import MUST_BE_POSITIVE, NO_SUCH_KEY, CommandError, subcommand_syntax
from pyredis_cluster.protocol.numbers import INT64_MAX, integer_between
from pyredis_cluster.protocol.reply import (
    FALSE,
    OK,
    TRUE,
    Attributed,
    BigNumber,
    Push,
    Replies,
    Reply,
    SetReply,
    Status,
    Verbatim,
)

debug = Group("server")

_NUMBER_PREFIX = re.compile(rb"\s*[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)")
_INTEGER_PREFIX = re.compile(rb"\s*[+-]?\d{1,100}")
_SLEEP_MAX_S = 2**63 / 1_000_000
"""Redis counts microseconds in 64 bits, and does not sleep for what does not fit."""
_MAX_LONG = INT64_MAX
_PROTOCOL_TYPES = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"

_NOT_HERE = frozenset(
    {
        "aof-flush-sleep",
        "assert",
        "client-eviction",
        "clusterlink",
        "config-rewrite-force-all",
        "crash-and-recover",
        "drop-cluster-packet-filter",
        "htstats",
        "htstats-key",
        "leak",
        "listpack",
        "mallctl",
        "mallctl-str",
        "oom",
        "panic",
        "pause-cron",
        "quicklist",
        "quicklist-packed-threshold",
        "reload",
        "replybuffer",
        "restart",
        "sdslen",
        "segfault",
        "set-disable-deny-scripts",
        "set-skip-checksum-validation",
        "stringmatch-test",
        "structsize",
    }
)
"""Subcommands of Redis that would crash the server, or show or change what this one has not."""


@debug.command(
    "DEBUG",
    arity=-2,
    flags=ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED,
    complexity="Depends on subcommand.",
    summary="Groups the commands for tests.",
    syscmd=True,
)
def debug_(call: Call, argv: list[bytes]) -> Reply:
    """DEBUG subcommand [argument ...]

    See the functions of this module. Raises an error for an unknown subcommand, or one with other arguments
    than it takes, and for those of Redis that this server does not have.
    """
    name = argv[1].lower().decode("utf-8", "replace")
    subcommand = _SUBCOMMANDS.get(name)
    if subcommand is not None:
        least, most, run = subcommand
        if least <= len(argv) - 2 <= most:
            return run(call, argv)
    if name in _NOT_HERE:
        raise CommandError(f"ERR DEBUG {name.upper()} is not supported by this server")
    raise subcommand_syntax(argv)


debug.before("7.2.0", "DEBUG", wrap=with_full_doubles)
debug.before("7.0.0", "DEBUG", wrap=reworded("^ERR unknown subcommand or", "ERR Unknown subcommand or"))


def _sleep(call: Call, argv: list[bytes]) -> Reply:
    """SLEEP seconds: `OK` after the server did nothing for that long. What is no number counts as 0."""
    matched = _NUMBER_PREFIX.match(argv[2])
    seconds = float(matched[0]) if matched else 0.0
    if 0 < seconds < _SLEEP_MAX_S:
        server = call.server
        server.host.freeze(1000 * seconds)
        # Nobody can ask before the server goes on, so the time may be counted beforehand.
        elapsed_ns = int(seconds * 1_000_000_000)
        server.table.entries[b"debug"].elapsed_ns += elapsed_ns
        if elapsed_ns >= server.slow_ns:
            server.note_slow(call.session, argv, elapsed_ns)
    return OK


def _set_active_expire(call: Call, argv: list[bytes]) -> Reply:
    """SET-ACTIVE-EXPIRE 0|1: `OK`. With 0 expired keys are removed only when they are accessed."""
    matched = _INTEGER_PREFIX.match(argv[2])
    call.keyspace.active_expire_enabled = matched is not None and int(matched[0]) != 0
    return OK


def _digest(call: Call, argv: list[bytes]) -> Reply:
    """DIGEST: 40 hexadecimal digits as a status, equal for equal data."""
    return Status(keyspace_digest(call.keyspace).hex().encode())


def _digest_value(call: Call, argv: list[bytes]) -> Reply:
    """DIGEST-VALUE [key ...]: an array of such digests, one for the value of each key."""
    return [Status(value_digest(call.db, key).hex().encode()) for key in argv[2:]]


def _object(call: Call, argv: list[bytes]) -> Reply:
    """OBJECT key: a status that describes the value. Raises an error where there is no such key."""
    value = call.db.values.get(argv[2])
    if value is None:
        raise NO_SUCH_KEY
    idle_s = max(call.keyspace.lru_clock - value.lru, 0)
    text = (
        f"Value at:0x{id(value):012x} refcount:{refcount(call, value)} encoding:{value.encoding().decode()} "
        f"serializedlength:{serialized_bytes(value)} lru:{value.lru & ACCESS_CLOCK_MASK} "
        f"lru_seconds_idle:{idle_s}"
    )
    return Status((text + _quicklist(value)).encode())


def _quicklist(value: Value) -> str:
    if not isinstance(value, List) or value.quicklist is None:
        return ""
    nodes = value.quicklist.nodes
    return (
        f" ql_nodes:{len(nodes)} ql_avg_node:{len(value) / len(nodes):.2f} "
        f"ql_listpack_max:{value.quicklist.fill} ql_compressed:0 "
        f"ql_uncompressed_size:{sum(size for _, size in nodes)}"
    )


def _populate(call: Call, argv: list[bytes]) -> Reply:
    """POPULATE count [prefix [size]]: `OK`. Makes strings `prefix:0` and so on where there are none yet."""
    count = integer_between(argv[2], 0, _MAX_LONG, MUST_BE_POSITIVE)
    prefix = argv[3] if len(argv) > 3 else b"key"
    size = integer_between(argv[4], 0, _MAX_LONG, MUST_BE_POSITIVE) if len(argv) > 4 else 0
    db = call.db
    for number in range(count):
        key = b"%b:%d" % (prefix, number)
        if db.peek(key) is not None:
            continue
        data = b"value:%d" % number
        db.add(key, String(data[:size].ljust(size, b"\0") if size else data))
        # Replicas are to get nothing of it, so it does not count as a change.
        db.notify(key, NOTIFY_GENERIC, b"populate")
    call.propagate_nothing()
    return OK


def _change_repl_id(call: Call, argv: list[bytes]) -> Reply:
    """CHANGE-REPL-ID: `OK`. From now on the data belongs to another history."""
    server = call.server
    server.host.log.notice("Changing replication IDs after receiving DEBUG change-repl-id")
    server.replication.change_id(server.random)
    return OK


def _replicate(call: Call, argv: list[bytes]) -> Reply:
    """REPLICATE word [word ...]: `OK`. Replicas run that command, this server does not."""
    if call.server.replicas is not None:
        call.server.replicas.replicate(argv[2:])
    return OK


def _error(call: Call, argv: list[bytes]) -> Reply:
    """ERROR text: that text as an error reply."""
    raise CommandError(argv[2])


def _log(call: Call, argv: list[bytes]) -> Reply:
    """LOG message: `OK`, and the message is in the log at level warning."""
    call.server.host.log.warning(f"DEBUG LOG: {argv[2].decode('utf-8', 'surrogateescape')}")
    return OK


def _protocol(call: Call, argv: list[bytes]) -> Reply:
    """PROTOCOL type: a reply of that type. Raises an error for other words, and for a push in RESP2."""
    kind = argv[2].lower()
    if kind == b"push" and call.resp < 3:
        raise CommandError("ERR RESP2 is not supported by this command")
    if kind not in _SAMPLES:
        raise CommandError(
            f"ERR Wrong protocol type name. Please use one of the following: {_PROTOCOL_TYPES}"
        )
    return _SAMPLES[kind]


def _reload(call: Call, argv: list[bytes]) -> Reply:
    """RELOAD [MERGE] [NOFLUSH] [NOSAVE]: `OK`, all data having been saved, removed and loaded again.

    With MERGE keys that are still there take the value of the file. Raises an error for other words, and
    where the file cannot be written or read: part of the data is there then.
    """
    words = {word.upper() for word in argv[2:]}
    if not words <= {b"MERGE", b"NOFLUSH", b"NOSAVE"}:
        raise CommandError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
    persistence_of(call).reload(
        save=b"NOSAVE" not in words, flush=b"NOFLUSH" not in words, replaces=b"MERGE" in words
    )
    return OK


def _load_aof(call: Call, argv: list[bytes]) -> Reply:
    """LOADAOF [any ...]: `OK`, all data having been replaced by what the append-only file has.

    Raises an error where there is none, and where it cannot be loaded: part of the data is there then.
    """
    append_only_of(call).reload()
    return OK


def _help(call: Call, argv: list[bytes]) -> Reply:
    """HELP: an array of status lines."""
    return help_lines(argv[0], _HELP)


_SAMPLES: dict[bytes, Reply] = {
    b"string": b"Hello World",
    b"integer": 12345,
    b"double": 3.141,
    b"bignum": BigNumber(b"1234567999999999999999999999999999999"),
    b"null": None,
    b"array": [0, 1, 2],
    b"set": SetReply([0, 1, 2]),
    b"map": {0: FALSE, 1: TRUE, 2: FALSE},
    b"attrib": Attributed({b"key-popularity": [b"key:123", 90]}, b"Some real reply following the attribute"),
    # A push that comes up while a command runs is sent after its reply.
    b"push": Replies([b"Some real reply following the push reply", Push([b"server-cpu-usage", 42])]),
    b"verbatim": Verbatim(b"This is a verbatim\nstring"),
    b"true": TRUE,
    b"false": FALSE,
}

_ANY_NUMBER = 1 << 30
_SUBCOMMANDS: dict[str, tuple[int, int, Callable[[Call, list[bytes]], Reply]]] = {
    "change-repl-id": (0, 0, _change_repl_id),
    "digest": (0, 0, _digest),
    "digest-value": (0, _ANY_NUMBER, _digest_value),
    "error": (1, 1, _error),
    "help": (0, 0, _help),
    "loadaof": (0, _ANY_NUMBER, _load_aof),
    "log": (1, 1, _log),
    "object": (1, 1, _object),
    "populate": (1, 3, _populate),
    "protocol": (1, 1, _protocol),
    "reload": (0, _ANY_NUMBER, _reload),
    "replicate": (1, _ANY_NUMBER, _replicate),
    "set-active-expire": (1, 1, _set_active_expire),
    "sleep": (1, 1, _sleep),
}
"""Name → least and greatest number of arguments, and what runs it."""

_HELP = """
CHANGE-REPL-ID
    Change the replication IDs of the instance.
    Dangerous: should be used only for testing the replication subsystem.
DIGEST
    Output a hex signature representing the current DB content.
DIGEST-VALUE <key> [<key> ...]
    Output a hex signature of the values of all the specified keys.
ERROR <string>
    Return a Redis protocol error with <string> as message. Useful for clients
    unit tests to simulate Redis errors.
LOG <message>
    Write <message> to the server log.
LOADAOF
    Flush the AOF buffers on disk and reload the AOF in memory.
OBJECT <key>
    Show low level info about `key` and associated value.
POPULATE <count> [<prefix>] [<size>]
    Create <count> string keys named key:<num>. If <prefix> is specified then
    it is used instead of the 'key' prefix. These are not propagated to
    replicas. Cluster slots are not respected so keys not belonging to the
    current node can be created in cluster mode.
PROTOCOL <type>
    Reply with a test value of the specified type. <type> can be: string,
    integer, double, bignum, null, array, set, map, attrib, push, verbatim,
    true, false.
RELOAD [option ...]
    Save the RDB on disk and reload it back to memory. Valid <option> values:
    * MERGE: conflicting keys will be loaded from RDB.
    * NOFLUSH: the existing database will not be removed before load, but
      conflicting keys will generate an error.
    * NOSAVE: the database will be loaded from an existing RDB file.
    Examples:
    * DEBUG RELOAD: verify that the server is able to persist, flush and reload
      the database.
    * DEBUG RELOAD NOSAVE: replace the current database with the contents of an
      existing RDB file.
    * DEBUG RELOAD NOSAVE NOFLUSH MERGE: add the contents of an existing RDB
      file to the database.
REPLICATE <string>
    Replicates the provided string to replicas, allowing data divergence.
SET-ACTIVE-EXPIRE <0|1>
    Setting it to 0 disables expiring keys in background when they are not
    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the
    default.
SLEEP <seconds>
    Stop the server for <seconds>. Decimals allowed.
"""
