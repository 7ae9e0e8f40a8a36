"""How a server ends, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


class Stopping:
    """The end of one server: asked for by SHUTDOWN, a signal or the program that embeds it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.stopped = asyncio.Event()
        self.on_stop: list[Callable[[], None]] = []
        """Called once the server will end for certain, while its sockets are still open."""
        self.is_requested = False

    def shutdown(self, *, save: bool | None, now: bool, force: bool) -> None:
        """End now; see `Host.shutdown`."""
        if self.is_requested:
            return
        self.is_requested = True
        server = self._server
        server.log.notice("User requested shutdown...")
        if save is not False and server.config.save_points and any(map(len, self._data())):
            server.log.warning("Snapshots are not supported: the data set is lost.")
        for callback in self.on_stop:
            try:
                callback()
            except Exception as error:
                server.log.failure("Failure while shutting down", error)
        server.release()
        server.log.warning("Redis is now ready to exit, bye bye...")
        self.stopped.set()

    def _data(self) -> list[Mapping[bytes, object]]:
        return [database.values for database in self._server.state.keyspace.databases]

    def by_signal(self, name: str) -> None:
        """End as `shutdown-on-sigint` or `shutdown-on-sigterm` says for signal `name`."""
        words = self._server.config.words(f"shutdown-on-{name.lower()}")
        save = True if "save" in words else False if "nosave" in words else None
        self.shutdown(save=save, now="now" in words, force="force" in words)

    def abort(self) -> bool:
        """Call off a shutdown that waits; whether there was one. Nothing makes one wait yet."""
        return False
