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

    def shutdown(self, *, save: bool | None, now: bool, force: bool) -> bool:
        """End now; see `Host.shutdown`. False where the server goes on instead, as data would be lost."""
        if self.is_requested or self.stopped.is_set():
            return True
        server = self._server
        server.log.notice("User requested shutdown...")
        if save and not force:
            server.log.warning("Snapshots are not supported, so nothing can be saved; can't exit.")
            server.log.warning("Errors trying to shut down the server. Check the logs for more information.")
            return False
        self.is_requested = True
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
        return True

    def _data(self) -> list[Mapping[bytes, object]]:
        return [database.values for database in self._server.state.keyspace.databases]

    def by_signal(self, name: str) -> bool:
        """End as `shutdown-on-sigint` or `shutdown-on-sigterm` says for signal `name`; see `shutdown`."""
        words = self._server.config.words(f"shutdown-on-{name.lower()}")
        save = True if "save" in words else False if "nosave" in words else None
        return self.shutdown(save=save, now="now" in words, force="force" in words)

    def abort(self) -> bool:
        """Call off a shutdown that waits; whether there was one. Nothing makes one wait yet."""
        return False
