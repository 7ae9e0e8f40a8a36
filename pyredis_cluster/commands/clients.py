"""CLIENT and its subcommands: what a client says of itself, and how it is answered."""

from __future__ import annotations

from pyredis_cluster.commands.connection import client_name, is_plain_word
from pyredis_cluster.execution import gate
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.client_line import client_line
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, STALE, Category, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.reply import NO_REPLY, OK, Reply, Verbatim

clients = Group("connection")

CONNECTION = Category.CONNECTION
"""The container has no category of its own, its subcommands have."""

clients.container("CLIENT", since="2.4.0", summary="Shows and controls clients.")


@clients.command(
    "CLIENT ID",
    arity=2,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="5.0.0",
    summary="Returns the number of this client.",
)
def client_id(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT ID

    An integer; a later client has a greater one.
    """
    return call.session.id


@clients.command(
    "CLIENT INFO",
    arity=2,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="6.2.0",
    summary="Describes this client.",
    tips=("nondeterministic_output",),
)
def client_info(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT INFO

    The line of CLIENT LIST about this client.
    """
    return Verbatim(client_line(call.session) + b"\n")


@clients.command(
    "CLIENT GETNAME",
    arity=2,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="2.6.9",
    summary="Returns the name of this client.",
)
def client_getname(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT GETNAME

    The name, or null.
    """
    return call.session.name or None


@clients.command(
    "CLIENT SETNAME",
    arity=3,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="2.6.9",
    syntax="connection-name",
    summary="Names this client.",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)
def client_setname(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT SETNAME connection-name

    `OK`; an empty name takes the name away. Raises an error for blanks and characters beyond ASCII.
    """
    call.session.name = client_name(argv[2])
    return OK


@clients.command(
    "CLIENT SETINFO",
    arity=4,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="7.2.0",
    syntax="attr=<LIB-NAME libname | LIB-VER libver>",
    summary="Tells the server about the client's library.",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)
def client_setinfo(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>

    `OK`. Raises an error for another attribute, and for blanks and characters beyond ASCII.
    """
    attribute = argv[2].upper()
    shown = argv[2].partition(b"\0")[0]
    if attribute not in (b"LIB-NAME", b"LIB-VER"):
        raise CommandError(b"ERR Unrecognized option '%b'" % shown)
    if not is_plain_word(argv[3]):
        raise CommandError(b"ERR %b cannot contain spaces, newlines or special characters." % shown)
    if attribute == b"LIB-NAME":
        call.session.library_name = argv[3]
    else:
        call.session.library_version = argv[3]
    return OK


@clients.command(
    "CLIENT REPLY",
    arity=3,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="3.2.0",
    syntax="<ON | OFF | SKIP>",
    summary="Chooses whether requests of this client are answered.",
)
def client_reply(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT REPLY <ON | OFF | SKIP>

    `OK` for ON, nothing for OFF and SKIP: SKIP leaves out the next reply too. Raises a syntax error.
    """
    session = call.session
    mode = argv[2].upper()
    if mode == b"ON":
        session.set_reply_mode(off=False)
        return OK
    if mode == b"OFF":
        session.set_reply_mode(off=True)
    elif mode == b"SKIP":
        if not session.reply_off:
            session.set_reply_mode(off=False, skip_next=True)
    else:
        raise SYNTAX_ERROR
    return NO_REPLY


@clients.command(
    "CLIENT NO-EVICT",
    arity=3,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="7.0.0",
    syntax="<ON | OFF>",
    summary="Chooses whether this client may be closed for the memory it takes.",
)
def client_no_evict(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT NO-EVICT <ON | OFF>

    `OK`. Raises a syntax error.
    """
    call.session.no_evict = _on_or_off(argv[2])
    return OK


@clients.command(
    "CLIENT NO-TOUCH",
    arity=3,
    flags=NOSCRIPT | LOADING | STALE,
    categories=CONNECTION,
    since="7.2.0",
    syntax="<ON | OFF>",
    summary="Chooses whether requests of this client count as uses of the keys they name.",
)
def client_no_touch(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT NO-TOUCH <ON | OFF>

    `OK`. Raises a syntax error.
    """
    session = call.session
    session.no_touch = _on_or_off(argv[2])
    session.set_gate(gate.GATE_NO_TOUCH, session.no_touch)
    return OK


def _on_or_off(word: bytes) -> bool:
    mode = word.upper()
    if mode not in (b"ON", b"OFF"):
        raise SYNTAX_ERROR
    return mode == b"ON"


@clients.command(
    "CLIENT HELP",
    arity=2,
    flags=LOADING | STALE,
    categories=CONNECTION,
    since="5.0.0",
    summary="Shows the subcommands of CLIENT.",
)
def client_help(call: Call, argv: list[bytes]) -> Reply:
    """CLIENT HELP

    Lines of text.
    """
    return help_lines(argv[0], _HELP)


_HELP = """
GETNAME
    Return the name of the current connection.
ID
    Return the ID of the current connection.
INFO
    Return information about the current client connection.
KILL <ip:port>
    Kill connection made from <ip:port>.
KILL <option> <value> [<option> <value> [...]]
    Kill connections. Options are:
    * ADDR (<ip:port>|<unixsocket>:0)
      Kill connections made from the specified address
    * LADDR (<ip:port>|<unixsocket>:0)
      Kill connections made to specified local address
    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
      Kill connections by type.
    * USER <username>
      Kill connections authenticated by <username>.
    * SKIPME (YES|NO)
      Skip killing current connection (default: yes).
LIST [options ...]
    Return information about client connections. Options:
    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)
      Return clients of specified type.
UNPAUSE
    Stop the current client pause, resuming traffic.
PAUSE <timeout> [WRITE|ALL]
    Suspend all, or just write, clients for <timeout> milliseconds.
REPLY (ON|OFF|SKIP)
    Control the replies sent to the current connection.
SETNAME <name>
    Assign the name <name> to the current connection.
SETINFO <option> <value>
    Set client meta attr. Options are:
    * LIB-NAME: the client lib name.
    * LIB-VER: the client lib version.
UNBLOCK <clientid> [TIMEOUT|ERROR]
    Unblock the specified blocked client.
NO-EVICT (ON|OFF)
    Protect current client connection from eviction.
NO-TOUCH (ON|OFF)
    Will not touch LRU/LFU stats when this mode is on.
"""


clients.before("7.2.0", "CLIENT SETNAME", tips=())
clients.before(
    "7.0.0",
    "CLIENT",
    adds=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=Category.ADMIN | Category.SLOW | Category.DANGEROUS | CONNECTION,
    tips=("nondeterministic_output",),
)
