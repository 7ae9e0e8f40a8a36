"""`pyredis-cluster cluster …` and `redis-cli --cluster …`, and what both print made alike."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

from pyredis_cluster.cli.commands import run_subcommand
from tests.support.cluster_programs import id_of, until
from tests.support.prompts import answer
from tests.support.servers import Program, RunningServer, start_server

_LIMIT_S = 60.0
_REDIS_CLI = os.environ.get("REDIS_CLI", "redis-cli")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_NODE = re.compile(r"^\s*[MS]: ")
_MORE_OF_NODE = re.compile(r"^\s+(slots:|replicates |\d+ additional)")
_BY_NODE = re.compile(r"^(127\.0\.0\.1:PORT\d+( \(|: )|\*\*\* New timeout|ERR setting node-timeout)")


class Printed(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def ours(*words: object, stdin: str = "") -> Printed:
    """Run a command of ours, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch("sys.stdin", io.StringIO(stdin)),
    ):
        code = run_subcommand(["cluster", *map(str, words)])
    return Printed(code, out.getvalue(), err.getvalue())


def ours_as_json(*words: object) -> dict[str, Any]:
    """What a command of ours prints as JSON."""
    printed = ours(*words, "--json")
    found: dict[str, Any] = json.loads(printed.out)
    assert found["ok"] is (printed.code == 0)
    assert "error" not in found, (found, printed.err[-500:])
    return found


def theirs(*words: object, stdin: str = "") -> Printed:
    """Run redis-cli's command; it is given a line of `stdin` whenever it asks."""
    code, out, err = answer([_REDIS_CLI, "--cluster", *map(str, words)], stdin.splitlines(), limit_s=_LIMIT_S)
    return Printed(code, _COLOR.sub("", out), _COLOR.sub("", err))


class Spares:
    """Servers in cluster mode, empty at first."""

    def __init__(self, servers: Sequence[RunningServer]) -> None:
        self.servers = list(servers)
        self._ids: dict[int, str] = {}

    def address(self, number: int) -> str:
        """Where a server listens."""
        return f"127.0.0.1:{self.servers[number].port}"

    def node_id(self, number: int) -> str:
        """A server's id, as long as it is not reset."""
        if number not in self._ids:
            self._ids[number] = id_of(self.servers[number])
        return self._ids[number]

    def forget_ids(self) -> None:
        """The servers have new ids."""
        self._ids.clear()

    def call(self, number: int, *words: str | int) -> None:
        """A server's reply is OK. Raises AssertionError."""
        with self.servers[number].connect() as client:
            reply = client.call(*words)
            assert reply == b"+OK\r\n", (words, reply)

    def plain(self, text: str) -> str:
        """What was printed, with servers by number, and in the order of those numbers.

        Nodes are shown in the order in which another one knows them, which is any.
        """
        for number, server in enumerate(self.servers):
            node_id = self.node_id(number)
            text = re.sub(rf":{server.port}\b", f":PORT{number}", text).replace(node_id, f"ID{number}")
            text = text.replace(f"-{server.port}-", f"-PORT{number}-").replace(node_id[:8], f"ID{number}")
        text = re.sub(r"join\n\.*\n", "join\n", text)
        return "\n".join(_sorted(text.split("\n")))


def _sorted(lines: list[str]) -> Iterator[str]:
    nodes: list[str] = []
    for line in lines:
        if _NODE.match(line) or _BY_NODE.match(line):
            nodes.append(line)
        elif nodes and _MORE_OF_NODE.match(line):
            nodes[-1] += f"\n{line}"
        else:
            yield from sorted(nodes, key=_address)
            nodes.clear()
            yield line
    yield from sorted(nodes, key=_address)


def _address(text: str) -> str:
    match = re.search(r"PORT\d+", text)
    return match[0] if match else text


@contextmanager
def spares(program: Program, count: int, *options: str) -> Iterator[Spares]:
    """So many servers that know nothing of each other."""
    with ExitStack() as stack:
        yield Spares(
            [
                stack.enter_context(
                    start_server(program, "--cluster-node-timeout", "3000", *options, cluster=True)
                )
                for _ in range(count)
            ]
        )


def require_clean(cluster: Spares, *words: str) -> None:
    """redis-cli finds nothing to complain about, once all have heard of it. Raises AssertionError."""
    printed = Printed(1, "", "")

    def is_clean() -> bool:
        nonlocal printed
        printed = theirs("check", cluster.address(0), *words)
        return printed.code == 0 and not re.search(r"\[(ERR|WARNING)\]", printed.out)

    try:
        until(is_clean, limit_s=10)
    except AssertionError:
        raise AssertionError(printed.out) from None
