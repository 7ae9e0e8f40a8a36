"""MEMORY: what keys and the server use."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import LOADING, READONLY, STALE, Category, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.execution.keyspec import RO, KeyRange
from pyredis_cluster.execution.memory_report import MemoryReport, key_bytes, look
from pyredis_cluster.protocol.errors import SYNTAX_ERROR
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import OK, Reply, Verbatim

memory = Group("server")

_DEFAULT_SAMPLES = 5
_ALL_SHARDS = ("nondeterministic_output", "request_policy:all_shards", "response_policy:special")
_SMALL_BYTES = 5 << 20
_MUCH_BYTES = 10 << 20
_LARGE_CLIENT_BYTES = 200 << 10

memory.container("MEMORY", since="4.0.0", summary="Groups the commands that find out what uses memory.")
memory.before(
    "7.0.0",
    "MEMORY",
    adds=READONLY,
    categories=Category.READ | Category.SLOW,
    tips=("nondeterministic_output",),
)


@memory.command(
    "MEMORY USAGE",
    arity=-3,
    flags=READONLY,
    keys=KeyRange(2, flags=RO),
    since="4.0.0",
    complexity="O(N) where N is the number of samples.",
    syntax="key [SAMPLES count]",
    summary="Estimates what a key uses.",
)
def memory_usage(call: Call, argv: list[bytes]) -> Reply:
    """MEMORY USAGE key [SAMPLES count]

    Bytes of the key with its value, nil where there is none; the elements of a container are averaged over
    `count` of them, 5 unless said otherwise; 0 means all. Raises an error for a negative count.
    """
    samples = _DEFAULT_SAMPLES
    for at in range(3, len(argv), 2):
        if argv[at].lower() != b"samples" or at + 1 == len(argv):
            raise SYNTAX_ERROR
        samples = integer(argv[at + 1])
        if samples < 0:
            raise SYNTAX_ERROR
    return key_bytes(call.db, argv[2], samples)


@memory.command(
    "MEMORY STATS",
    arity=2,
    since="4.0.0",
    summary="Tells what the server uses memory for.",
    tips=_ALL_SHARDS,
)
def memory_stats(call: Call, argv: list[bytes]) -> Reply:
    """MEMORY STATS

    A map of figures, in bytes unless their name says otherwise; one of maps for each database with keys.
    """
    report = look(call.server, call.server.host.information())
    return {
        "peak.allocated": report.peak,
        "total.allocated": report.used,
        "startup.allocated": report.startup,
        "replication.backlog": report.replication.backlog,
        "clients.slaves": report.replication.replicas,
        "clients.normal": report.clients,
        "cluster.links": report.cluster_links,
        "aof.buffer": 0,
        "lua.caches": 0,
        "functions.caches": 0,
        **_databases(report),
        "overhead.total": report.overhead,
        "keys.count": report.key_count,
        "keys.bytes-per-key": report.bytes_per_key,
        "dataset.bytes": report.dataset,
        "dataset.percentage": report.dataset_percentage,
        "peak.percentage": report.peak_percentage,
        "allocator.allocated": report.used,
        "allocator.active": report.rss,
        "allocator.resident": report.rss,
        "allocator-fragmentation.ratio": report.fragmentation,
        "allocator-fragmentation.bytes": report.fragmentation_bytes,
        "allocator-rss.ratio": 1.0,
        "allocator-rss.bytes": 0,
        "rss-overhead.ratio": 1.0,
        "rss-overhead.bytes": 0,
        "fragmentation": report.fragmentation,
        "fragmentation.bytes": report.fragmentation_bytes,
    }


def _databases(report: MemoryReport) -> dict[str, Reply]:
    return {
        f"db.{index}": {
            "overhead.hashtable.main": overhead.main,
            "overhead.hashtable.expires": overhead.expires,
            "overhead.hashtable.slot-to-keys": overhead.slot_to_keys,
        }
        for index, overhead in report.databases.items()
    }


@memory.command(
    "MEMORY DOCTOR",
    arity=2,
    since="4.0.0",
    summary="Explains what is unusual about the memory of the server.",
    tips=_ALL_SHARDS,
)
def memory_doctor(call: Call, argv: list[bytes]) -> Reply:
    """MEMORY DOCTOR

    A verbatim string for people to read.
    """
    report = look(call.server, call.server.host.information())
    if report.used < _SMALL_BYTES:
        return Verbatim(_EMPTY)
    found = []
    if report.peak / report.used > 1.5:
        found.append(_PEAK)
    if report.fragmentation > 1.4 and report.fragmentation_bytes > _MUCH_BYTES:
        found.append(_RSS)
    if report.clients // max(len(call.server.sessions), 1) > _LARGE_CLIENT_BYTES:
        found.append(_CLIENTS)
    if not found:
        return Verbatim(_HEALTHY)
    return Verbatim(_ISSUES + "".join(f" * {issue}\n\n" for issue in found) + _FAREWELL)


@memory.command(
    "MEMORY MALLOC-STATS",
    arity=2,
    since="4.0.0",
    complexity="Depends on how much memory is allocated, could be slow",
    summary="Answers the allocator's own report, where it has one.",
    tips=_ALL_SHARDS,
)
def memory_malloc_stats(call: Call, argv: list[bytes]) -> Reply:
    """MEMORY MALLOC-STATS

    A bulk string that says that there is none: only jemalloc has one.
    """
    return b"Stats not supported for the current allocator"


@memory.command(
    "MEMORY PURGE",
    arity=2,
    since="4.0.0",
    complexity="Depends on how much memory is allocated, could be slow",
    summary="Asks the allocator to give back what it keeps.",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)
def memory_purge(call: Call, argv: list[bytes]) -> Reply:
    """MEMORY PURGE

    `OK`. Only jemalloc keeps anything that it could be asked for.
    """
    return OK


@memory.command(
    "MEMORY HELP", arity=2, flags=LOADING | STALE, since="4.0.0", summary="Lists the subcommands."
)
def memory_help(call: Call, argv: list[bytes]) -> Reply:
    """MEMORY HELP

    An array of status lines.
    """
    return help_lines(argv[0], _HELP)


_EMPTY = (
    "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in "
    "these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I "
    "will be back to our programming as soon as I finished rebooting.\n"
)
_HEALTHY = (
    "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this "
    "base.\n"
)
_ISSUES = "Sam, I detected a few issues in this Redis instance memory implants:\n\n"
_FAREWELL = "I'm here to keep you safe, Sam. I want to help you.\n"
_PEAK = (
    "Peak memory: the data once took more than 150% of what it takes now. What was taken then is not given "
    "back at once, but new data will use it."
)
_RSS = (
    "High total RSS: the process takes more than 1.4 times the memory that its data accounts for. A peak in "
    "the past is one reason; the overhead of many small keys and values in this server is another."
)
_CLIENTS = (
    "Big client buffers: clients take more than 200K each on average. They read too slowly, subscribe to "
    "more than they can take, or send very long pipelines; CLIENT LIST shows which."
)

_HELP = """
DOCTOR
    Return memory problems reports.
MALLOC-STATS
    Return internal statistics report from the memory allocator.
PURGE
    Attempt to purge dirty pages for reclamation by the allocator.
STATS
    Return information about the memory usage of the server.
USAGE <key> [SAMPLES <count>]
    Return memory in bytes used by <key> and its value. Nested values are
    sampled up to <count> times (default: 5, 0 means sample all).
"""
