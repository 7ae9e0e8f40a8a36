"""Commands about the connection itself."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import FAST, LOADING, STALE, Category, Group
from pyredis_cluster.protocol.errors import CommandError, wrong_arity
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import OK, PONG, Reply

connection = Group("connection", Category.CONNECTION)


@connection.command(
    "PING",
    arity=-1,
    flags=FAST,
    since="1.0.0",
    syntax="[message]",
    summary="Answers PONG, or the message.",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)
def ping(call: Call, argv: list[bytes]) -> Reply:
    """PING [message]

    `PONG`, or the message as a bulk string. A RESP2 subscriber gets an array: `pong` and the message.
    Raises a wrong-arity error for more than one message.
    """
    if len(argv) > 2:
        raise wrong_arity("ping")
    session = call.session
    if session.resp == 2 and (session.channels or session.patterns or session.shard_channels):
        return [b"pong", argv[1] if len(argv) == 2 else b""]
    return argv[1] if len(argv) == 2 else PONG


@connection.command(
    "ECHO", arity=2, flags=LOADING | STALE | FAST, syntax="message", summary="Answers the message."
)
def echo(call: Call, argv: list[bytes]) -> Reply:
    """ECHO message

    The message as a bulk string.
    """
    return argv[1]


@connection.command(
    "SELECT", arity=2, flags=LOADING | STALE | FAST, syntax="index", summary="Changes the selected database."
)
def select(call: Call, argv: list[bytes]) -> Reply:
    """SELECT index

    `OK`. Raises an error where there is no such database, or in cluster mode for any but 0.
    """
    index = integer(argv[1])
    if call.server.cluster is not None and index != 0:
        raise CommandError("ERR SELECT is not allowed in cluster mode")
    databases = call.keyspace.databases
    if not 0 <= index < len(databases):
        raise CommandError("ERR DB index is out of range")
    call.db = databases[index]
    return OK
