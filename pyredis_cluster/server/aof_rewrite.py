"""Rewriting an AOF: a new base with all data, while increments go on.

1. What changes from now on goes into a new increment, which the manifest names at once.
2. The data as it is now is written to a temporary file, in slices.
3. That becomes the new base; the old one, and the increments before, become history and are removed.

Whenever the server ends, what the manifest names is the whole dataset.

Source: rewriteAppendOnlyFileBackground, backgroundRewriteDoneHandler, aofRewriteLimited of Redis 7.2.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis_cluster.persistence.aof.commands_format import CommandsFormat
from pyredis_cluster.persistence.rdb.form import RdbSnapshot
from pyredis_cluster.persistence.snapshot import Snapshot
from pyredis_cluster.server.aof_directory import AofDirectory, reason
from pyredis_cluster.server.background import JobKilledError

if TYPE_CHECKING:
    from pyredis_cluster.ports import File
    from pyredis_cluster.server.background import Snapshot as AnySnapshot
    from pyredis_cluster.server.server import Server

_SYNC_EVERY_BYTES: Final = 4 << 20
_FAILURES_BEFORE_DELAY: Final = 3
_MOST_DELAY_MINUTES: Final = 60


class RewriteDelay:
    """Keeps automatic rewrites that fail again and again from leaving an increment each: minutes to wait,
    doubled each time.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._delay_minutes = 0
        self._next_s = 0

    def holds(self, failures: int, now_s: int) -> bool:
        """Whether none may be started now, after so many failures in a row."""
        if failures < _FAILURES_BEFORE_DELAY:
            self._delay_minutes = self._next_s = 0
            return False
        if self._next_s:
            if now_s < self._next_s:
                return True
            self._next_s = 0
            return False
        self._delay_minutes = min(self._delay_minutes * 2 or 1, _MOST_DELAY_MINUTES)
        self._next_s = now_s + self._delay_minutes * 60
        self._log(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in "
            f"{self._delay_minutes} minutes"
        )
        return True


class BaseFile:
    """A base in the making, under a temporary name in `dir`."""

    def __init__(self, server: Server) -> None:
        # Several servers of this process may share a directory.
        self.name = f"temp-rewriteaof-bg-{os.getpid()}-{server.state.run_id[:8]}.aof"
        self.path = server.config.in_directory(self.name)
        self.is_rdb = server.config.flag("aof-use-rdb-preamble")
        self._server = server
        self._disk = server.disk
        self._log = server.log
        self._syncs_early = server.config.flag("aof-rewrite-incremental-fsync")
        self._file: File | None = None
        self._unsynced_bytes = 0
        self._sync_error: OSError | None = None

    def write(self, data: bytes) -> None:
        """Append; the first time makes the file. Raises OSError, which is logged."""
        try:
            if self._sync_error is not None:
                raise self._sync_error
            if self._file is None:
                self._file = self._open()
            self._file.write(data)
        except OSError as error:
            self._log.warning(f"Write error writing append only file on disk: {reason(error)}")
            raise
        self._unsynced_bytes += len(data)
        if self._syncs_early and self._unsynced_bytes >= _SYNC_EVERY_BYTES:
            self._unsynced_bytes = 0
            self._file.sync_soon(self._synced_early)

    def _open(self) -> File:
        try:
            return self._disk.create(self.path)
        except OSError as error:
            self._log.warning(
                f"Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): {reason(error)}"
            )
            raise

    def _synced_early(self, error: OSError | None) -> None:
        self._sync_error = self._sync_error or error

    def finish(self, done: Callable[[Exception | None], None]) -> None:
        """Force it to disk; `done` gets what went wrong."""
        file = self._file
        if file is None:  # a format that says nothing of an empty dataset
            self.write(b"")
            file = self._file
        assert file is not None

        def synced(error: OSError | None) -> None:
            error = error or self._sync_error
            if error is not None:
                self._log.warning(f"Write error writing append only file on disk: {reason(error)}")
            self._server.work(done, (error,))

        file.sync_soon(synced)

    def sync(self) -> None:
        """Force it to disk before this returns. Raises OSError."""
        if self._file is None:
            self.write(b"")
        assert self._file is not None
        self._file.sync()

    def discard(self) -> None:
        """Leave nothing of it. Harmless when it has its name already."""
        if self._file is not None:
            self._file.close()
            self._file = None
        with contextlib.suppress(OSError):
            self._disk.remove(self.path)


