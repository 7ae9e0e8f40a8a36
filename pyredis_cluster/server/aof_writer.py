"""Writing an AOF: every change before its reply leaves, forced to disk as `appendfsync` says.

Forcing (fsync) happens in a thread. While it goes on nothing is written, as the write would wait for it in
the kernel: what comes meanwhile is buffered and follows at once when it is over (under `everysec` after two
seconds at the latest).

- `always`: what was written is forced at once; replies wait for it (`pyredis_cluster.server.withheld`). All
  that comes while one runs goes into the next: clients share them.
- `everysec`: forced once a second.
- `no`: left to the system.

Source: flushAppendOnlyFile of Redis 7.2, bioProcessBackgroundJobs.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pyredis_cluster.server.aof_directory import reason

if TYPE_CHECKING:
    from pyredis_cluster.ports import File
    from pyredis_cluster.server.log import Log

ALWAYS: Final = "always"
EVERY_SECOND: Final = "everysec"

_MOST_POSTPONED_MS: Final = 2000
_SYNC_INTERVAL_MS: Final = 1000
_RETRY_INTERVAL_MS: Final = 1000
_LOG_INTERVAL_MS: Final = 30_000


class AofWriter:
    """The file that changes are appended to now. All times are unix milliseconds.

    What had been written when `sync_begins` was called is on disk when `synced` is. `changed` is called after
    any attempt, and when errors of writing begin or end; `fatal` when what was promised cannot be kept, the
    log telling why.
    """

    def __init__(
        self,
        log: Log,
        now_ms: Callable[[], int],
        work: Callable[[Callable[..., object], tuple[Any, ...]], None],
        *,
        sync_begins: Callable[[], None],
        synced: Callable[[], None],
        changed: Callable[[], None],
        fatal: Callable[[], None],
        may_sync: Callable[[], bool],
    ) -> None:
        """`work` makes a call as any piece of the server's work; `may_sync` is asked each time:
        `no-appendfsync-on-rewrite`.
        """
        self._sync_begins = sync_begins
        self._synced = synced
        self._log = log
        self._now_ms = now_ms
        self._work = work
        self._changed = changed
        self._fatal = fatal
        self._may_sync = may_sync
        self._file: File | None = None
        self._policy = EVERY_SECOND
        self._buffer: list[bytes] = []
        self._outstanding = 0
        self._last_sync_ms = 0
        self._postponed_since_ms: int | None = None
        self._last_error_log_ms = -_LOG_INTERVAL_MS
        self._last_retry_ms = 0
        self.position = 0
        """Bytes taken over since the start, whatever file they went to."""
        self.synced_position = 0
        """How many of them are on disk for certain."""
        self.size = 0
        """Bytes of the current file."""
        self.delayed_syncs = 0
        self.write_error: OSError | None = None
        self.sync_error: OSError | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    @property
    def buffered_bytes(self) -> int:
        """What is yet to be written."""
        return sum(map(len, self._buffer))

    @property
    def is_syncing(self) -> bool:
        """Whether a thread forces something to disk now."""
        return self._outstanding > 0

    @property
    def is_committing(self) -> bool:
        """Whether anything that was taken over waits to be forced to disk, and will be."""
        return self._outstanding > 0 or (self.synced_position != self.position and self._may_sync())

    @property
    def error(self) -> OSError | None:
        """Why the last write, or the last attempt to force it to disk, failed; None if neither did."""
        return self.write_error or self.sync_error

    def set_policy(self, policy: str) -> None:
        """What `appendfsync` says."""
        self._policy = policy
        if policy == ALWAYS and not self._buffer:  # else what is buffered is written first: see `tick`
            self._sync_soon()

    def open(self, file: File, size: int = 0) -> None:
        """Append to `file` from now on, which has `size` bytes. What the one before has is forced to disk."""
        old, self._file = self._file, file
        self.size = size
        self._last_sync_ms = self._now_ms()
        if old is not None:
            self._begin_sync(old)
            old.close()

    def append(self, data: bytes) -> None:
        """Take over `data`: it is written now unless that has to wait."""
        self.position += len(data)
        if self._buffer or self._outstanding or self.write_error is not None:
            self._buffer.append(data)
            self.flush()
            return
        try:
            self._file.write(data)  # type: ignore[union-attr]
        except OSError as error:
            self._buffer.append(data)
            self._write_failed(error, len(data))
            return
        self.size += len(data)
        if self._policy != "no":
            self._sync_if_due()

    def flush(self, *, force: bool = False) -> bool:
        """Write what is buffered, unless that has to wait and is not forced; whether nothing is buffered."""
        if not self._buffer:
            return True
        file = self._file
        if file is None or (not force and self._must_wait()):
            return False
        self._postponed_since_ms = None
        data = b"".join(self._buffer)
        self._buffer = [data]
        try:
            file.write(data)
        except OSError as error:
            self._write_failed(error, len(data))
            return False
        self._buffer.clear()
        self.size += len(data)
        if self.write_error is not None:
            self._log.notice("AOF write error looks solved, Redis can write again.")
            self.write_error = None
            self._changed()
        self._sync_if_due()
        return True

    def _must_wait(self) -> bool:
        if not self._outstanding:
            return False
        if self._policy != EVERY_SECOND:
            return self._policy == ALWAYS
        now_ms = self._now_ms()
        if self._postponed_since_ms is None:
            self._postponed_since_ms = now_ms
        if now_ms - self._postponed_since_ms < _MOST_POSTPONED_MS:
            return True
        self.delayed_syncs += 1
        self._log.notice(
            "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without "
            "waiting for fsync to complete, this may slow down Redis."
        )
        return False

    def tick(self) -> None:
        """What time does; called several times a second."""
        if self._file is None:
            return
        now_ms = self._now_ms()
        if self.write_error is not None and 0 <= now_ms - self._last_retry_ms < _RETRY_INTERVAL_MS:
            return
        self._last_retry_ms = now_ms
        if self.flush():
            self._sync_if_due()

    def _sync_if_due(self) -> None:
        if self._policy == ALWAYS:
            self._sync_soon()
        elif self._policy == EVERY_SECOND:
            if 0 <= self._now_ms() - self._last_sync_ms < _SYNC_INTERVAL_MS:
                return
            self._sync_soon()

    def _sync_soon(self) -> None:
        """Begin to force to disk what is written, unless that is under way or not to be done now."""
        is_written = self.synced_position != self.position - self.buffered_bytes
        if self._outstanding or not is_written or self._file is None or not self._may_sync():
            return
        self._begin_sync(self._file)

    def _begin_sync(self, file: File) -> None:
        target = self.position - self.buffered_bytes
        self._outstanding += 1
        self._last_sync_ms = self._now_ms()
        self._sync_begins()
        file.sync_soon(lambda error: self._work(self._sync_done, (target, error)))

    def _sync_done(self, target: int, error: OSError | None) -> None:
        self._outstanding -= 1
        if error is None:
            self.sync_error = None
            self.synced_position = max(self.synced_position, target)
            if not self._outstanding:
                self._synced()
        elif self._policy == ALWAYS and self._file is not None:
            self._sync_is_fatal(error)
            return
        else:
            if self.sync_error is None:
                self._log.warning(f"Fail to fsync the AOF file: {reason(error)}")
            self.sync_error = error
        if self._file is not None and self.flush() and self._policy == ALWAYS:
            self._sync_soon()
        self._changed()

    def sync(self) -> OSError | None:
        """Write all and force it to disk before this returns; why not, if that fails."""
        file = self._file
        if file is None:
            return None
        self.flush(force=True)
        try:
            file.sync()
        except OSError as error:
            return error
        if not self._buffer:
            self.synced_position = self.position
        return None

    def close(self) -> None:
        """Write no more; what is buffered is dropped."""
        file, self._file = self._file, None
        self._buffer.clear()
        self._postponed_since_ms = None
        self.synced_position = self.position
        self.size = 0
        if file is not None:
            file.close()

    def forgive(self) -> None:
        """Another file begins: what was wrong with the one before does not matter any more."""
        if self.sync_error is not None:
            self._log.warning("AOF reopen, just ignore the AOF fsync error in bio job")
            self.sync_error = None
        if self.write_error is not None:
            self._log.warning("AOF reopen, just ignore the last error.")
            self.write_error = None

    def _write_failed(self, error: OSError, expected: int) -> None:
        """Undo what was written of it, or take it as written where that cannot be done."""
        assert self._file is not None
        now_ms = self._now_ms()
        logs = not 0 <= now_ms - self._last_error_log_ms <= _LOG_INTERVAL_MS
        if logs:
            self._last_error_log_ms = now_ms
        written = 0
        try:
            written = max(self._file.size() - self.size, 0)
        except OSError:
            logs = True
        if not written:
            if logs:
                self._log.warning(f"Error writing to the AOF file: {reason(error)}")
        else:
            if logs:
                self._log.warning(
                    f"Short write while writing to the AOF file: (nwritten={written}, expected={expected})"
                )
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                self._file.truncate(self.size)
            except OSError as failure:
                if logs:
                    self._log.warning(
                        "Could not remove short write from the append-only file.  Redis may refuse to load "
                        f"the AOF the next time it starts.  ftruncate: {reason(failure)}"
                    )
                self._take_as_written(written)
        if self._policy == ALWAYS:
            self._log.warning(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
            )
            self._fatal()
            return
        self.write_error = error
        self._last_retry_ms = now_ms
        self._changed()

    def _take_as_written(self, count: int) -> None:
        data = b"".join(self._buffer)
        self._buffer = [data[count:]] if count < len(data) else []
        self.size += count

    def _sync_is_fatal(self, error: OSError) -> None:
        self._log.warning(
            "Can't persist AOF for fsync error when the AOF fsync policy is 'always': "
            f"{reason(error)}. Exiting..."
        )
        self._fatal()
