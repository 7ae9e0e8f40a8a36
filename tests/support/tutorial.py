"""The nodes of a tutorial on Redis Cluster: one configuration template, a directory each, and redis-cli."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.clusters import NodeView, parse_nodes
from tests.support.ports import free_ports, release_port
from tests.support.program import Running, connect, started
from tests.support.servers import Program
from tests.support.wire import RawClient

TEMPLATE = """port {port}
protected-mode no
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 5000
appendonly yes
"""
SLOTS = 16384

CLI_LIMIT_S = 600.0
"""Thousands of slots take minutes on a machine that has more to do than it can."""
_LIMIT_S = 240.0
_POLL_S = 0.1


class Tutorial:
    """Nodes by number: 0 for the first port and so on. Nothing runs at first."""

    def __init__(
        self,
        program: Program,
        options: Sequence[str],
        ports: Sequence[int],
        directory: Path,
        stack: ExitStack,
    ) -> None:
        self.program = program
        self.options = options
        self.ports = list(ports)
        self.running: dict[int, Running] = {}
        self._ids: dict[int, str] = {}
        self._directory = directory
        self._stack = stack

    def start(self, *numbers: int) -> None:
        """Start nodes from their configuration files."""
        for number in numbers:
            home = self._directory / str(self.ports[number])
            home.mkdir()
            (home / "redis.conf").write_text(TEMPLATE.format(port=self.ports[number]))
            running = started(self.program, str(home / "redis.conf"), *self.options, directory=home)
            self.running[number] = self._stack.enter_context(running)
        for number in numbers:
            connect(self.ports[number]).close()

    def renumber(self, order: Sequence[int]) -> None:
        """Call the nodes 0, 1, … that are now `order`'s."""
        self.ports = [self.ports[number] for number in order]
        self.running = {n: self.running[number] for n, number in enumerate(order) if number in self.running}

    def stop(self, number: int) -> None:
        """End a node as `docker stop` does."""
        self.running[number].process.terminate()
        assert self.running[number].wait() == 0, self.running[number].text()

    def address(self, number: int) -> str:
        """Where a node listens."""
        return f"127.0.0.1:{self.ports[number]}"

    def cli(self, number: int, *words: str) -> str:
        """What redis-cli prints, asked to talk to a node. Raises AssertionError when it fails."""
        return redis_cli("-p", str(self.ports[number]), *words)

    def node_id(self, number: int) -> str:
        """A node's id."""
        port = self.ports[number]
        if port not in self._ids:
            self._ids[port] = self.ask(number, "CLUSTER", "MYID")
        return self._ids[port]

    def ask(self, number: int, *words: str) -> str:
        """A node's reply, by a connection that costs less than redis-cli, for who asks again and again."""
        with RawClient(self.ports[number]) as client:
            value = client.ask(*words).value
        return value.decode() if isinstance(value, bytes) else str(value)

    def views(self, number: int) -> dict[str, NodeView]:
        """What a node says of all nodes, by id."""
        return parse_nodes(self.ask(number, "CLUSTER", "NODES"))

    def agree(self, *numbers: int) -> bool:
        """Whether these know each other, and nobody else, and all the same of each."""
        first, *others = (self.views(number) for number in numbers)
        ids = {self.node_id(number) for number in numbers}
        return set(first) == ids and all(view == first for view in others)

    def info(self, number: int) -> dict[str, str]:
        """CLUSTER INFO of a node."""
        return fields(self.ask(number, "CLUSTER", "INFO"))

    def replication(self, number: int) -> dict[str, str]:
        """INFO REPLICATION of a node."""
        return fields(self.ask(number, "INFO", "replication"))

    def numbered(self, text: str) -> str:
        """A text with PORT0, ID0 and so on for the ports and ids of the nodes that run."""
        for number in self.running:
            text = text.replace(f":{self.ports[number]}", f":PORT{number}")
            text = text.replace(self.node_id(number), f"ID{number}")
        return text


def until(condition: Callable[[], object], limit_s: float = _LIMIT_S) -> None:
    """Ask now and then until it is so. Raises AssertionError."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "condition not met in time"
        time.sleep(_POLL_S)


def fields(text: str) -> dict[str, str]:
    """The fields of an INFO-like reply."""
    return dict(line.split(":", 1) for line in text.split() if ":" in line)


def redis_cli(*words: str) -> str:
    """What redis-cli prints. Raises AssertionError when it fails."""
    done = subprocess.run(
        ["redis-cli", *words],
        capture_output=True,
        text=True,
        timeout=CLI_LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def tutorial(program: Program, *options: str, count: int, directory: Path) -> Iterator[Tutorial]:
    """So many ports for nodes of one program, which are killed at the end.

    `options` are added to the configuration, of which the tutorial has all that it needs otherwise.
    """
    with ExitStack() as stack:
        ports = sorted(free_ports(count, with_bus=True))
        for port in ports:
            stack.callback(release_port, port)
        yield Tutorial(program, options, ports, directory, stack)
