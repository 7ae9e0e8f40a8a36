"""A disk in memory that can lose what was not synced, be full, or refuse."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class _Content:
    """Bytes of one file, of which the first `synced_size` survive a power failure."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.synced_size = 0


class SimulatedDisk:
    """See `Disk`. Files of one host; a process that ends loses nothing, `lose_power` what was not synced.

    `capacity` in bytes makes it full. Syncing takes `sync_s` of the loop's time.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, sync_s: float = 0.001) -> None:
        self.loop = loop
        self.error: OSError | None = None
        """Raised by everything that writes, while it is set."""
        self.failures: dict[str, OSError] = {}
        """Raised by single operations, while they are in it: `open`, `write`, `sync`, `truncate`, `replace`,
        `remove`, `sync_directory`.
        """
        self.short_bytes = 0
        """How much of what it was to write a `write` that fails has written."""
        self.sync_count = 0
        """How often files were synced."""
        self.holds_syncs = False
        """Whether what `sync_soon` begins waits for `finish_syncs`."""
        self.held_syncs: list[Callable[[], None]] = []
        self.capacity = 0
        self.sync_s = sync_s
        self._files: dict[str, _Content] = {}
        self._durable: dict[str, _Content] = {}
        """Names as of the last `sync_directory` of their directories."""
        self._directories: dict[str, None] = {"/": None}
        self.locks: dict[str, None] = {}
        self.generation = 0
        """Counts the processes that used the disk: what earlier ones still hold is void."""
        self.is_in_use = True

    def lose_power(self) -> None:
        """Forget all that was not synced: ends of files, and names."""
        self.end_process()
        self._files = dict(self._durable)
        for content in self._files.values():
            del content.data[content.synced_size :]

    def end_process(self) -> None:
        """Whoever used the disk is gone, and so are its locks. Nothing is written until `begin_process`."""
        self.locks.clear()
        self.generation += 1
        self.is_in_use = False

    def begin_process(self) -> None:
        """A new process uses the disk."""
        self.is_in_use = True

    def finish_syncs(self) -> None:
        """End what was held back, in order."""
        held, self.held_syncs = self.held_syncs, []
        for finish in held:
            finish()

    def check_writable(self, operation: str = "", more: int = 0) -> None:
        """Raises OSError where nothing, or not so many bytes more, can be written."""
        if not self.is_in_use:
            raise OSError(errno.EIO, "the process has ended")
        error = self.error or self.failures.get(operation)
        if error is not None:
            raise error
        if self.capacity and sum(len(each.data) for each in self._files.values()) + more > self.capacity:
            raise OSError(errno.ENOSPC, "No space left on device")

    def check_syncable(self) -> None:
        """Count a sync of a file. Raises OSError where it fails."""
        self.sync_count += 1
        self.check_writable("sync")

    def create(self, path: str) -> SimulatedFile:
        """See `Disk`."""
        self.check_writable("open")
        content = self._files.get(path)
        if content is None:
            content = self._make(path)
        content.data.clear()
        content.synced_size = 0
        return SimulatedFile(self, content)

    def append_to(self, path: str) -> SimulatedFile:
        """See `Disk`."""
        self.check_writable("open")
        return SimulatedFile(self, self._files.get(path) or self._make(path))

    def _make(self, path: str) -> _Content:
        if posixpath.dirname(path) not in self._directories:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        content = self._files[path] = _Content()
        return content

    def _content(self, path: str) -> _Content:
        content = self._files.get(path)
        if content is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return content

    def read(self, path: str) -> bytes:
        """See `Disk`."""
        return bytes(self._content(path).data)

    def read_head(self, path: str, size: int) -> bytes:
        """See `Disk`."""
        return bytes(self._content(path).data[:size])

    def synced(self, path: str) -> bytes:
        """What a power failure would leave of a file, if its name is safe."""
        content = self._content(path)
        return bytes(content.data[: content.synced_size])

    def size(self, path: str) -> int:
        """See `Disk`."""
        return len(self._content(path).data)

    def exists(self, path: str) -> bool:
        """See `Disk`."""
        return path in self._files or path in self._directories

    def names(self, directory: str) -> list[str]:
        """See `Disk`."""
        return [posixpath.basename(path) for path in self._files if posixpath.dirname(path) == directory]

    def make_directory(self, path: str) -> None:
        """See `Disk`."""
        if path not in self._directories:
            self.check_writable()
            self._directories[path] = None

    def lock(self, path: str) -> SimulatedLockedFile:
        """See `Disk`."""
        if path in self.locks:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable", "lock")
        if path not in self._files:
            self.check_writable()
            self._make(path)
        return SimulatedLockedFile(self, path)

    def replace(self, source: str, target: str) -> None:
        """See `Disk`. The file is there whole or not at all, as ext4 has it for one that replaces another."""
        self.check_writable("replace")
        content = self._content(source)
        content.synced_size = len(content.data)
        self._files[target] = content
        del self._files[source]

    def replace_content(self, path: str, content: bytes) -> None:
        """See `Disk`."""
        temporary = f"{path}.tmp"
        file = self.create(temporary)
        file.write(content)
        file.sync()
        self.replace(temporary, path)
        self.sync_directory(posixpath.dirname(path))

    def remove(self, path: str) -> None:
        """See `Disk`."""
        self.check_writable("remove")
        self._content(path)
        del self._files[path]

    def truncate(self, path: str, size: int) -> None:
        """See `Disk`."""
        with SimulatedFile(self, self._content(path)) as file:
            file.truncate(size)

    def sync_directory(self, path: str) -> None:
        """See `Disk`."""
        self.check_writable("sync_directory")
        for name in [name for name in self._durable if posixpath.dirname(name) == path]:
            del self._durable[name]
        self._durable.update(
            (name, content) for name, content in self._files.items() if posixpath.dirname(name) == path
        )

    def sync_directory_soon(self, path: str, done: Callable[[OSError | None], None]) -> None:
        """See `Disk`."""
        generation = self.generation

        def finish() -> None:
            if self.generation != generation:
                return
            error: OSError | None = None
            try:
                self.sync_directory(path)
            except OSError as failure:
                error = failure
            done(error)

        self.loop.call_later(self.sync_s, finish)


class SimulatedLockedFile:
    """See `LockedFile`."""

    def __init__(self, disk: SimulatedDisk, path: str) -> None:
        self._disk = disk
        self._path = path
        self._generation = disk.generation
        disk.locks[path] = None

    def read(self) -> bytes:
        """See `LockedFile`."""
        return self._disk.read(self._path)

    def replace(self, content: bytes, *, sync: bool) -> None:
        """See `LockedFile`."""
        disk = self._disk
        temporary = f"{self._path}.tmp"
        file = disk.create(temporary)
        file.write(content)
        if sync:
            file.sync()
        disk.replace(temporary, self._path)
        if sync:
            disk.sync_directory(posixpath.dirname(self._path))

    def close(self) -> None:
        """See `LockedFile`."""
        if self._disk.generation == self._generation:
            self._disk.locks.pop(self._path, None)


class SimulatedFile:
    """See `File`."""

    def __init__(self, disk: SimulatedDisk, content: _Content) -> None:
        self._disk = disk
        self._content = content

    def __enter__(self) -> SimulatedFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """See `File`."""
        disk = self._disk
        if "write" in disk.failures:
            self._content.data += data[: disk.short_bytes]
        disk.check_writable("write", len(data))
        self._content.data += data

    def size(self) -> int:
        """See `File`."""
        return len(self._content.data)

    def truncate(self, size: int) -> None:
        """See `File`."""
        self._disk.check_writable("truncate")
        del self._content.data[size:]
        self._content.synced_size = min(self._content.synced_size, size)

    def sync(self) -> None:
        """See `File`."""
        self._disk.check_syncable()
        self._content.synced_size = len(self._content.data)

    def sync_soon(self, done: Callable[[OSError | None], None]) -> None:
        """See `File`."""
        size = len(self._content.data)
        generation = self._disk.generation

        def finish() -> None:
            if self._disk.generation != generation:
                return
            error: OSError | None = None
            try:
                self._disk.check_syncable()
                self._content.synced_size = min(max(self._content.synced_size, size), len(self._content.data))
            except OSError as failure:
                error = failure
            done(error)

        if self._disk.holds_syncs:
            self._disk.held_syncs.append(finish)
        else:
            self._disk.loop.call_later(self._disk.sync_s, finish)

    def close(self) -> None:
        """See `File`."""
