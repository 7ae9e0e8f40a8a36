"""What the outside world is to a server: everything nondeterministic enters through these protocols.

A test, or the simulated world, hands in its own; those of `pyredis_cluster.server` are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Clock(Protocol):
    """Time as a server sees it."""

    def unix_ns(self) -> int:
        """Wall-clock time in nanoseconds since 1970; may jump."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of a clock that never goes back; the origin means nothing."""


class Random(Protocol):
    """The part of `random.Random` that servers use."""

    def random(self) -> float:
        """A float in [0, 1)."""

    def randrange(self, start: int, stop: int | None = None, /) -> int:
        """An int in [0, start), or in [start, stop)."""

    def getrandbits(self, k: int, /) -> int:
        """A non-negative int of `k` random bits."""

    def choice(self, seq: Sequence[_T], /) -> _T:
        """One element of a non-empty sequence."""

    def sample(self, population: Sequence[_T], k: int) -> list[_T]:
        """`k` elements from distinct positions."""

    def shuffle(self, x: list[_T], /) -> None:
        """Shuffle in place."""


class File(Protocol):
    """A file that is open for writing. What raises OSError leaves it usable."""

    def write(self, data: bytes) -> None:
        """Append all of `data`. Raises OSError; part of it may be written then (see `size`)."""

    def size(self) -> int:
        """Length in bytes now."""

    def truncate(self, size: int) -> None:
        """Cut to that many bytes; what is written next goes there. Raises OSError."""

    def sync(self) -> None:
        """Return once all that was written would survive a power failure. Raises OSError."""

    def sync_soon(self, done: Callable[[OSError | None], None]) -> None:
        """The same without waiting: `done` is called later, in the turn of the server, with what went wrong.

        Covers what was written before this call. Calls of one file are answered in order.
        """

    def close(self) -> None:
        """Let go of the file, after what `sync_soon` began."""


class LockedFile(Protocol):
    """A file that nobody else uses until `close`."""

    def read(self) -> bytes:
        """The content; empty for a file that was just made. Raises OSError."""

    def replace(self, content: bytes, *, sync: bool) -> None:
        """Give it new content: a crash leaves the old or the new one whole.

        With `sync` the new one is safe on return. Raises OSError.
        """

    def close(self) -> None:
        """Let others use it."""


class Disk(Protocol):
    """The files of a server. Paths are absolute; everything raises OSError as the system does."""

    def create(self, path: str) -> File:
        """A new empty file, or an old one emptied."""

    def append_to(self, path: str) -> File:
        """A file that exists or is made, to write behind what it holds."""

    def read(self, path: str) -> bytes | memoryview:
        """All of a file, which may be mapped into memory rather than read."""

    def read_head(self, path: str, size: int) -> bytes:
        """At most the first `size` bytes of a file."""

    def size(self, path: str) -> int:
        """Length of a file in bytes."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""

    def names(self, directory: str) -> list[str]:
        """What is in a directory."""

    def make_directory(self, path: str) -> None:
        """Make a directory, unless it is there."""

    def lock(self, path: str) -> LockedFile:
        """A file, made if it is not there, for this user alone.

        Raises BlockingIOError where it is in use, else OSError, whose `filename` is `lock` where it could
        be opened.
        """

    def replace(self, source: str, target: str) -> None:
        """Rename a file, replacing another one atomically."""

    def replace_content(self, path: str, content: bytes) -> None:
        """Give a file new content, synced; its mode stays. A crash leaves the old or the new one whole."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def truncate(self, path: str, size: int) -> None:
        """Cut a file."""

    def sync_directory(self, path: str) -> None:
        """Have what was renamed or removed in a directory survive a power failure, where the platform can."""

    def sync_directory_soon(self, path: str, done: Callable[[OSError | None], None]) -> None:
        """The same without waiting: `done` is called later, in the server's turn, with what went wrong."""


class Process(Protocol):
    """A running program."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """How it ended: its exit code, or the negative number of a signal; None while it runs."""

    def kill(self) -> None:
        """End it at once; `poll` then tells of it as ever."""

    def abandon(self) -> None:
        """Let it run on, with nobody asking for it any more."""


class Programs(Protocol):
    """Other programs, which a sentinel starts as scripts."""

    def is_executable(self, path: str) -> bool:
        """Whether there is such a file, and it may be run."""

    def start(self, path: str, arguments: Sequence[str], directory: str) -> Process:
        """Run a program with `arguments`, its name first, in a directory and with this process's environment.

        Raises OSError.
        """
