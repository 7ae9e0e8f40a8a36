"""The real disk: `ports.Disk` on the file system, with threads for what would hold up the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pyredis_cluster.server.files import replace_file
from pyredis_cluster.server.locked_file import SystemLockedFile

_MAP_FROM_BYTES = 1 << 20
_SYNC_THREADS = 2


class SystemDisk:
    """Files of the servers of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._threads: ThreadPoolExecutor | None = None

    def _run(self, work: Callable[[], None], done: Callable[[OSError | None], None]) -> None:
        """Do `work` in a thread, and call `done` in the loop."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_SYNC_THREADS, "disk")

        def run() -> None:
            error: OSError | None = None
            try:
                work()
            except OSError as failure:
                error = failure
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(done, error)

        self._threads.submit(run)

    def close(self) -> None:
        """No server uses the disk any more: threads end when they have done what was begun."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def create(self, path: str) -> SystemFile:
        """See `Disk`."""
        return SystemFile(os.open(path, _WRITE | os.O_CREAT | os.O_TRUNC, 0o644), self._run)

    def append_to(self, path: str) -> SystemFile:
        """See `Disk`."""
        return SystemFile(os.open(path, _WRITE | os.O_CREAT | os.O_APPEND, 0o644), self._run)

    def read(self, path: str) -> bytes | memoryview:
        """See `Disk`."""
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < _MAP_FROM_BYTES:
                return file.read()
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def read_head(self, path: str, size: int) -> bytes:
        """See `Disk`."""
        with open(path, "rb") as file:
            return file.read(size)

    def size(self, path: str) -> int:
        """See `Disk`."""
        return os.stat(path).st_size

    def exists(self, path: str) -> bool:
        """See `Disk`."""
        return os.path.exists(path)

    def names(self, directory: str) -> list[str]:
        """See `Disk`."""
        return os.listdir(directory)

    def make_directory(self, path: str) -> None:
        """See `Disk`."""
        os.makedirs(path, 0o755, exist_ok=True)

    def lock(self, path: str) -> SystemLockedFile:
        """See `Disk`."""
        return SystemLockedFile(path, self._loop.call_soon)

    def replace(self, source: str, target: str) -> None:
        """See `Disk`."""
        os.replace(source, target)

    def replace_content(self, path: str, content: bytes) -> None:
        """See `Disk`."""
        replace_file(path, content)

    def remove(self, path: str) -> None:
        """See `Disk`."""
        os.remove(path)

    def truncate(self, path: str, size: int) -> None:
        """See `Disk`."""
        os.truncate(path, size)

    def sync_directory(self, path: str) -> None:
        """See `Disk`."""
        if os.name == "nt":  # a directory cannot be opened there, and need not be
            return
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def sync_directory_soon(self, path: str, done: Callable[[OSError | None], None]) -> None:
        """See `Disk`."""
        self._run(lambda: self.sync_directory(path), done)


class SystemFile:
    """See `File`."""

    def __init__(
        self, fd: int, run: Callable[[Callable[[], None], Callable[[OSError | None], None]], None]
    ) -> None:
        self._fd = fd
        self._run = run
        self._syncing = 0
        self._is_closing = False

    def write(self, data: bytes) -> None:
        """See `File`."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def size(self) -> int:
        """See `File`."""
        return os.fstat(self._fd).st_size

    def truncate(self, size: int) -> None:
        """See `File`."""
        os.ftruncate(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)

    def sync(self) -> None:
        """See `File`."""
        _sync(self._fd)

    def sync_soon(self, done: Callable[[OSError | None], None]) -> None:
        """See `File`."""
        self._syncing += 1

        def finished(error: OSError | None) -> None:
            self._syncing -= 1
            if self._is_closing and not self._syncing:
                os.close(self._fd)
            done(error)

        self._run(lambda: _sync(self._fd), finished)

    def close(self) -> None:
        """See `File`."""
        if not self._is_closing:
            self._is_closing = True
            if not self._syncing:
                os.close(self._fd)


_WRITE = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_sync = getattr(os, "fdatasync", os.fsync)
