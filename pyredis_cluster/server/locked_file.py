"""A file that one process uses at a time: locked, and replaced as a whole.

The lock is on the file itself, as with Redis, so that neither a Redis nor this program starts on
a file that the other uses. Redis loses it with the first save, which replaces the file; here each new file is
locked before it takes the old one's place.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from pyredis_cluster.server.files import sync_directory

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows has no flock

    def _lock(fd: int) -> None:
        """Two processes on one file are not found out here."""

else:

    def _lock(fd: int) -> None:
        flock(fd, LOCK_EX | LOCK_NB)


class SystemLockedFile:
    """See `LockedFile`. Locked from construction to `close`.

    `call_soon` makes a call once what is done now is done. Raises BlockingIOError where another process uses
    it, else OSError; `filename` is then `lock` where it was opened but cannot be locked.
    """

    def __init__(self, path: str, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.path = path
        self._call_soon = call_soon
        self._replaced_fd = -1
        self._fd = self._open_locked()

    def read(self) -> bytes:
        """See `LockedFile`."""
        with open(self.path, "rb") as file:
            return file.read()

    def replace(self, content: bytes, *, sync: bool) -> None:
        """See `LockedFile`."""
        temporary = f"{self.path}.tmp-{os.getpid()}-{time.time_ns() // 1_000_000}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _lock(fd)
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(fd, rest) :]
            if sync:
                os.fsync(fd)
            if os.name == "nt":  # there an open file cannot be renamed
                os.close(fd)
                fd = -1
                self.close()
            os.replace(temporary, self.path)
        except OSError:
            if fd >= 0:
                os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        self._close_replaced()
        # This frees the old file's blocks, which may take longer than all else: nobody need wait for it.
        self._replaced_fd = self._fd
        self._call_soon(self._close_replaced)
        self._fd = fd
        if sync and os.name != "nt":
            sync_directory(os.path.dirname(self.path) or ".")

    def close(self) -> None:
        """See `LockedFile`."""
        self._close_replaced()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _close_replaced(self) -> None:
        if self._replaced_fd >= 0:
            os.close(self._replaced_fd)
            self._replaced_fd = -1

    def _open_locked(self) -> int:
        while True:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                _lock(fd)
                # Between opening and locking, its user may have replaced the file and ended.
                if os.path.samestat(os.fstat(fd), os.stat(self.path)):
                    return fd
            except FileNotFoundError:
                pass
            except BlockingIOError:
                os.close(fd)
                raise
            except OSError as error:
                os.close(fd)
                raise OSError(error.errno, error.strerror, "lock") from None
            os.close(fd)