class Rewriter:
    """The rewrites of one server's AOF: when one is due, how it goes, how the last one went."""

    def __init__(
        self,
        server: Server,
        directory: AofDirectory,
        *,
        begin: Callable[[], bool],
        succeeded: Callable[[BaseFile], bool],
        ended: Callable[[], None],
    ) -> None:
        """`begin` switches to a new increment; `succeeded` puts a finished base into its place; both tell
        whether that worked. `ended` is called last.
        """
        self._server = server
        self._directory = directory
        self._begin = begin
        self._succeeded = succeeded
        self._ended = ended
        self._delay = RewriteDelay(server.log.warning)
        self._started_s = -1
        self.is_scheduled = False
        self.last_status_ok = True
        self.last_duration_s = -1
        self.count = 0
        self.failures = 0

    @property
    def is_running(self) -> bool:
        """Whether a rewrite is under way."""
        return self._server.background.kind == "aof"

    @property
    def current_duration_s(self) -> int:
        """Seconds since the rewrite that is under way began; -1 without one."""
        return self._now_s() - self._started_s if self.is_running else -1

    def _now_s(self) -> int:
        return self._server.state.keyspace.now_ms // 1000

    def start(self) -> bool:
        """Begin; False where that is not possible, the log telling why. Nothing else may be running."""
        server = self._server
        if server.background.is_active:
            return False
        # What was changed before is in the base, and must not be in the new increment.
        server.state.deliver_effects()
        if not self._directory.make() or not self._begin():
            self.last_status_ok = False
            return False
        self.count += 1
        base = BaseFile(server)

        def done(error: Exception | None) -> None:
            self._done(base, error)

        server.background.start(
            "aof", self._snapshot(), base.write, done, finish=base.finish, discard=base.discard
        )
        server.log.notice(f"Background append only file rewriting started by pid {os.getpid()}")
        self.is_scheduled = False
        self._started_s = self._now_s()
        return True

    def _snapshot(self) -> AnySnapshot:
        server = self._server
        state, config = server.state, server.config
        if config.flag("aof-use-rdb-preamble"):
            return RdbSnapshot(state.keyspace, server.persistence.options(aof_base=True))
        unix_s = state.unix_ns() // 1_000_000_000 if config.flag("aof-timestamp-enabled") else None
        return Snapshot(state.keyspace, CommandsFormat(state.function_libraries, unix_s=unix_s))

    def write_at_once(self, path: str) -> bool:
        """Make the base of a server that starts with nothing; False where that failed, which is logged."""
        base = BaseFile(self._server)
        snapshot = self._snapshot()
        try:
            while (piece := snapshot.next_piece(_SYNC_EVERY_BYTES)) is not None:
                base.write(piece)
            base.sync()
            self._server.disk.replace(base.path, path)
        except OSError as error:
            self._server.log.warning(f"Write error writing append only file on disk: {reason(error)}")
            return False
        finally:
            snapshot.abandon()
            base.discard()
        return True

    def _done(self, base: BaseFile, error: Exception | None) -> None:
        log = self._server.log
        if error is None:
            log.notice(f"Successfully created the temporary AOF base file {base.name}")
            log.notice("Background AOF rewrite terminated with success")
            if self._succeeded(base):
                self.last_status_ok = True
                self.failures = 0
                log.notice("Background AOF rewrite finished successfully")
            else:
                self._failed()
        elif isinstance(error, JobKilledError):
            log.warning(f"Background AOF rewrite terminated by signal {error.signal}")
        else:
            self._failed()
            log.warning("Background AOF rewrite terminated with error")
        base.discard()
        self.last_duration_s = self._now_s() - self._started_s
        self._started_s = -1
        self._ended()

    def _failed(self) -> None:
        self.last_status_ok = False
        self.failures += 1

    def tick(self, now_ms: int, *, is_on: bool, size: int, base_size: int) -> None:
        """Begin what is scheduled, or due since the AOF has grown from `base_size` to `size`."""
        server = self._server
        if server.background.is_active:
            return
        now_s = now_ms // 1000
        if self.is_scheduled:
            if not self._delay.holds(self.failures, now_s):
                self.start()
            return
        percentage = server.config.integer("auto-aof-rewrite-percentage")
        if not is_on or not percentage or size <= server.config.integer("auto-aof-rewrite-min-size"):
            return
        growth = size * 100 // (base_size or 1) - 100
        if growth >= percentage and not self._delay.holds(self.failures, now_s):
            server.log.notice(f"Starting automatic rewriting of AOF on {growth}% growth")
            self.start()
