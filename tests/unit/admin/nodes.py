"""Nodes made by hand, and a console that remembers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.console import Progress
from pyredis_cluster.admin.errors import UsageError
from pyredis_cluster.admin.topology import Node


def node(
    number: int, slots: Iterable[int] = (), *, host: str = "127.0.0.1", follows: Node | None = None
) -> Node:
    """A node at port 7000 + `number`, whose id is that number 40 times (modulo 10)."""
    port = 7000 + number
    return Node(
        Address(host, port, port + 10000),
        str(number % 10) * 40,
        ("master",) if follows is None else ("slave",),
        None if follows is None else follows.node_id,
        number,
        True,
        set(slots),
    )


class Advancing:
    """Counts the pieces of some work."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self) -> None:
        self.done += 1


class RememberingConsole:
    """A console that keeps what is said, and answers from a list."""

    def __init__(self, *answers: str) -> None:
        self.text = ""
        self.complaints: list[str] = []
        self._answers = list(answers)

    def line(self, text: str) -> None:
        self.text += f"{text}\n"

    info = warning = error = success = line

    def write(self, text: str) -> None:
        self.text += text

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    def read_line(self) -> str:
        if not self._answers:
            raise UsageError("no more answers")
        return self._answers.pop(0)

    @contextlib.contextmanager
    def progress(self, label: str, total: int) -> Iterator[Progress]:
        progress = Advancing()
        yield progress
        assert progress.done <= total
