"""Commands about the connection itself."""

from __future__ import annotations

from pyredis_cluster.commands.database_index import database_at, database_index
from pyredis_cluster.execution.authentication import DEFAULT_USER
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    ALLOW_BUSY,
    FAST,
    LOADING,
    NO_AUTH,
    NOSCRIPT,
    STALE,
    Category,
    Group,
)
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.execution.pubsub import is_subscribed, update_gate
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError, wrong_arity
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import OK, PONG, Reply, Status

connection = Group("connection", Category.CONNECTION)

RESET = Status(b"RESET")

_BAD_VERSION = CommandError("ERR Protocol version is not an integer or out of range")
_UNKNOWN_VERSION = CommandError("NOPROTO unsupported protocol version")
_NO_PASSWORD = CommandError(
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?"
)
_HELLO_WITHOUT_AUTH = CommandError(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at "
    "the same time"
)
_BAD_NAME = CommandError("ERR Client names cannot contain spaces, newlines or special characters.")


@connection.command(
    "AUTH",
    arity=-2,
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    complexity="O(N) where N is the number of passwords defined for the user",
    syntax="[username@6.0.0] password",
    summary="Authenticates the client.",
    history=(("6.0.0", "A user can be named before the password."),),
)
def auth(call: Call, argv: list[bytes]) -> Reply:
    """AUTH [username] password

    `OK`. Raises WRONGPASS, and an error for a password alone where the default user needs none.
    """
    if len(argv) > 3:
        raise SYNTAX_ERROR
    authentication = call.server.authentication
    if len(argv) == 2 and authentication.needs_no_password:
        raise _NO_PASSWORD
    user = argv[1] if len(argv) == 3 else DEFAULT_USER
    authentication.log_in(call.session, user, argv[-1])
    return OK


@connection.command(
    "HELLO",
    arity=-1,
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    since="6.0.0",
    syntax="arguments=[protover [AUTH username password] [SETNAME clientname]]",
    summary="Chooses the protocol version, and tells about the server.",
    history=(("6.2.0", "Without arguments it tells about the connection as it is."),),
)
def hello(call: Call, argv: list[bytes]) -> Reply:
    """HELLO [protover [AUTH username password] [SETNAME clientname]]

    A map: server, version, proto, id, mode, role (but of a sentinel), modules. Raises NOPROTO for any
    version but 2 and 3, WRONGPASS, and NOAUTH unless authenticated; nothing has changed then, but for the
    authentication.
    """
    session = call.session
    version = integer(argv[1], _BAD_VERSION) if len(argv) > 1 else session.resp
    if version not in (2, 3):
        raise _UNKNOWN_VERSION
    user, password, name = _hello_options(argv)
    if user is not None and password is not None:
        call.server.authentication.log_in(session, user, password)
    if not session.is_authenticated:
        raise _HELLO_WITHOUT_AUTH
    if name is not None:
        session.name = name
    session.resp = version
    config = call.server.config
    role = {} if config.is_sentinel else {b"role": b"master" if config.replica_of is None else b"replica"}
    return {
        b"server": b"redis",
        b"version": config.release,
        b"proto": version,
        b"id": session.id,
        b"mode": config.mode,
        **role,
        b"modules": [],
    }


connection.before("7.2.0", "HELLO", wrap=reworded("the HELLO <proto> AUTH", "the HELLO AUTH"))


def _hello_options(argv: list[bytes]) -> tuple[bytes | None, bytes | None, bytes | None]:
    user = password = name = None
    index = 2
    while index < len(argv):
        option = argv[index].upper()
        following = len(argv) - 1 - index
        if option == b"AUTH" and following >= 2:
            user, password = argv[index + 1], argv[index + 2]
            index += 3
        elif option == b"SETNAME" and following:
            name = client_name(argv[index + 1])
            index += 2
        else:
            shown = argv[index].partition(b"\0")[0]
            raise CommandError(b"ERR Syntax error in HELLO option '%b'" % shown)
    return user, password, name


def client_name(name: bytes) -> bytes:
    """`name`, if a client may be called so. Raises an error otherwise."""
    if not is_plain_word(name):
        raise _BAD_NAME
    return name


def is_plain_word(text: bytes) -> bool:
    """Whether `text`, up to a NUL, can be a value in CLIENT LIST: printable ASCII without blanks."""
    return all(0x21 <= byte <= 0x7E for byte in text.partition(b"\0")[0])


@connection.command(
    "PING",
    arity=-1,
    flags=FAST,
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
    if session.gate and session.resp == 2 and is_subscribed(session):
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
    "QUIT",
    arity=-1,
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    summary="Closes the connection.",
    deprecated_since="7.2.0",
    replaced_by="just closing the connection",
)
def quit_(call: Call, argv: list[bytes]) -> Reply:
    """QUIT

    `OK`; the server then closes the connection.
    """
    call.session.close(after_flush=True)
    return OK


@connection.command(
    "RESET",
    arity=1,
    flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY,
    since="6.2.0",
    summary="Takes the connection back to the state of a new one.",
)
def reset(call: Call, argv: list[bytes]) -> Reply:
    """RESET

    `RESET`. The client is as one that has just connected, but for its library's name and version.
    """
    session = call.session
    server = call.server
    server.monitors.remove(session)
    call.db = call.keyspace.databases[0]
    session.resp = 2
    server.authentication.begin(session)
    if session.transaction is not None:
        session.transaction.discard()
    server.watches.unwatch(session)
    server.pubsub.leave(session)
    update_gate(session)
    session.reset_modes()
    return RESET


connection.before("7.0.0", "RESET", drops=NO_AUTH)
connection.before("7.0.0", "PING", adds=STALE)
connection.before("7.0.0", "ECHO", drops=LOADING | STALE)


@connection.command(
    "SELECT", arity=2, flags=LOADING | STALE | FAST, syntax="index", summary="Changes the selected database."
)
def select(call: Call, argv: list[bytes]) -> Reply:
    """SELECT index

    `OK`. Raises an error where there is no such database, or in cluster mode for any but 0.
    """
    index = database_index(argv[1])
    if index != 0 and call.server.config.flag("cluster-enabled"):
        raise CommandError("ERR SELECT is not allowed in cluster mode")
    call.db = database_at(call.keyspace, index)
    return OK


connection.before("7.0.0", "SELECT", categories=Category.KEYSPACE | Category.FAST)
