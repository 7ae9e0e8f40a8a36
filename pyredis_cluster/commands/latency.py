"""LATENCY: spikes that were recorded, and how long commands take."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, NOSCRIPT, STALE, Category, CommandFlag, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.latency_doctor import diagnose
from pyredis_cluster.execution.sparkline import draw
from pyredis_cluster.execution.table import Entry, bucket_end_us
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply, Verbatim

latency = Group("server")

_FLAGS: CommandFlag = ADMIN | NOSCRIPT | LOADING | STALE
_OF_ONE_NODE = ("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")
_GRAPH_COLUMNS = 80
_GRAPH_ROWS = 4

latency.container("LATENCY", since="2.8.13", summary="Groups the commands that find out what is slow.")
latency.before(
    "7.0.0",
    "LATENCY",
    adds=ADMIN | NOSCRIPT | LOADING | STALE,
    categories=Category.ADMIN | Category.SLOW | Category.DANGEROUS,
)


@latency.command(
    "LATENCY HISTORY",
    arity=3,
    flags=_FLAGS,
    since="2.8.13",
    syntax="event",
    summary="Answers the recorded spikes of an event.",
    tips=_OF_ONE_NODE,
)
def latency_history(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY HISTORY event

    An array of [unix time, milliseconds], oldest first; empty where nothing was recorded.
    """
    series = call.server.latency.events.get(argv[2])
    return [] if series is None else list(series.samples)


@latency.command(
    "LATENCY LATEST",
    arity=2,
    flags=_FLAGS,
    since="2.8.13",
    summary="Answers the latest spike of every event.",
    tips=_OF_ONE_NODE,
)
def latency_latest(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY LATEST

    An array of [event, unix time, milliseconds, worst milliseconds ever].
    """
    events = call.server.latency.events
    return [[event, *series.samples[-1], series.max_ms] for event, series in events.items()]


@latency.command(
    "LATENCY RESET",
    arity=-2,
    flags=_FLAGS,
    since="2.8.13",
    syntax="[event [event ...]]",
    summary="Forgets the spikes of some events, or of all.",
    tips=("request_policy:all_nodes", "response_policy:agg_sum"),
)
def latency_reset(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY RESET [event ...]

    The number of events whose spikes were forgotten.
    """
    monitor = call.server.latency
    if len(argv) == 2:
        return monitor.reset()
    return sum(monitor.reset(event) for event in argv[2:])


@latency.command(
    "LATENCY GRAPH",
    arity=3,
    flags=_FLAGS,
    since="2.8.13",
    syntax="event",
    summary="Draws the spikes of an event.",
    tips=_OF_ONE_NODE,
)
def latency_graph(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY GRAPH event

    A verbatim string: a title, and columns labelled with the age of each spike. Raises an error where
    nothing was recorded.
    """
    series = call.server.latency.events.get(argv[2])
    if series is None:
        raise CommandError(b"ERR No samples available for event '%b'" % argv[2].partition(b"\0")[0])
    now_s = call.now_ms // 1000
    values = [latency_ms for _, latency_ms in series.samples]
    labels = [_age(now_s - time_s) for time_s, _ in series.samples]
    name = argv[2].decode("utf-8", "surrogateescape")
    title = f"{name} - high {max(values)} ms, low {min(values)} ms (all time high {series.max_ms} ms)\n"
    graph = draw(values, labels, columns=_GRAPH_COLUMNS, rows=_GRAPH_ROWS)
    return Verbatim((title + "-" * _GRAPH_COLUMNS + "\n" + graph).encode("utf-8", "surrogateescape"))


@latency.command(
    "LATENCY DOCTOR",
    arity=2,
    flags=_FLAGS,
    since="2.8.13",
    summary="Explains the recorded spikes and advises on them.",
    tips=_OF_ONE_NODE,
)
def latency_doctor(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY DOCTOR

    A verbatim string for people to read.
    """
    return Verbatim(diagnose(call.server.latency, call.server.config))


@latency.command(
    "LATENCY HISTOGRAM",
    arity=-2,
    flags=_FLAGS,
    since="7.0.0",
    complexity="O(N) where N is the number of commands with latency information being retrieved.",
    syntax="[command [command ...]]",
    summary="Answers how the times of commands are distributed.",
    tips=_OF_ONE_NODE,
)
def latency_histogram(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY HISTOGRAM [command ...]

    A map from command to its number of calls, and a map from microseconds to the number of calls that took
    at most so long. Commands that were never called, or do not exist, are left out.
    """
    if not call.server.config.flag("latency-tracking"):
        return {}
    table = call.server.table
    if len(argv) == 2:
        entries = table.all_entries()
    else:
        entries = []
        for name in argv[2:]:
            entry = table.find(name.split(b"|", 1))
            if entry is not None and (b"|" not in name or b"|" in entry.command.name.encode()):
                entries += [entry, *entry.subcommands.values()]
    return {entry.command.name: _distribution(entry) for entry in entries if entry.calls}


@latency.command(
    "LATENCY HELP", arity=2, flags=LOADING | STALE, since="2.8.13", summary="Lists the subcommands."
)
def latency_help(call: Call, argv: list[bytes]) -> Reply:
    """LATENCY HELP

    An array of status lines.
    """
    return help_lines(argv[0], _HELP)


def _distribution(entry: Entry) -> dict[str, Reply]:
    total = 0
    cumulative: dict[int, int] = {}
    for place, count in enumerate(entry.latency_buckets):
        if count:
            total += count
            cumulative[int(bucket_end_us(place))] = total
    return {"calls": entry.calls, "histogram_usec": cumulative}


def _age(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m"
    if seconds < 86400:
        return f"{seconds // 3600}h"
    return f"{seconds // 86400}d"


_HELP = """
DOCTOR
    Return a human readable latency analysis report.
GRAPH <event>
    Return an ASCII latency graph for the <event> class.
HISTORY <event>
    Return time-latency samples for the <event> class.
LATEST
    Return the latest latency samples for all events.
RESET [<event> ...]
    Reset latency data of one or more <event> classes.
    (default: reset all data for all event classes)
HISTOGRAM [COMMAND ...]
    Return a cumulative distribution of latencies in the format of a histogram for the \
specified command names.
    If no commands are specified then all histograms are replied.
"""


latency.before("7.2.0", "LATENCY RESET", tips=("request_policy:all_nodes", "response_policy:all_succeeded"))
