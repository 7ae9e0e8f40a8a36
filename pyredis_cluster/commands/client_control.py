"""Subcommands of CLIENT that look at other clients, end them, wake them, or make them wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyredis_cluster.commands.clients import CONNECTION, clients
from pyredis_cluster.execution.authentication import DEFAULT_USER
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.client_line import client_line
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, STALE
from pyredis_cluster.execution.gate import GATE_REPLICA
from pyredis_cluster.execution.pubsub import is_subscribed
from pyredis_cluster.execution.session import Session
from pyredis_cluster.execution.timeouts import parse_milliseconds
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError, subcommand_syntax
from pyredis_cluster.protocol.numbers import INT64_MAX, integer, integer_between
from pyredis_cluster.protocol.reply import OK, Reply, Verbatim

_Filter = Callable[[Session], bool]

_FILTERS = (
    "[ID client-id@2.8.12] | [TYPE <NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | PUBSUB>]@2.8.12 | "
    "[USER username] | [ADDR addr~ip:port] | [LADDR laddr~ip:port@6.2.0] | [SKIPME skipme=<YES | NO>]"
)

_BAD_ID = CommandError("ERR Invalid client ID")
_ID_NOT_POSITIVE = CommandError("ERR client-id should be greater than 0")
_NO_SUCH_CLIENT = CommandError("ERR No such client")
_BAD_UNBLOCK_REASON = CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
_BAD_PAUSE_MODE = CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")


@clients.command(
    "CLIENT LIST",
    arity=-2,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="2.4.0",
    complexity="O(N) where N is the number of client connections",
    syntax="[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>]@5.0.0 [ID client-id [client-id ...]]@6.2.0",
    summary="Describes the connected clients.",
    tips=("nondeterministic_output",),
    history=(
        ("2.8.12", "Clients have a number, `id`."),
        ("5.0.0", "`TYPE` chooses clients."),
        ("6.0.0", "Shows the `user`."),
        ("6.2.0", "Shows `argv-mem`, `tot-mem`, `laddr` and `redir`; `ID` chooses clients."),
        ("7.0.0", "Shows `resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "Shows `ssub`."),
    ),
)
def client_list(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]

    A line of fields for each client. Raises a syntax error, and errors for a bad type or id.
    """
    sessions = call.server.sessions
    chosen: Iterable[Session] = sessions.values()
    option = argv[2].upper() if len(argv) > 3 else b""
    if option == b"TYPE" and len(argv) == 4:
        wanted = _type_filter(argv[3])
        chosen = filter(wanted, chosen)
    elif option == b"ID":
        ids = [integer(word, _BAD_ID) for word in argv[3:]]
        chosen = [sessions[number] for number in ids if number in sessions]
    elif len(argv) != 2:
        raise SYNTAX_ERROR
    return Verbatim(b"".join([client_line(session) + b"\n" for session in chosen]))


def _is_primary(session: Session) -> bool:
    roles = session.server.replication_roles
    return roles is not None and roles.session is session


def _type_filter(name: bytes) -> _Filter:
    """Clients of the type called `name`. Raises CommandError."""
    kind = name.lower()
    if kind == b"normal":
        return lambda session: not (session.gate & GATE_REPLICA or session.obeys or is_subscribed(session))
    if kind == b"pubsub":
        return lambda session: not session.gate & GATE_REPLICA and is_subscribed(session)
    if kind in (b"replica", b"slave"):
        return lambda session: bool(session.gate & GATE_REPLICA)
    if kind == b"master":
        return _is_primary
    raise CommandError(b"ERR Unknown client type '%b'" % name.partition(b"\0")[0])


