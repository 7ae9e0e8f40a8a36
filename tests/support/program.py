"""A server program run with any arguments, and what it prints."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.support.servers import Program
from tests.support.wire import ConnectionClosedError, RawClient

LIMIT_S = 30.0

_LINE = re.compile(r"(\d+):([CMSX]) (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.*#-]) (.*)")


class Running:
    """A process whose output, standard error included, goes to a file."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output

    def text(self) -> str:
        """All that was printed so far."""
        return self.output.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until `text` has been printed. Raises AssertionError."""
        wait_until(lambda: text in self.text() or self.process.poll() is not None)
        assert text in self.text(), self.text()

    def wait(self) -> int:
        """Wait for the end of the process; its exit code. Raises subprocess.TimeoutExpired."""
        return self.process.wait(LIMIT_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)


def wait_until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Wait until `holds()`; raises AssertionError when it did not in time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


@contextlib.contextmanager
def started(
    program: Program,
    *arguments: str,
    directory: Path,
    stdin: bytes = b"",
    environment: dict[str, str] | None = None,
) -> Iterator[Running]:
    """The program with exactly these arguments, killed at the end of the with-block."""
    output = directory / f"output-{time.monotonic_ns()}.txt"
    with open(output, "wb") as file:
        process = subprocess.Popen(
            [*program.argv, *arguments],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**os.environ, **(environment or {})},
        )
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(stdin)
            process.stdin.close()
        yield Running(process, output)
    finally:
        process.kill()
        process.wait(LIMIT_S)


def run(program: Program, *arguments: str, directory: Path, stdin: bytes = b"") -> tuple[int, str]:
    """Run the program to its end: exit code and output."""
    with started(program, *arguments, directory=directory, stdin=stdin) as process:
        return process.wait(), process.text()


def connect(port: int, *, host: str = "127.0.0.1") -> RawClient:
    """A client of a server that is starting. Raises AssertionError when it does not serve in time."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        client = None
        with contextlib.suppress(OSError, ConnectionClosedError):
            client = RawClient(port, host=host)
            if client.call("PING").startswith((b"+PONG", b"-NOAUTH")):
                return client
        if client is not None:
            client.close()
        assert time.monotonic() < deadline, f"nothing serves port {port}"
        time.sleep(0.005)


def log_lines(text: str) -> list[tuple[str, str, str]]:
    """(role, level, message) of each line of a log; lines of another form are (``, ``, line)."""
    lines = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        lines.append((match[2], match[4], match[5]) if match else ("", "", line))
    return lines


def messages(text: str, words: Sequence[str] = ()) -> list[str]:
    """The messages of a log, those only that contain any of `words` where some are given."""
    found = [message for _, _, message in log_lines(text)]
    return [message for message in found if not words or any(word in message for word in words)]
