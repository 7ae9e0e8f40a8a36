"""Directives that act within a server: what each sets, at start and whenever CONFIG SET changes it.

Those that act on sockets, files or the process are the shell's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

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

    follow(limit_encodings, *_ENCODING_LIMITS)
    follow(limit_strings, "proto-max-bulk-len")
    follow(notify_events, "notify-keyspace-events")
