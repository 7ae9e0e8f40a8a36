"""Directives that act within a server: what each sets, at start and whenever CONFIG SET changes it.

Those that act on sockets, files or the process are the shell's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution.eviction import time_limit_ns

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

_LEAST_EXPIRY_SHARE = 0.25
_EXPIRY_SHARE_STEP = 0.02
"""Of all time, what the expiry cycle may take at effort 1, and how much more at each further one."""

_ENCODING_LIMITS = (
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "list-max-listpack-size",
    "set-max-intset-entries",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
)


def follow_configuration(server: ServerState) -> None:
    """Put the configuration of `server` into effect, now and after each change."""
    config = server.config

    def follow(hook: Callable[[], None], *names: str) -> None:
        for name in names:
            config.on_change(name, hook)
        hook()

    def limit_encodings() -> None:
        limits = server.keyspace.limits
        for name in _ENCODING_LIMITS:
            setattr(limits, name.replace("-", "_"), config.integer(name))

    def limit_strings() -> None:
        server.max_bulk_bytes = config.integer("proto-max-bulk-len")

    def notify_events() -> None:
        server.notify_flags = config.integer("notify-keyspace-events")
        server.observers_changed()

    def expire() -> None:
        share = _LEAST_EXPIRY_SHARE + _EXPIRY_SHARE_STEP * (config.integer("active-expire-effort") - 1)
        server.expiry_budget_ns = int(share * 1e9 / max(config.integer("hz"), 1))

    def limit_memory() -> None:
        server.eviction.set_limit(config.integer("maxmemory"))

    def choose_victims() -> None:
        evictor = server.eviction.evictor
        evictor.policy = policy = config.text("maxmemory-policy")
        evictor.samples = config.integer("maxmemory-samples")
        server.eviction.time_limit_ns = time_limit_ns(config.integer("maxmemory-eviction-tenacity"))
        keyspace = server.keyspace
        keyspace.set_frequencies(policy.endswith("lfu"))
        keyspace.frequency.log_factor = config.integer("lfu-log-factor")
        keyspace.frequency.decay_time_min = config.integer("lfu-decay-time")

    follow(expire, "active-expire-effort", "hz")
    follow(limit_memory, "maxmemory")
    follow(
        choose_victims,
        "maxmemory-policy",
        "maxmemory-samples",
        "maxmemory-eviction-tenacity",
        "lfu-log-factor",
        "lfu-decay-time",
    )
    follow(limit_encodings, *_ENCODING_LIMITS)
    follow(limit_strings, "proto-max-bulk-len")
    follow(notify_events, "notify-keyspace-events")
