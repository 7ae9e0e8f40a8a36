"""The server as a whole: its databases, the time, its role, its end."""

from __future__ import annotations

from pyredis_cluster.commands.database_index import INT32_MAX, INT32_MIN, database_at
from pyredis_cluster.commands.lolwut import maze, skyline
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    ADMIN,
    ALLOW_BUSY,
    FAST,
    LOADING,
    NO_MULTI,
    NOSCRIPT,
    READONLY,
    STALE,
    WRITE,
    Category,
    Group,
)
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.numbers import integer, integer_between
from pyredis_cluster.protocol.reply import OK, Reply, Verbatim

server = Group("server")

_ALL_SHARDS = ("request_policy:all_shards", "response_policy:all_succeeded")
_FLUSH_HISTORY = (
    ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
    ("6.2.0", "Added the `SYNC` flushing mode modifier."),
)
_SHUTDOWN_FAILED = CommandError("ERR Errors trying to SHUTDOWN. Check logs.")


@server.command(
    "DBSIZE",
    arity=1,
    flags=READONLY | FAST,
    categories=Category.KEYSPACE,
    summary="Counts the keys of the selected database.",
    tips=("request_policy:all_shards", "response_policy:agg_sum"),
)
def dbsize(call: Call, argv: list[bytes]) -> Reply:
    """DBSIZE

    The number of keys, those included that have expired but were not removed yet.
    """
    return len(call.db.values)


@server.command(
    "FLUSHDB",
    arity=-1,
    flags=WRITE,
    categories=Category.KEYSPACE | Category.DANGEROUS,
    complexity="O(N) where N is the number of keys in the selected database",
    syntax="[ASYNC@4.0.0 | SYNC@6.2.0]",
    summary="Removes all keys of the selected database.",
    history=_FLUSH_HISTORY,
    tips=_ALL_SHARDS,
)
def flushdb(call: Call, argv: list[bytes]) -> Reply:
    """FLUSHDB [ASYNC | SYNC]

    `OK`.
    """
    _flush(call, [call.db.index], _is_async(call, argv))
    return OK


@server.command(
    "FLUSHALL",
    arity=-1,
    flags=WRITE,
    categories=Category.KEYSPACE | Category.DANGEROUS,
    complexity="O(N) where N is the total number of keys in all databases",
    syntax="[ASYNC@4.0.0 | SYNC@6.2.0]",
    summary="Removes all keys of all databases.",
    history=_FLUSH_HISTORY,
    tips=_ALL_SHARDS,
)
def flushall(call: Call, argv: list[bytes]) -> Reply:
    """FLUSHALL [ASYNC | SYNC]

    `OK`.
    """
    _flush(call, range(len(call.keyspace.databases)), _is_async(call, argv))
    if call.server.persistence is not None:
        call.server.persistence.all_flushed()
    return OK


@server.command(
    "SWAPDB",
    arity=3,
    flags=WRITE | FAST,
    categories=Category.KEYSPACE | Category.DANGEROUS,
    since="4.0.0",
    complexity="O(N) where N is the count of clients watching or blocking on keys from both databases.",
    syntax="index1 index2",
    summary="Exchanges two databases.",
)
def swapdb(call: Call, argv: list[bytes]) -> Reply:
    """SWAPDB index1 index2

    `OK`; every client sees the other data at once. Raises an error where there is no such database, and in
    cluster mode.
    """
    if call.server.config.flag("cluster-enabled"):
        raise CommandError("ERR SWAPDB is not allowed in cluster mode")
    first_index = _database_index(argv[1], "first")
    second_index = _database_index(argv[2], "second")
    first, second = database_at(call.keyspace, first_index), database_at(call.keyspace, second_index)
    if first is not second:
        watches = call.server.watches
        watches.touch_database(first, replaced_by=second)
        watches.touch_database(second, replaced_by=first)
        first.swap_contents(second)
        call.server.blocking.signal_database(first_index)
        call.server.blocking.signal_database(second_index)
    call.keyspace.dirty += 1
    call.propagate_as_is()
    return OK


