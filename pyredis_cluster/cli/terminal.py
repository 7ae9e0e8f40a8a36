"""The console of administrative commands: texts in redis-cli's colours, a bar for long work."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TextIO

import click

from pyredis_cluster.admin.console import Progress
from pyredis_cluster.admin.errors import UsageError

if TYPE_CHECKING:
    import rich.console
    import rich.progress

_BOLD, _RED, _GREEN, _YELLOW = "29;1", "31;1", "32;1", "33;1"
_SECONDS_BETWEEN_LINES = 0.1


class Terminal:
    """Standard output, or with `is_quiet` standard error: where standard output is to have JSON only."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        # None for a program that was started without, as Windows starts those that have no window.
        self._stream: TextIO | None = sys.stderr if is_quiet else sys.stdout
        self._is_terminal = self._stream is not None and self._stream.isatty()
        if isinstance(self._stream, io.TextIOWrapper):
            # What a key is called may have no form in the encoding of the terminal.
            self._stream.reconfigure(errors="backslashreplace")
        self._has_colors = self._is_terminal and "NO_COLOR" not in os.environ
        self._bar: _Bar | None = None

    def info(self, text: str) -> None:
        """Say what is being done."""
        self._line(text, _BOLD)

    def warning(self, text: str) -> None:
        """Say what may be wrong."""
        self._line(text, _YELLOW)

    def error(self, text: str) -> None:
        """Say what is wrong."""
        self._line(text, _RED)

    def success(self, text: str) -> None:
        """Say what is right."""
        self._line(text, _GREEN)

    def write(self, text: str) -> None:
        """Say anything, without an end of line."""
        if self._bar is not None:
            self._bar.write(text)
            return
        click.echo(text, file=self._stream, nl=False)

    def complain(self, text: str) -> None:
        """Say a line on standard error."""
        click.echo(text, err=True)

    def read_line(self) -> str:
        """What was typed, without the end of line. Raises UsageError at the end of the input."""
        line = sys.stdin.readline() if sys.stdin is not None else ""
        if not line:
            raise UsageError("*** The input ended before the question was answered.")
        return line.rstrip("\r\n")

    def progress(self, label: str, total: int) -> AbstractContextManager[Progress]:
        """A bar below the texts where they go to a terminal, else nothing."""
        return self._with_bar(label, total) if self._is_terminal else contextlib.nullcontext(_NoBar())

    def _line(self, text: str, color: str) -> None:
        self.write(f"\033[{color}m{text}\033[0m\n" if self._has_colors else f"{text}\n")

    @contextlib.contextmanager
    def _with_bar(self, label: str, total: int) -> Iterator[Progress]:
        assert self._stream is not None
        self._bar = _Bar(self._stream, label, total)
        try:
            with self._bar.shown():
                yield self._bar
        finally:
            self._bar = None


class _NoBar:
    def advance(self) -> None:
        pass


class _Bar:
    """How much is done, how much there is, and how long it will take; texts scroll above it."""

    def __init__(self, stream: TextIO, label: str, total: int) -> None:
        # It takes a tenth of a second to import, which most commands have no use for.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._console: rich.console.Console = Console(file=stream, soft_wrap=True)
        self._progress: rich.progress.Progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(label, total=total)
        self._unfinished = ""
        self._lines: list[str] = []
        self._shown_at = 0.0

    def advance(self) -> None:
        """One more piece is done."""
        self._progress.advance(self._task)

    def write(self, text: str) -> None:
        """Show whole lines, some times a second as each draws the bar anew; what is no line yet waits."""
        lines, newline, self._unfinished = (self._unfinished + text).rpartition("\n")
        if newline:
            self._lines.append(lines)
            if time.monotonic() - self._shown_at >= _SECONDS_BETWEEN_LINES:
                self._flush()

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar for the length of a with-block."""
        with self._progress:
            try:
                yield
            finally:
                if self._unfinished:
                    self.write("\n")
                self._flush()

    def _flush(self) -> None:
        from rich.text import Text

        if self._lines:
            self._console.print(Text.from_ansi("\n".join(self._lines)))
            self._lines.clear()
        self._shown_at = time.monotonic()
