"""The file nodes.conf: locked while a node uses it, replaced as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.ports import Disk, LockedFile

_TEXT_ENCODING = "latin-1"


class NodesFileError(Exception):
    """The file cannot be used; the text is the line that Redis logs."""


class NodesFile:
    """One node's nodes.conf, locked from construction to `close`.

    `name` is what messages call it. Raises NodesFileError where the file cannot be made or another node uses
    it.
    """

    def __init__(self, disk: Disk, path: str, name: str) -> None:
        self._name = name
        self._file = self._lock(disk, path)

    def _lock(self, disk: Disk, path: str) -> LockedFile:
        try:
            return disk.lock(path)
        except BlockingIOError:
            raise NodesFileError(
                f"Sorry, the cluster configuration file {self._name} is already used by a different "
                "Redis Cluster node. Please make sure that different nodes use different cluster "
                "configuration files."
            ) from None
        except OSError as error:
            if error.filename == "lock":
                raise NodesFileError(f"Impossible to lock {self._name}: {error.strerror}") from None
            raise NodesFileError(
                f"Can't open {self._name} in order to acquire a lock: {error.strerror}"
            ) from None

    def read(self) -> str:
        """The content; empty for a file that was just made. Raises NodesFileError."""
        try:
            return self._file.read().decode(_TEXT_ENCODING)
        except OSError as error:
            raise NodesFileError(
                f"Loading the cluster node config from {self._name}: {error.strerror}"
            ) from None

    def write(self, text: str, *, fsync: bool) -> None:
        """Replace the content: a crash leaves the old file or the new one. Raises OSError.

        With `fsync` it is on the disk on return.
        """
        self._file.replace(text.encode(_TEXT_ENCODING), sync=fsync)

    def close(self) -> None:
        """Let others use the file."""
        self._file.close()
