"""The sections of INFO, each a function from server and facts of the process to fields in Redis's order."""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING

from pyredis_cluster.commands import info_memory, info_statistics
from pyredis_cluster.commands.info_fields import Facts, Fields, Section
from pyredis_cluster.execution.gate import GATE_ASYNC_LOADING, GATE_LOADING
from pyredis_cluster.execution.replication import is_replica
from pyredis_cluster.keyspace.keyspace import ACCESS_CLOCK_MASK
from pyredis_cluster.version import REDIS_VERSION, __version__

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

_BUILD_ID = sha1(f"{REDIS_VERSION} {__version__}".encode(), usedforsecurity=False).hexdigest()[:16]
_DAY_S = 86400
_NO_APPEND_ONLY_FILE = (
    ("aof_enabled", 0),
    ("aof_rewrite_in_progress", 0),
    ("aof_rewrite_scheduled", 0),
    ("aof_last_rewrite_time_sec", -1),
    ("aof_current_rewrite_time_sec", -1),
    ("aof_last_bgrewrite_status", "ok"),
    ("aof_rewrites", 0),
    ("aof_rewrites_consecutive_failures", 0),
    ("aof_last_write_status", "ok"),
    ("aof_last_cow_size", 0),
    ("module_fork_in_progress", 0),
    ("module_fork_last_cow_size", 0),
)


def server_(server: ServerState, facts: Facts) -> Fields:
    """# Server"""
    config = server.config
    uptime_s = (server.keyspace.now_ms - server.started_ms) // 1000
    yield "redis_version", config.release
    yield "redis_git_sha1", "00000000"
    yield "redis_git_dirty", 0
    yield "redis_build_id", _BUILD_ID
    yield "redis_mode", config.mode
    yield "os", facts.get("os", "")
    yield "arch_bits", facts.get("arch_bits", 64)
    yield "monotonic_clock", facts.get("monotonic_clock", "POSIX clock_gettime")
    yield "multiplexing_api", facts.get("multiplexing_api", "")
    # What Redis shows where no GNU compiler built it.
    yield "atomicvar_api", "none"
    yield "gcc_version", "0.0.0"
    yield "process_id", facts.get("process_id", 0)
    yield "process_supervised", facts.get("process_supervised", "no")
    yield "run_id", server.run_id
    yield "tcp_port", facts.get("tcp_port", config.integer("port"))
    yield "server_time_usec", server.clock.unix_ns() // 1000
    yield "uptime_in_seconds", uptime_s
    yield "uptime_in_days", uptime_s // _DAY_S
    yield "hz", config.integer("hz")
    yield "configured_hz", config.integer("hz")
    yield "lru_clock", server.keyspace.now_ms // 1000 & ACCESS_CLOCK_MASK
    yield "executable", facts.get("executable", "")
    yield "config_file", config.config_file
    yield "io_threads_active", 0
    if "shutdown_in_milliseconds" in facts:
        yield "shutdown_in_milliseconds", facts["shutdown_in_milliseconds"]
    for field, value in facts.items():
        if field.startswith("listener"):
            yield field, value


def clients(server: ServerState, facts: Facts) -> Fields:
    """# Clients"""
    sessions = server.sessions.values()
    blocking = server.blocking
    yield "connected_clients", len(sessions) - (len(server.replicas) if server.replicas is not None else 0)
    yield "cluster_connections", facts.get("cluster_connections", 0)
    yield "maxclients", server.config.integer("maxclients")
    inputs = (session.connection.input_bytes() for session in sessions)
    yield "client_recent_max_input_buffer", max(inputs, default=0)
    outputs = (session.connection.output_bytes() for session in sessions)
    yield "client_recent_max_output_buffer", max(outputs, default=0)
    yield "blocked_clients", len(blocking.sessions)
    yield "tracking_clients", 0
    yield "clients_in_timeout_table", blocking.timed_count
    yield "total_blocking_keys", len(blocking.waiting)
    yield "total_blocking_keys_on_nokey", 0


