"""The server's log, line for line as Redis prints it.

    PID:ROLE DD Mon YYYY HH:MM:SS.mmm LEVEL message

ROLE is `C` while the process starts, then `M`, `S` or `X` for primary, replica and sentinel; LEVEL is one of
`. - * #`. Scripts and supervisors wait for certain lines, so each is written at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pyredis_cluster.ports import Clock

DEBUG = 0
VERBOSE = 1
NOTICE = 2
WARNING = 3
_NOTHING = 4

_LEVELS = {"debug": DEBUG, "verbose": VERBOSE, "notice": NOTICE, "warning": WARNING, "nothing": _NOTHING}
_MARKS = ".-*#"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ONE_LINE = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233), " ")

Write = Callable[[bytes], object]


class SystemLogger(Protocol):
    """Where messages go besides, with syslog-enabled."""

    def write(self, level: int, message: str) -> None:
        """Log one message without time and process."""


class Log:
    """Where one server logs. Never raises: what cannot be written is lost, as in Redis."""

    def __init__(self, clock: Clock, write: Write, *, role: str = "C") -> None:
        """`write` takes whole lines; `to_file` replaces it."""
        self._clock = clock
        self._default_write = write
        self._write = write
        self._level = NOTICE
        self._second = -1
        self._second_text = ""
        self.role = role
        self.system_logger: SystemLogger | None = None
        self.is_verbose = False
        """Whether messages at level verbose are wanted: spares callers from making them."""

    def set_level(self, name: str) -> None:
        """What loglevel says."""
        self._level = _LEVELS[name]
        self.is_verbose = self._level <= VERBOSE

    def to_file(self, path: str) -> None:
        """Append to this file from now on; the empty path stands for where the log went at first."""
        self._write = _FileWriter(path) if path else self._default_write

    def debug(self, message: str) -> None:
        """Log what only a developer wants to know."""
        self._log(DEBUG, message)

    def verbose(self, message: str) -> None:
        """Log what is rarely useful."""
        self._log(VERBOSE, message)

    def notice(self, message: str) -> None:
        """Log what an operator wants to know."""
        self._log(NOTICE, message)

    def warning(self, message: str) -> None:
        """Log what an operator must know."""
        self._log(WARNING, message)

    def failure(self, message: str, error: BaseException) -> None:
        """Log a fault of ours with its traceback."""
        self._log(WARNING, message)
        if self._level <= WARNING:
            self._emit("".join(traceback.format_exception(error)))

    def raw(self, text: str) -> None:
        """Log text as it is, at level notice: the logo."""
        if self._level <= NOTICE:
            self._emit(text)

    def from_signal(self, message: str) -> None:
        """Log as Redis's signal handlers do, which cannot format a date."""
        if self._level <= WARNING:
            self._emit(f"{os.getpid()}:signal-handler ({self._clock.unix_ns() // 1_000_000_000}) {message}\n")

    def _log(self, level: int, message: str) -> None:
        if level < self._level:
            return
        # A message may quote what a client sent, which must not begin a line of its own.
        message = message.translate(_ONE_LINE)
        self._emit(f"{os.getpid()}:{self.role} {self._now()} {_MARKS[level]} {message}\n")
        if self.system_logger is not None:
            self.system_logger.write(level, message)

    def _now(self) -> str:
        second, nanoseconds = divmod(self._clock.unix_ns(), 1_000_000_000)
        if second != self._second:
            local = time.localtime(second)
            self._second = second
            self._second_text = (
                f"{local.tm_mday:02d} {_MONTHS[local.tm_mon - 1]} {local.tm_year} "
                f"{local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}."
            )
        return f"{self._second_text}{nanoseconds // 1_000_000:03d}"

    def _emit(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._write(text.encode("utf-8", "surrogateescape"))


class _FileWriter:
    """Appends to a file that is opened for each line, so that it can be moved away at any time."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, data: bytes) -> None:
        with open(self._path, "ab", buffering=0) as file:
            file.write(data)


def write_to_stdout(data: bytes) -> None:
    """Write to standard output, unbuffered."""
    sys.stdout.flush()
    while data:
        data = data[os.write(1, data) :]


def write_nowhere(data: bytes) -> None:
    """Drop the lines: for servers that are part of another program."""
