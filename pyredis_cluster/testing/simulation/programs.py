"""Programs that only seem to run: a sentinel's scripts, whose part a test plays."""

from __future__ import annotations

import errno
from collections.abc import Sequence

_FIRST_PID = 10_000
_KILLED = -9


class SimulatedProcess:
    """See `Process`. It runs until `end`, or until it is killed."""

    def __init__(self, pid: int, arguments: Sequence[str]) -> None:
        self.pid = pid
        self.arguments = list(arguments)
        self._code: int | None = None

    def poll(self) -> int | None:
        """See `Process`."""
        return self._code

    def end(self, code: int) -> None:
        """End with an exit code, or by a signal, as its negative number."""
        self._code = code

    def kill(self) -> None:
        """See `Process`."""
        self.end(_KILLED)

    def abandon(self) -> None:
        """See `Process`."""


class SimulatedPrograms:
    """See `Programs`: any file can be run. `error` is raised by `start`, while it is set."""

    def __init__(self) -> None:
        self.error: OSError | None = None
        self.started: list[SimulatedProcess] = []
        """All there have been, in order."""

    def is_executable(self, path: str) -> bool:
        """See `Programs`."""
        return True

    def start(self, path: str, arguments: Sequence[str], directory: str) -> SimulatedProcess:
        """See `Programs`."""
        if self.error is not None:
            raise self.error
        process = SimulatedProcess(_FIRST_PID + len(self.started), arguments)
        self.started.append(process)
        return process


class NoPrograms:
    """See `Programs`: there are none."""

    def is_executable(self, path: str) -> bool:
        """See `Programs`."""
        return False

    def start(self, path: str, arguments: Sequence[str], directory: str) -> SimulatedProcess:
        """See `Programs`."""
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