def persistence(server: ServerState, facts: Facts) -> Fields:
    """# Persistence; there is no child whose memory could be counted."""
    yield "loading", int(bool(server.gate & GATE_LOADING))
    yield "async_loading", int(bool(server.gate & GATE_ASYNC_LOADING))
    yield "current_cow_peak", 0
    yield "current_cow_size", 0
    yield "current_cow_size_age", 0
    yield "current_fork_perc", facts.get("current_fork_perc", "0.00")
    yield "current_save_keys_processed", facts.get("current_save_keys_processed", 0)
    yield "current_save_keys_total", facts.get("current_save_keys_total", 0)
    yield "rdb_changes_since_last_save", facts.get("rdb_changes_since_last_save", server.keyspace.dirty)
    yield "rdb_bgsave_in_progress", facts.get("rdb_bgsave_in_progress", 0)
    yield "rdb_last_save_time", facts.get("rdb_last_save_time", server.started_ms // 1000)
    yield "rdb_last_bgsave_status", facts.get("rdb_last_bgsave_status", "ok")
    yield "rdb_last_bgsave_time_sec", facts.get("rdb_last_bgsave_time_sec", -1)
    yield "rdb_current_bgsave_time_sec", facts.get("rdb_current_bgsave_time_sec", -1)
    yield "rdb_saves", server.statistics.rdb_saves
    yield "rdb_last_cow_size", 0
    yield "rdb_last_load_keys_expired", facts.get("rdb_last_load_keys_expired", 0)
    yield "rdb_last_load_keys_loaded", facts.get("rdb_last_load_keys_loaded", 0)
    yield from _NO_APPEND_ONLY_FILE if server.append_only is None else server.append_only.information()
    for field, value in facts.items():
        if field.startswith("loading_"):
            yield field, value


def replication(server: ServerState, facts: Facts) -> Fields:
    """# Replication"""
    config = server.config
    state = server.replication
    roles = server.replication_roles
    replicas = server.replicas
    now_ms = server.keyspace.now_ms
    yield "role", "slave" if is_replica(server) else "master"
    if roles is not None:
        yield from roles.info()
    yield "connected_slaves", len(replicas) if replicas is not None else 0
    if config.integer("min-replicas-to-write") and config.integer("min-replicas-max-lag"):
        yield "min_slaves_good_slaves", replicas.good_count if replicas is not None else 0
    for number, replica in enumerate(replicas or ()):
        yield (
            f"slave{number}",
            f"ip={replica.shown_host},port={replica.listening_port},state={replica.shown_state},"
            f"offset={replica.ack_offset},lag={replica.lag_s(now_ms)}",
        )
    yield "master_failover_state", roles.failover_state if roles is not None else "no-failover"
    yield "master_replid", state.replid
    yield "master_replid2", state.second_replid
    yield "master_repl_offset", state.offset
    yield "second_repl_offset", state.second_offset
    backlog = state.backlog
    yield "repl_backlog_active", int(backlog is not None)
    yield "repl_backlog_size", config.integer("repl-backlog-size")
    yield "repl_backlog_first_byte_offset", backlog.first_offset if backlog is not None else 0
    yield "repl_backlog_histlen", backlog.length if backlog is not None else 0


def cpu(server: ServerState, facts: Facts) -> Fields:
    """# CPU; the main thread's share only where the platform tells it."""
    for field in ("used_cpu_sys", "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children"):
        yield field, facts.get(field, "0.000000")
    for field in ("used_cpu_sys_main_thread", "used_cpu_user_main_thread"):
        if field in facts:
            yield field, facts[field]


def modules(server: ServerState, facts: Facts) -> Fields:
    """# Modules: there are none."""
    return ()


def cluster(server: ServerState, facts: Facts) -> Fields:
    """# Cluster"""
    yield "cluster_enabled", int(server.config.flag("cluster-enabled"))


SECTIONS: dict[str, Section] = {
    "Server": server_,
    "Clients": clients,
    "Memory": info_memory.memory,
    "Persistence": persistence,
    "Stats": info_statistics.stats,
    "Replication": replication,
    "CPU": cpu,
    "Modules": modules,
    "Commandstats": info_statistics.commandstats,
    "Errorstats": info_statistics.errorstats,
    "Latencystats": info_statistics.latencystats,
    "Cluster": cluster,
    "Keyspace": info_statistics.keyspace,
}
"""Title → function, in the order in which INFO shows them."""
