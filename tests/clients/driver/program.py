"""A program of one library, that does what it is told, a line at a time; `README.md` has the instructions."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

_LIMIT_S = 30.0
ATTEMPTS = 5
_TIMED_OUT = re.compile("time|temporarily unavailable", re.IGNORECASE)
_STREAK = 40
"""Writes in a row without refusal, over all nodes, after which a client has found its way again."""


class ProgramError(Exception):
    """A program ended, or did not answer in time, or not as it should."""


class WrongError(AssertionError):
    """A client did not do what it does with a real cluster."""


def equal(got: object, wanted: object) -> None:
    """Raises WrongError."""
    check(got == wanted, f"wanted {wanted}, got", got)


def check(holds: bool, what: str, got: object) -> None:
    """Raises WrongError."""
    if not holds:
        raise WrongError(f"{what} {got}")


def timed_out(answer: str) -> bool:
    """Whether a client gave up waiting, as any does on a machine that is busy enough."""
    return _TIMED_OUT.search(answer) is not None


class Progress(NamedTuple):
    """How a program's writes went: how many were acknowledged, refused, and acknowledged since then."""

    acknowledged: int
    refused: int
    streak: int


class Program:
    """A running program; `library` is its name and version, as it says itself."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process = process
        self._errors = errors
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin: IO[bytes] = process.stdin
        self._stdout = process.stdout
        self._buffer = b""
        self.library = self._line()

    def ask(self, *words: str) -> str:
        """Give an instruction; the answer: a value, or an error after `! `. Raises ProgramError."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write("\t".join(words).encode() + b"\n")
            self._stdin.flush()
        return self._line()

    def tell(self, *words: str) -> str:
        """The same, but it must succeed, if not at once on a busy machine; the value. Raises ProgramError."""
        for _ in range(ATTEMPTS):
            answer = self.ask(*words)
            if not answer.startswith("!"):
                return answer
            if not timed_out(answer):
                break
        raise ProgramError(f"{' '.join(words)}: {answer}")

    def progress(self) -> Progress:
        """How the writes go. Raises ProgramError."""
        return Progress(*map(int, self.tell("progress").split()))

    def wait_for_streak(self) -> Progress:
        """Wait until it writes to all nodes without being refused. Raises ProgramError."""
        first = self.progress()
        deadline_s = time.monotonic() + _LIMIT_S
        while True:
            now = self.progress()
            fresh = now.acknowledged - first.acknowledged
            if now.streak >= _STREAK and fresh >= _STREAK:
                return now
            if time.monotonic() > deadline_s:
                raise ProgramError(f"it does not write again: {first}, then {now}")
            time.sleep(0.02)

    def _line(self) -> str:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            deadline_s = time.monotonic() + _LIMIT_S
            while b"\n" not in self._buffer:
                if not selector.select(max(deadline_s - time.monotonic(), 0)):
                    raise ProgramError(f"no answer in time\n{self._said()}")
                data = os.read(self._stdout.fileno(), 65536)
                if not data:
                    raise ProgramError(f"the program ended\n{self._said()}")
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace")

    def _said(self) -> str:
        return self._errors.read_text(errors="replace")[-3000:]


@contextlib.contextmanager
def running(
    command: Sequence[str], directory: Path, addresses: Sequence[str], errors: Path
) -> Iterator[Program]:
    """A program for the length of a with-block, with addresses of nodes. Raises ProgramError."""
    with open(errors, "wb") as stderr:
        process = subprocess.Popen(
            [*command, *addresses],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    try:
        yield Program(process, errors)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
