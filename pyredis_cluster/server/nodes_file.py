"""The file nodes.conf: locked while a node uses it, replaced as a whole.

The lock is on the file itself, as Redis's is, so that neither a Redis nor this program starts on a file
that the other uses. Redis loses it with the first save, which replaces the file; here each new file is
locked before it takes the old one's place.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pyredis_cluster.server.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows has no flock

    def _lock(fd: int) -> None:
        """Two processes on one file are not found out here."""

else:

    def _lock(fd: int) -> None:
        flock(fd, LOCK_EX | LOCK_NB)


_TEXT_ENCODING = "latin-1"


class NodesFileError(Exception):
    """The file cannot be used; the text is the line that Redis logs."""


class NodesFile:
    """One node's nodes.conf, locked from construction to `close`.

    `name` is what messages call it, `unix_ms` tells temporary files apart. Raises NodesFileError where the
    file cannot be made or another node uses it.
    """

    def __init__(self, path: str, name: str, unix_ms: Callable[[], int]) -> None:
        self.path = path
        self._name = name
        self._unix_ms = unix_ms
        self._fd = self._open_locked()

    def read(self) -> str:
        """The content; empty for a file that was just made. Raises NodesFileError."""
        try:
            with open(self.path, encoding=_TEXT_ENCODING, newline="") as file:
                return file.read()
        except OSError as error:
            raise NodesFileError(
                f"Loading the cluster node config from {self._name}: {error.strerror}"
            ) from None

    def write(self, text: str, *, fsync: bool) -> None:
        """Replace the content: a crash leaves the old file or the new one. Raises OSError.

        With `fsync` it is on the disk on return.
        """
        temporary = f"{self.path}.tmp-{os.getpid()}-{self._unix_ms()}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _lock(fd)
            data = text.encode(_TEXT_ENCODING)
            while data:
                data = data[os.write(fd, data) :]
            if fsync:
                os.fsync(fd)
            if os.name == "nt":  # there an open file cannot be renamed
                os.close(fd)
                fd = -1
                self._release()
            os.replace(temporary, self.path)
        except OSError:
            if fd >= 0:
                os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        self._release()
        self._fd = fd
        if fsync and os.name != "nt":
            sync_directory(os.path.dirname(self.path) or ".")

    def close(self) -> None:
        """Let others use the file."""
        self._release()

    def _release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open_locked(self) -> int:
        while True:
            try:
                fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
            except OSError as error:
                raise NodesFileError(
                    f"Can't open {self._name} in order to acquire a lock: {error.strerror}"
                ) from None
            try:
                _lock(fd)
                # Between opening and locking, its user may have replaced the file and ended.
                if os.path.samestat(os.fstat(fd), os.stat(self.path)):
                    return fd
            except BlockingIOError:
                os.close(fd)
                raise NodesFileError(
                    f"Sorry, the cluster configuration file {self._name} is already used by a different "
                    "Redis Cluster node. Please make sure that different nodes use different cluster "
                    "configuration files."
                ) from None
            except FileNotFoundError:
                pass
            except OSError as error:
                os.close(fd)
                raise NodesFileError(f"Impossible to lock {self._name}: {error.strerror}") from None
            os.close(fd)
