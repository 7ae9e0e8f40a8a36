"""How a server ends, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.server.shutdown_wait import ShutdownWait

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


class Stopping:
    """The end of one server: asked for by SHUTDOWN, a signal or the program that embeds it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.stopped = asyncio.Event()
        self.before_saving: list[Callable[[bool], bool]] = []
        """Called before the last snapshot, told whether the end is forced; False keeps the server."""
        self.on_stop: list[Callable[[], None]] = []
        """Called once the server will end for certain, while its sockets are still open."""
        self.is_requested = False
        self.exit_code = 0
        """What the program is to exit with."""
        self._wait = ShutdownWait(server)

    def shutdown(self, *, save: bool | None, now: bool, force: bool) -> bool:
        """End now; see `Host.shutdown`. False where the server goes on instead, as data would be lost."""
        if self.is_requested or self.stopped.is_set() or self._wait.is_active:
            return True
        self._server.log.notice("User requested shutdown...")
        if not now and self._wait.begin(lambda: self._finish(save, force)):
            return True
        return self._finish(save, force)

    def _finish(self, save: bool | None, force: bool) -> bool:
        server = self._server
        self._wait.report()
        if not self._keep_data(save, force):
            server.log.warning("Errors trying to shut down the server. Check the logs for more information.")
            self._wait.cancel()
            return False
        self.is_requested = True
        for callback in self.on_stop:
            try:
                callback()
            except Exception as error:
                server.log.failure("Failure while shutting down", error)
        server.release()
        name = "Sentinel" if server.config.is_sentinel else "Redis"
        server.log.warning(f"{name} is now ready to exit, bye bye...")
        self.stopped.set()
        return True

    def fail(self, exit_code: int = 1) -> None:
        """End at once, as what clients were promised cannot be kept; the log says why."""
        if self.stopped.is_set():
            return
        self.exit_code = exit_code
        self.is_requested = True
        self._server.release()
        self.stopped.set()

    def _keep_data(self, save: bool | None, force: bool) -> bool:
        """Save what is to be saved; whether the server may end. Source: finishShutdown."""
        server = self._server
        log = server.log
        if server.background.is_saving:
            log.warning("There is a child saving an .rdb. Killing it!")
            server.background.cancel()
        if not all(keep(force) for keep in self.before_saving):
            return False
        # While data is loaded only a part of it is there, which must not replace the whole.
        if save is False or server.loading.is_active or server.config.is_sentinel:
            return True
        if not save and not server.config.save_points:
            return True
        log.notice("Saving the final RDB snapshot before exiting.")
        if server.persistence.save():
            return True
        if force:
            log.warning("Error trying to save the DB. Exit anyway.")
        else:
            log.warning("Error trying to save the DB, can't exit.")
        return force

    def by_signal(self, name: str) -> bool:
        """End as `shutdown-on-sigint` or `shutdown-on-sigterm` says for signal `name`; see `shutdown`."""
        words = self._server.config.words(f"shutdown-on-{name.lower()}")
        save = True if "save" in words else False if "nosave" in words else None
        return self.shutdown(save=save, now="now" in words, force="force" in words)

    def abort(self) -> bool:
        """Call off a shutdown that waits; whether there was one."""
        if not self._wait.cancel():
            return False
        self._server.log.notice("Shutdown manually aborted.")
        return True

    @property
    def waits_until_ms(self) -> int | None:
        """Until when the server waits for its replicas before it ends; None unless it does."""
        return self._wait.until_ms if self._wait.is_active else None