@clients.command(
    "CLIENT KILL",
    arity=-3,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="2.4.0",
    complexity="O(N) where N is the number of client connections",
    syntax=f"filter=<old-format~ip:port@-2.8.12 | new-format=<{_FILTERS}> ...>",
    summary="Closes connections of clients.",
    history=(
        ("2.8.12", "Clients can be chosen by several filters."),
        ("2.8.12", "`ID` is a filter."),
        ("3.2.0", "`TYPE` knows `master`."),
        ("5.0.0", "`TYPE` knows `replica`, which is `slave` under another name."),
        ("6.2.0", "`LADDR` is a filter."),
    ),
)
def client_kill(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT KILL <ip:port | <filter value> [<filter value> ...]>

    With an address: `OK`, or an error where no client has it. With filters (ID, TYPE, USER, ADDR, LADDR,
    SKIPME): how many clients all of them fitted. A client that ends itself still gets the reply.
    """
    myself = call.session
    if len(argv) == 3:
        filters, skips_me = [_address_filter(argv[2])], False
    else:
        filters, skips_me = _parse_filters(argv)
    chosen = [
        session
        for session in call.server.sessions.values()
        if not (skips_me and session is myself) and all(fits(session) for fits in filters)
    ]
    for session in chosen:
        if session is myself:
            session.close(after_flush=True)
        else:
            session.close(after_flush=False)
            session.leave()
    if len(argv) > 3:
        return len(chosen)
    if not chosen:
        raise _NO_SUCH_CLIENT
    return OK


@clients.before("7.0.0", "CLIENT KILL", arity=-2)
def client_kill_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT KILL ip:port, or filters

    As later, but that anything may be the number of no client, and that no argument is a syntax error.
    """
    if len(argv) == 2:
        raise SYNTAX_ERROR
    for name, value in zip(argv[2::2], argv[3::2], strict=False):
        if name.lower() == b"id" and integer(value) <= 0:
            return 0
    return client_kill(call, argv)


def _parse_filters(argv: list[bytes]) -> tuple[list[_Filter], bool]:
    """The filters of CLIENT KILL, of each kind the last one given, and whether the caller is left alone."""
    skips_me = True
    filters: dict[bytes, _Filter] = {}
    for index in range(2, len(argv), 2):
        option = argv[index].upper()
        if index + 1 == len(argv):
            raise SYNTAX_ERROR
        value = argv[index + 1]
        if option == b"SKIPME":
            if value.upper() not in (b"YES", b"NO"):
                raise SYNTAX_ERROR
            skips_me = value.upper() == b"YES"
        else:
            filters[option] = _filter(option, value)
    return list(filters.values()), skips_me


def _filter(option: bytes, value: bytes) -> _Filter:
    if option == b"ID":
        number = integer_between(value, 1, INT64_MAX, _ID_NOT_POSITIVE)
        return lambda session: session.id == number
    if option == b"TYPE":
        return _type_filter(value)
    if option == b"ADDR":
        return _address_filter(value)
    if option == b"LADDR":
        return lambda session: session.local_address.encode() == value
    if option == b"USER":
        if value != DEFAULT_USER:
            raise CommandError(b"ERR No such user '%b'" % value.partition(b"\0")[0])
        return lambda session: session.user == value
    raise SYNTAX_ERROR


def _address_filter(address: bytes) -> _Filter:
    return lambda session: session.address.encode() == address


@clients.command(
    "CLIENT UNBLOCK",
    arity=-3,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="5.0.0",
    complexity="O(log N) where N is the number of client connections",
    syntax="client-id [TIMEOUT | ERROR]",
    summary="Ends the wait of a client that is blocked.",
)
def client_unblock(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT UNBLOCK client-id [TIMEOUT | ERROR]

    1 if the client was blocked, else 0. It gets the reply of a timeout, or UNBLOCKED.
    """
    if len(argv) > 4:
        raise subcommand_syntax(argv)
    reason = argv[3].upper() if len(argv) == 4 else b"TIMEOUT"
    if reason not in (b"TIMEOUT", b"ERROR"):
        raise _BAD_UNBLOCK_REASON
    session = call.server.sessions.get(integer(argv[2]))
    if session is None:
        return 0
    return int(call.server.blocking.unblock(session, with_error=reason == b"ERROR"))


@clients.command(
    "CLIENT PAUSE",
    arity=-3,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="3.0.0",
    syntax="timeout:integer [WRITE | ALL]@6.2.0",
    summary="Has the requests of all clients wait.",
    history=(("6.2.0", "`WRITE` has only those wait that write."),),
)
def client_pause(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT PAUSE timeout [WRITE | ALL]

    `OK`. Raises errors for a bad timeout, in milliseconds, or mode.
    """
    if len(argv) > 4:
        raise subcommand_syntax(argv)
    mode = argv[3].upper() if len(argv) == 4 else b"ALL"
    if mode not in (b"WRITE", b"ALL"):
        raise _BAD_PAUSE_MODE
    duration_ms = parse_milliseconds(argv[2], call.now_ms)
    call.server.pauses.pause(duration_ms, all_commands=mode == b"ALL")
    return OK


@clients.command(
    "CLIENT UNPAUSE",
    arity=2,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="6.2.0",
    complexity="O(N) Where N is the number of paused clients",
    summary="Has the requests go on that CLIENT PAUSE made wait.",
)
def client_unpause(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT UNPAUSE

    `OK`.
    """
    call.server.pauses.unpause()
    return OK
