"""Directives that take effect on sockets, log and process: at start, and when CONFIG SET changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.config.config import ApplyError
from pyredis_cluster.server.listeners import ListenError
from pyredis_cluster.server.process import raise_open_files

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


def watch_config(server: Server) -> None:
    """Put the configuration of `server` into effect, now and after each change."""
    config, clients, log = server.config, server.clients, server.log

    def apply_maxclients() -> None:
        clients.admission.max_clients = config.integer("maxclients")

    def apply_keepalive() -> None:
        clients.keepalive_s = config.integer("tcp-keepalive")

    def apply_query_limit() -> None:
        clients.query_limit_bytes = config.integer("client-query-buffer-limit")

    def apply_log_level() -> None:
        log.set_level(config.text("loglevel"))

    def apply_hz() -> None:
        server.cron.set_hz(config.integer("hz"))

    def refuse_maxclients() -> None:
        wanted = config.integer("maxclients")
        reached = raise_open_files(wanted, log)
        if reached < wanted:
            raise ApplyError(
                "The operating system is not able to handle the specified number of clients, try with "
                f"{reached}"
            )

    def rebind() -> None:
        try:
            server.listeners.reopen_tcp()
        except ListenError:
            raise ApplyError("Failed to bind to specified addresses.") from None

    def change_port() -> None:
        try:
            server.listeners.reopen_tcp()
        except ListenError:
            raise ApplyError("Unable to listen on this port. Check server logs.") from None

    now_and_later: dict[str, Callable[[], None]] = {
        "maxclients": apply_maxclients,
        "tcp-keepalive": apply_keepalive,
        "client-query-buffer-limit": apply_query_limit,
        "client-output-buffer-limit": clients.output_limits.reload,
        "proto-max-bulk-len": clients.limits_changed,
        "loglevel": apply_log_level,
        "hz": apply_hz,
    }
    config.on_change("maxclients", refuse_maxclients)
    for name, hook in now_and_later.items():
        hook()
        config.on_change(name, hook)
    config.on_change("port", change_port)
    config.on_change("bind", rebind)
