"""A disk in memory of which a test says what fails, and when what was written is safe.

disk.failures["write"] = FULL           # until it is taken out again
disk.holds_syncs = True
...
disk.finish_syncs()                     # what `sync_soon` began is done now
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from pyredis_cluster.testing.simulation.disk import SimulatedDisk, SimulatedFile, _Content

FULL = OSError(errno.ENOSPC, "No space left on device")
READ_ONLY = OSError(errno.EROFS, "Read-only file system")
BROKEN = OSError(errno.EIO, "Input/output error")

Done = Callable[[OSError | None], None]


class FaultyDisk(SimulatedDisk):
    """`failures` has what operations fail with: `open`, `write`, `sync`, `truncate`, `replace`, `remove`,
    `sync_directory`. A write that fails leaves `short_bytes` of what it was to write.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.sync_s = 0.0
        self.failures: dict[str, OSError] = {}
        self.short_bytes = 0
        self.holds_syncs = False
        self.held_syncs: list[tuple[SimulatedFile, Done]] = []

    def fail(self, operation: str) -> None:
        """Raise what `operation` is to fail with, if anything."""
        error = self.failures.get(operation)
        if error is not None:
            raise error

    def finish_syncs(self) -> None:
        """Answer what `sync_soon` began, in order."""
        syncs, self.held_syncs = self.held_syncs, []
        for file, done in syncs:
            error: OSError | None = None
            try:
                file.sync()
            except OSError as failure:
                error = failure
            done(error)

    def create(self, path: str) -> FaultyFile:
        """See `Disk`."""
        self.fail("open")
        return self._faulty(super().create(path))

    def append_to(self, path: str) -> FaultyFile:
        """See `Disk`."""
        self.fail("open")
        return self._faulty(super().append_to(path))

    def _faulty(self, file: SimulatedFile) -> FaultyFile:
        return FaultyFile(self, file._content)

    def replace(self, source: str, target: str) -> None:
        """See `Disk`."""
        self.fail("replace")
        super().replace(source, target)

    def remove(self, path: str) -> None:
        """See `Disk`."""
        self.fail("remove")
        super().remove(path)

    def truncate(self, path: str, size: int) -> None:
        """See `Disk`."""
        self.fail("truncate")
        super().truncate(path, size)

    def sync_directory(self, path: str) -> None:
        """See `Disk`."""
        self.fail("sync_directory")
        super().sync_directory(path)


class FaultyFile(SimulatedFile):
    """See `File`."""

    def __init__(self, disk: FaultyDisk, content: _Content) -> None:
        super().__init__(disk, content)
        self._faults = disk

    def write(self, data: bytes) -> None:
        """See `File`."""
        if "write" in self._faults.failures:
            self._content.data += data[: self._faults.short_bytes]
        self._faults.fail("write")
        super().write(data)

    def truncate(self, size: int) -> None:
        """See `File`."""
        self._faults.fail("truncate")
        super().truncate(size)

    def sync(self) -> None:
        """See `File`."""
        self._faults.fail("sync")
        super().sync()

    def sync_soon(self, done: Done) -> None:
        """See `File`."""
        if self._faults.holds_syncs:
            self._faults.held_syncs.append((self, done))
        elif "sync" in self._faults.failures:
            error = self._faults.failures["sync"]
            self._faults.loop.call_soon(done, error)
        else:
            super().sync_soon(done)