@server.command(
    "TIME",
    arity=1,
    flags=LOADING | STALE | FAST,
    since="2.6.0",
    summary="Answers the time of the server's clock.",
    tips=("nondeterministic_output",),
)
def time(call: Call, argv: list[bytes]) -> Reply:
    """TIME

    An array of two bulk strings: unix time in seconds, and the microseconds of the current second.
    """
    seconds, microseconds = divmod(call.server.clock.unix_ns() // 1000, 1_000_000)
    return [b"%d" % seconds, b"%d" % microseconds]


@server.command(
    "LOLWUT",
    arity=-1,
    flags=READONLY | FAST,
    since="5.0.0",
    complexity="",
    syntax="[VERSION version]",
    summary="Shows a picture and the version of the server.",
)
def lolwut(call: Call, argv: list[bytes]) -> Reply:
    """LOLWUT [VERSION version [number ...]]

    A verbatim string that ends in a line with the version. VERSION 5 takes columns and rows of a maze,
    VERSION 6 those of a skyline; others have no picture. Raises an error for what is no integer.
    """
    picture = ""
    if len(argv) >= 3 and argv[1].lower() == b"version":
        version = integer(argv[2])
        sizes = [integer(size) for size in argv[3:5]]
        if version == 5:
            picture = maze(call.server.random, *sizes)
        elif version == 6:
            picture = skyline(call.server.random, *sizes)
    return Verbatim(f"{picture}Redis ver. {call.server.config.release}\n")


@server.command(
    "SHUTDOWN",
    arity=-1,
    flags=ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
    complexity="O(N) when saving, where N is the total number of keys in all databases when saving data, "
    "otherwise O(1)",
    syntax="[NOSAVE | SAVE] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]",
    summary="Ends the server.",
    history=(("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers."),),
)
def shutdown(call: Call, argv: list[bytes]) -> Reply:
    """SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]

    No reply: the connection ends. With ABORT `OK`, or an error where no shutdown was under way. Raises an
    error where data was to be saved and could not be, unless FORCE is given.
    """
    words = {word.lower() for word in argv[1:]}
    abort = b"abort" in words
    if words - {b"nosave", b"save", b"now", b"force", b"abort"} or {b"save", b"nosave"} <= words:
        raise SYNTAX_ERROR
    if abort:
        if len(words) > 1:
            raise SYNTAX_ERROR
        if not call.server.host.abort_shutdown():
            raise CommandError("ERR No shutdown in progress.")
        return OK
    save = True if b"save" in words else False if b"nosave" in words else None
    if not call.server.host.shutdown(save=save, now=b"now" in words, force=b"force" in words):
        raise _SHUTDOWN_FAILED
    # The server may wait for its replicas first; should it go on after all, this client is told.
    return call.block([], 0, _SHUTDOWN_FAILED)


@server.before("7.0.0", "SHUTDOWN")
def shutdown_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """SHUTDOWN [NOSAVE | SAVE]

    As later, with no other word.
    """
    if len(argv) > 2 or any(word.lower() not in (b"save", b"nosave") for word in argv[1:]):
        raise SYNTAX_ERROR
    return shutdown(call, argv)


def _is_async(call: Call, argv: list[bytes]) -> bool:
    """Whether a flush is to free memory in the background. Raises an error for other words than it takes."""
    if len(argv) == 1:
        return call.server.config.flag("lazyfree-lazy-user-flush")
    word = argv[1].lower()
    if len(argv) > 2 or word not in (b"sync", b"async"):
        raise SYNTAX_ERROR
    return word == b"async"


def _flush(call: Call, indexes: range | list[int], is_async: bool) -> None:
    removed = 0
    for index in indexes:
        database = call.keyspace.databases[index]
        call.server.watches.touch_database(database)
        removed += database.clear()
    call.keyspace.dirty += removed
    if is_async:
        call.server.statistics.lazyfreed_objects += removed
    # A replica may have keys that this server has not.
    call.propagate_as_is()


def _database_index(text: bytes, which: str) -> int:
    error = CommandError(f"ERR invalid {which} DB index")
    return integer_between(text, INT32_MIN, INT32_MAX, error)
