"""One snapshot file in the making: written under another name, and put into its place when it is whole.

Each method raises OSError once the log has what Redis says of it, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyredis_cluster.ports import Disk, File
    from pyredis_cluster.server.log import Log

_SYNC_EVERY_BYTES: Final = 4 << 20
"""Written at once, a large file would have to be forced to disk at its end, in which time all others wait."""


class RdbFile:
    """A file that is to become `name` in `directory`; `temporary_name` is what it is called until then."""

    def __init__(
        self,
        disk: Disk,
        log: Log,
        directory: str,
        name: str,
        temporary_name: str,
        *,
        syncs_early: bool,
        waits: bool,
    ) -> None:
        """`syncs_early` is the directive `rdb-save-incremental-fsync`; `waits` tells whether writing may wait
        for the disk then, and that `commit` and not `commit_soon` will end it.
        """
        self._disk = disk
        self._log = log
        self._directory = directory
        self._name = name
        self._temporary_name = temporary_name
        self._temporary_path = os.path.join(directory, temporary_name)
        self._syncs_early = syncs_early
        self._waits = waits
        self._file: File | None = None
        self._unsynced_bytes = 0
        self._sync_error: OSError | None = None

    def write(self, data: bytes) -> None:
        """Append; the first time makes the file."""
        file = self._file or self._open()
        try:
            if self._sync_error is not None:
                raise self._sync_error
            file.write(data)
            self._unsynced_bytes += len(data)
            if self._syncs_early and self._unsynced_bytes >= _SYNC_EVERY_BYTES:
                self._unsynced_bytes = 0
                if self._waits:
                    file.sync()
                else:
                    file.sync_soon(self._synced_early)
        except OSError as error:
            self._give_up("rdbSaveRio", error)
            raise

    def _synced_early(self, error: OSError | None) -> None:
        self._sync_error = self._sync_error or error

    def commit(self) -> None:
        """Force it to disk and give it its name."""
        file = self._file or self._open()
        try:
            file.sync()
        except OSError as error:
            self._give_up("fsync", error)
            raise
        self._rename()
        try:
            self._disk.sync_directory(self._directory)
        except OSError as error:
            self._log_directory(error)
            raise

    def commit_soon(self, done: Callable[[OSError | None], None]) -> None:
        """The same without waiting for the disk; `done` gets what went wrong, the log having it."""
        file = self._file or self._open()

        def synced(error: OSError | None) -> None:
            if self._file is None:  # it was given up meanwhile
                return
            # Of each failure the system tells once: it may have been an earlier one that was told.
            error = error or self._sync_error
            if error is not None:
                self._give_up("fsync", error)
                done(error)
                return
            try:
                self._rename()
            except OSError as failure:
                done(failure)
            else:
                self._disk.sync_directory_soon(self._directory, renamed)

        def renamed(error: OSError | None) -> None:
            if error is not None:
                self._log_directory(error)
            done(error)

        file.sync_soon(synced)

    def discard(self) -> None:
        """Leave nothing of it. Harmless when it has its name already."""
        if self._file is not None:
            self._close()
            with contextlib.suppress(OSError):
                self._disk.remove(self._temporary_path)

    def _open(self) -> File:
        try:
            self._file = self._disk.create(self._temporary_path)
        except OSError as error:
            self._log.warning(
                f"Failed opening the temp RDB file {self._temporary_name} (in server root dir "
                f"{self._directory}) for saving: {error.strerror}"
            )
            raise
        return self._file

    def _give_up(self, operation: str, error: OSError) -> None:
        self._log.warning(f"Write error while saving DB to the disk({operation}): {error.strerror}")
        self.discard()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rename(self) -> None:
        self._close()
        try:
            self._disk.replace(self._temporary_path, os.path.join(self._directory, self._name))
        except OSError as error:
            self._log.warning(
                f"Error moving temp DB file {self._temporary_name} on the final destination {self._name} "
                f"(in server root dir {self._directory}): {error.strerror}"
            )
            with contextlib.suppress(OSError):
                self._disk.remove(self._temporary_path)
            raise

    def _log_directory(self, error: OSError) -> None:
        self._log.warning(f"Failed to fsync directory while saving DB: {error.strerror}")
