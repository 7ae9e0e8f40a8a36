"""The sections of INFO that count: Stats, Commandstats, Errorstats, Latencystats, Keyspace."""

from __future__ import annotations

from itertools import islice
from operator import add
from typing import TYPE_CHECKING

from pyredis_cluster.commands.info_fields import Facts, Fields
from pyredis_cluster.execution.table import bucket_end_us

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.table import Entry
    from pyredis_cluster.keyspace.database import Database

_TTL_SAMPLES = 100
_UNSAFE = str.maketrans("#:\n\r", "____")


def stats(server: ServerState, facts: Facts) -> Fields:
    """# Stats"""
    statistics = server.statistics
    metrics = server.metrics
    yield "total_connections_received", statistics.connections_received
    yield "total_commands_processed", server.table.total_calls()
    yield "instantaneous_ops_per_sec", int(metrics.commands.per_second)
    yield "total_net_input_bytes", statistics.all_input_bytes
    yield "total_net_output_bytes", statistics.all_output_bytes
    yield "total_net_repl_input_bytes", statistics.net_repl_input_bytes
    yield "total_net_repl_output_bytes", statistics.net_repl_output_bytes
    yield "instantaneous_input_kbps", f"{metrics.input_bytes.per_second / 1024:.2f}"
    yield "instantaneous_output_kbps", f"{metrics.output_bytes.per_second / 1024:.2f}"
    yield "instantaneous_input_repl_kbps", f"{metrics.replication_input_bytes.per_second / 1024:.2f}"
    yield "instantaneous_output_repl_kbps", f"{metrics.replication_output_bytes.per_second / 1024:.2f}"
    yield "rejected_connections", statistics.rejected_connections
    yield "sync_full", statistics.sync_full
    yield "sync_partial_ok", statistics.sync_partial_ok
    yield "sync_partial_err", statistics.sync_partial_err
    yield from _keys(server)
    yield "pubsub_channels", len(server.pubsub.channels)
    yield "pubsub_patterns", len(server.pubsub.patterns)
    yield "pubsubshard_channels", len(server.pubsub.shard_channels)
    yield from ((field, 0) for field in ("latest_fork_usec", "total_forks"))
    yield "migrate_cached_sockets", facts.get("migrate_cached_sockets", 0)
    yield "slave_expires_tracked_keys", len(server.local_expiry)
    yield from ((field, 0) for field in _NEVER)
    yield "unexpected_error_replies", statistics.unexpected_error_replies
    yield "total_error_replies", statistics.total_error_replies
    yield "dump_payload_sanitizations", 0
    yield "total_reads_processed", statistics.reads_processed
    yield "total_writes_processed", statistics.writes_processed
    yield from ((field, 0) for field in _NO_THREADS)
    yield "acl_access_denied_auth", statistics.acl_denied_auth
    yield from ((f"acl_access_denied_{what}", 0) for what in ("cmd", "key", "channel"))


def _keys(server: ServerState) -> Fields:
    space = server.keyspace
    yield "expired_keys", space.expired_keys
    yield "expired_stale_perc", f"{server.expiry.stale_percentage:.2f}"
    yield "expired_time_cap_reached_count", server.expiry.time_cap_reached_count
    yield "expire_cycle_cpu_milliseconds", server.expiry.elapsed_ns // 1_000_000
    yield "evicted_keys", space.evicted_keys
    yield "evicted_clients", server.statistics.evicted_clients
    yield "total_eviction_exceeded_time", server.eviction.exceeded_ns // 1_000_000
    yield "current_eviction_exceeded_time", server.eviction.currently_exceeded_ns // 1_000_000
    yield "keyspace_hits", space.hits
    yield "keyspace_misses", space.misses


_NEVER = (
    "active_defrag_hits",
    "active_defrag_misses",
    "active_defrag_key_hits",
    "active_defrag_key_misses",
    "total_active_defrag_time",
    "current_active_defrag_time",
    "tracking_total_keys",
    "tracking_total_items",
    "tracking_total_prefixes",
)
"""Of defragmentation and client-side caching, of which there is none."""

_NO_THREADS = (
    "io_threaded_reads_processed",
    "io_threaded_writes_processed",
    "reply_buffer_shrinks",
    "reply_buffer_expands",
    "eventloop_cycles",
    "eventloop_duration_sum",
    "eventloop_duration_cmd_sum",
    "instantaneous_eventloop_cycles_per_sec",
    "instantaneous_eventloop_duration_usec",
)
"""Of I/O threads, and of an event loop that is not the server's alone."""


def commandstats(server: ServerState, facts: Facts) -> Fields:
    """# Commandstats: commands that were called or refused."""
    # Before 7.0 subcommands count as calls of their container, whose name they have then.
    sums: dict[str, tuple[int, int, int, int]] = {}
    for entry in server.table.all_entries():
        counts = (entry.calls, entry.elapsed_ns, entry.rejected_calls, entry.failed_calls)
        name = entry.command.name
        sums[name] = tuple(map(add, sums[name], counts)) if name in sums else counts
    for name, (calls, elapsed_ns, rejected_calls, failed_calls) in sums.items():
        if calls or rejected_calls or failed_calls:
            microseconds = elapsed_ns // 1000
            per_call = microseconds / calls if calls else 0.0
            yield (
                f"cmdstat_{name}",
                f"calls={calls},usec={microseconds},usec_per_call={per_call:.2f},"
                f"rejected_calls={rejected_calls},failed_calls={failed_calls}",
            )


def errorstats(server: ServerState, facts: Facts) -> Fields:
    """# Errorstats: error codes, sorted."""
    for code, count in sorted(server.statistics.errors.items()):
        yield f"errorstat_{code.decode('utf-8', 'replace').translate(_UNSAFE)}", f"count={count}"


def latencystats(server: ServerState, facts: Facts) -> Fields:
    """# Latencystats: for each command that was called, the times that so many percent of its calls keep."""
    if not server.config.flag("latency-tracking"):
        return
    percentiles = server.config.latency_percentiles
    for entry in server.table.all_entries():
        if entry.calls:
            times = (f"p{_short(each)}={_percentile_us(entry, each):.3f}" for each in percentiles)
            yield f"latency_percentiles_usec_{entry.command.name}", ",".join(times)


def _percentile_us(entry: Entry, percentile: float) -> float:
    """The upper end of the bucket in which the percentile falls, in microseconds."""
    wanted = max(entry.calls * percentile / 100, 1)
    counted = 0
    for place, count in enumerate(entry.latency_buckets):
        counted += count
        if counted >= wanted:
            return bucket_end_us(place)
    return 0.0


def _short(number: float) -> str:
    return f"{number:f}".rstrip("0").rstrip(".")


def keyspace(server: ServerState, facts: Facts) -> Fields:
    """# Keyspace: databases that are not empty."""
    for database in server.keyspace.databases:
        if database.values:
            yield (
                f"db{database.index}",
                f"keys={len(database.values)},expires={len(database.expires)},avg_ttl={_average_ttl(database)}",
            )


def _average_ttl(database: Database) -> int:
    """Milliseconds to live, over a sample of the keys that expire; 0 where there are none."""
    now_ms = database.keyspace.now_ms
    left = [max(due_ms - now_ms, 0) for due_ms in islice(database.expires.values(), _TTL_SAMPLES)]
    return sum(left) // len(left) if left else 0
