"""Servers of several kinds side by side, each with a connection.

with started(OURS, REDIS_7_0) as (ours, theirs):
    ours.client.call("PING")
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.servers import OURS, Program, RunningServer, find_real_servers, our_program, start_server

_RESTART_LIMIT_S = 120.0
"""It may have much to load, beside others that load."""


class Node:
    """A running server and a connection to it."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.client = server.connect(timeout_s=60)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def close(self) -> None:
        """End the connection."""
        self.client.close()

    def restart(self) -> None:
        """Start it again, ended as it has, and connect."""
        self.close()
        self.server.restart(limit_s=_RESTART_LIMIT_S)
        self.client = self.server.connect(timeout_s=60)


def program(name: str) -> Program:
    """Ours or a real server by name; skips the test where it is missing."""
    if name == OURS:
        return our_program()
    if name not in find_real_servers():
        pytest.skip(f"not on this machine: {name}")
    return find_real_servers()[name]


@contextmanager
def started(*names: str, options: Sequence[str] = (), cluster: bool = False) -> Iterator[list[Node]]:
    """Servers that know nothing of each other, all with these command-line options."""
    programs = [program(name) for name in names]
    with ExitStack() as stack:
        nodes = []
        for each in programs:
            node = Node(stack.enter_context(start_server(each, *options, cluster=cluster)))
            stack.callback(Node.close, node)
            nodes.append(node)
        yield nodes


@contextmanager
def reading(name: str, files: Path, *options: str) -> Iterator[Node]:
    """A server that starts on a copy of these files."""
    with ExitStack() as stack:
        node = Node(stack.enter_context(start_server(program(name), *options, files=files)))
        stack.callback(Node.close, node)
        yield node
