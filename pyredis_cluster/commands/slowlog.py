"""What operators watch a server with: SLOWLOG and MONITOR."""

from __future__ import annotations

from itertools import islice

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, STALE, Category, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.protocol.errors import CommandError, subcommand_syntax
from pyredis_cluster.protocol.numbers import INT64_MAX, integer, integer_between
from pyredis_cluster.protocol.reply import NO_REPLY, OK, Reply

slowlog = Group("server")

_BAD_COUNT = CommandError("ERR count should be greater than or equal to -1")

slowlog.container("SLOWLOG", since="2.2.12", summary="Shows the requests that took long.")
slowlog.before(
    "7.0.0",
    "SLOWLOG",
    adds=ADMIN | LOADING | STALE,
    categories=Category.ADMIN | Category.SLOW | Category.DANGEROUS,
    tips=("nondeterministic_output",),
)


@slowlog.command(
    "SLOWLOG GET",
    arity=-2,
    flags=ADMIN | LOADING | STALE,
    since="2.2.12",
    complexity="O(N) where N is the number of entries returned",
    syntax="[count]",
    summary="Returns the latest entries of the slow log.",
    tips=("request_policy:all_nodes", "nondeterministic_output"),
    history=(("4.0.0", "Entries have the client's address and name."),),
)
def slowlog_get(call: Call, argv: list[bytes]) -> Reply:
    """SLOWLOG GET [count]

    An array of entries, newest first: id, unix time, microseconds, arguments, client address, client name.
    Without a count at most 10; -1 means all. Raises an error for a count below -1.
    """
    if len(argv) > 3:
        raise subcommand_syntax(argv)
    count = integer_between(argv[2], -1, INT64_MAX, _BAD_COUNT) if len(argv) == 3 else 10
    entries = call.server.slowlog.entries
    shown = islice(entries, len(entries) if count < 0 else min(count, len(entries)))
    return [list(entry) for entry in shown]


@slowlog.before("7.0.0", "SLOWLOG GET")
def slowlog_get_of_6_2(call: Call, argv: list[bytes]) -> Reply:
    """SLOWLOG GET [count]

    As later, but that any negative count means all, and that no number has another error.
    """
    if len(argv) == 3 and integer(argv[2]) < -1:
        return slowlog_get(call, [*argv[:2], b"-1"])
    return slowlog_get(call, argv)


@slowlog.command(
    "SLOWLOG LEN",
    arity=2,
    flags=ADMIN | LOADING | STALE,
    since="2.2.12",
    summary="Counts the entries of the slow log.",
    tips=("request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"),
)
def slowlog_len(call: Call, argv: list[bytes]) -> Reply:
    """SLOWLOG LEN

    The number of entries.
    """
    return len(call.server.slowlog.entries)


@slowlog.command(
    "SLOWLOG RESET",
    arity=2,
    flags=ADMIN | LOADING | STALE,
    since="2.2.12",
    complexity="O(N) where N is the number of entries in the slowlog",
    summary="Empties the slow log.",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)
def slowlog_reset(call: Call, argv: list[bytes]) -> Reply:
    """SLOWLOG RESET

    `OK`.
    """
    call.server.slowlog.clear()
    return OK


@slowlog.command(
    "SLOWLOG HELP", arity=2, flags=LOADING | STALE, since="6.2.0", summary="Shows the subcommands of SLOWLOG."
)
def slowlog_help(call: Call, argv: list[bytes]) -> Reply:
    """SLOWLOG HELP

    Lines of text.
    """
    return help_lines(argv[0], _HELP)


_HELP = """
GET [<count>]
    Return top <count> entries from the slowlog (default: 10, -1 mean all).
    Entries are made of:
    id, timestamp, time in microseconds, arguments array, client IP and port,
    client name
LEN
    Return the length of the slowlog.
RESET
    Reset the slowlog.
"""


@slowlog.command(
    "MONITOR",
    arity=1,
    flags=ADMIN | NOSCRIPT | LOADING | STALE,
    complexity="",
    summary="Shows every request that the server runs from now on.",
)
def monitor(call: Call, argv: list[bytes]) -> Reply:
    """MONITOR

    `OK`, then a line for each request; nothing from a client that monitors already. Raises an error inside
    MULTI.
    """
    session = call.session
    if session.deny_blocking:
        raise CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client")
    if session.is_monitor:
        return NO_REPLY
    call.server.monitors.add(session)
    return OK
