"""What replicas and primaries say to each other, and ROLE.

A link begins as a client of the primary: REPLCONF introduces the replica, PSYNC turns the connection into one
that gets the stream. From then on it is answered nothing.
"""

from __future__ import annotations

from pyredis_cluster.commands.server import server
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    ADMIN,
    ALLOW_BUSY,
    FAST,
    LOADING,
    NO_ASYNC_LOADING,
    NO_MULTI,
    NOSCRIPT,
    STALE,
    Category,
)
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError, out_of_bounds
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import NO_REPLY, OK, Reply
from pyredis_cluster.protocol.words import UnbalancedQuotes, split_words
from pyredis_cluster.replication.primary import Replica

_HOST_MAX_CHARACTERS = 255
_BAD_RDB_ONLY = out_of_bounds(0, 1)
_NOT_HERE = CommandError("ERR this server does not replicate")
_NO_FILTER = CommandError("ERR Missing rdb-filter-only values")


@server.command(
    "PSYNC",
    arity=-3,
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    since="2.8.0",
    complexity="",
    syntax="replicationid offset:integer",
    summary="Begins replication, or goes on with it.",
)
def psync(call: Call, argv: list[bytes]) -> Reply:
    """PSYNC replicationid offset [FAILOVER]

    No reply of its own: `+CONTINUE`, and the stream from byte number `offset` on; or, later, `+FULLRESYNC`
    and all data. Raises errors for a bad offset, and where this server cannot be replicated from now.
    """
    return _synchronise(call, argv)


@server.command(
    "SYNC",
    arity=1,
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    since="1.0.0",
    complexity="",
    summary="Begins replication as servers before 2.8 do.",
)
def sync(call: Call, argv: list[bytes]) -> Reply:
    """SYNC

    No reply: all data comes, then the stream. Raises errors where this server cannot be replicated from now.
    """
    return _synchronise(call, argv)


def _synchronise(call: Call, argv: list[bytes]) -> Reply:
    replicas = call.server.replicas
    if replicas is None:
        raise _NOT_HERE
    return replicas.synchronise(call.session, argv)


@server.command(
    "REPLCONF",
    arity=-1,
    flags=ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
    since="3.0.0",
    complexity="O(1)",
    summary="Tells the other side of a replication link something.",
    syscmd=True,
)
def replconf(call: Call, argv: list[bytes]) -> Reply:
    """REPLCONF <option value> [<option value> ...]

    `OK`; but nothing for ACK, which a replica tells its primary, and GETACK, by which a primary asks for it.
    Raises errors for a bad option or value; what came before it has taken effect.
    """
    if not len(argv) % 2:
        raise SYNTAX_ERROR
    replicas = call.server.replicas
    if replicas is None:
        raise _NOT_HERE
    for index in range(1, len(argv), 2):
        option = argv[index].lower()
        if option == b"ack":
            _acknowledge(call, argv[index + 1 :])
            return NO_REPLY
        if option == b"getack":
            if call.server.replication_roles is not None:
                call.server.replication_roles.acknowledge()
            return NO_REPLY
        _introduce(replicas.announce(call.session), option, argv[index], argv[index + 1])
    return OK


def _acknowledge(call: Call, words: list[bytes]) -> None:
    """ACK offset [FACK offset-on-disk]: what is no number is ignored, as is a client that is no replica."""
    aof_offset = None
    try:
        offset = integer(words[0])
        if len(words) > 2 and words[1].lower() == b"fack":
            aof_offset = integer(words[2])
    except CommandError:
        return
    if call.server.replicas is not None:
        call.server.replicas.acknowledged(call.session, offset, aof_offset)


def _introduce(replica: Replica, option: bytes, name: bytes, value: bytes) -> None:
    """Note what a replica says of itself. Raises CommandError."""
    if option == b"listening-port":
        replica.listening_port = integer(value)
    elif option == b"ip-address":
        if len(value) > _HOST_MAX_CHARACTERS:
            raise CommandError(
                f"ERR REPLCONF ip-address provided by replica instance is too long: {len(value)} bytes"
            )
        replica.ip_address = value.decode("utf-8", "replace")
    elif option == b"capa":
        capability = value.lower()
        replica.takes_eof_mark = replica.takes_eof_mark or capability == b"eof"
        replica.takes_new_id = replica.takes_new_id or capability == b"psync2"
    elif option == b"rdb-only":
        number = integer(value)
        if number not in (0, 1):
            raise _BAD_RDB_ONLY
        replica.wants_only_data = bool(number)
    elif option == b"rdb-filter-only":
        raise _refused_filter(value)
    else:
        raise CommandError(b"ERR Unrecognized REPLCONF option: %b" % name.partition(b"\0")[0])


def _refused_filter(value: bytes) -> CommandError:
    """Snapshots have all data or none: what a replica that wants part of it is told."""
    try:
        filters = split_words(value)
    except UnbalancedQuotes:
        return _NO_FILTER
    if not filters:
        # Nothing at all, which no replica wants.
        return CommandError("ERR Unsupported rdb-filter-only option: ")
    return CommandError(b"ERR Unsupported rdb-filter-only option: %b" % filters[0])


@server.command(
    "ROLE",
    arity=1,
    flags=NOSCRIPT | LOADING | STALE | FAST,
    categories=Category.ADMIN | Category.DANGEROUS,
    since="2.8.12",
    complexity="O(1)",
    summary="Tells whether this is a primary or a replica, and how far.",
)
def role(call: Call, argv: list[bytes]) -> Reply:
    """ROLE

    A primary: `master`, its offset, and for each replica that is online address, port and acknowledged
    offset. A replica: `slave`, host and port of its primary, the state of the link, and its offset or -1.
    """
    roles = call.server.replication_roles
    if roles is not None and roles.primary is not None:
        host, port = roles.primary
        return [b"slave", host.encode(), port, roles.link_state.encode(), roles.stream_offset]
    replicas: list[Reply] = [
        [replica.shown_host.encode(), b"%d" % replica.listening_port, b"%d" % replica.ack_offset]
        for replica in call.server.replicas or ()
        if replica.is_online
    ]
    return [b"master", call.server.replication.offset, replicas]


server.before("7.0.0", "ROLE", categories=Category.DANGEROUS | Category.FAST)
