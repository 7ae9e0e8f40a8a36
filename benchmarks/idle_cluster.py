"""What a cluster costs that nobody uses: ``python -m benchmarks.idle_cluster``.

Ours is one process with all nodes, as `pyredis-cluster up` makes it; the real one is a process for each node.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.contenders import cpu_s
from tests.support.cluster_programs import form
from tests.support.program import started, wait_until
from tests.support.servers import Program, find_real_servers, our_program, start_server
from tests.support.wire import RawClient

SIZES = {6: (3, 1), 25: (5, 4), 50: (10, 4), 100: (20, 4)}
"""Nodes: primaries, and replicas of each."""

_START_LIMIT_S = 300.0
_MESSAGES = re.compile(rb"cluster_stats_messages_(?:sent|received):(\d+)")


@dataclass(frozen=True)
class Cost:
    """Of one node in one second."""

    cpu_ms: float
    messages: float


@contextlib.contextmanager
def _real_cluster(program: Program, primaries: int, replicas: int) -> Iterator[tuple[list[int], list[int]]]:
    """Process ids and ports of a running cluster."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(start_server(program, "--repl-diskless-sync-delay", "0", cluster=True))
            for _ in range(primaries * (1 + replicas))
        ]
        form(servers[:primaries], servers[primaries:])
        yield [server.pid for server in servers], [server.port for server in servers]


@contextlib.contextmanager
def _our_cluster(primaries: int, replicas: int, port: int) -> Iterator[tuple[list[int], list[int]]]:
    words = ("--port", str(port), "--primaries", str(primaries), "--replicas", str(replicas))
    with (
        tempfile.TemporaryDirectory() as directory,
        started(our_program(), "up", *words, directory=Path(directory)) as process,
    ):
        wait_until(lambda: "Ctrl-C ends it." in process.text(), _START_LIMIT_S)
        yield [process.process.pid], list(range(port, port + primaries * (1 + replicas)))


def _message_count(ports: list[int]) -> int:
    count = 0
    for port in ports:
        with RawClient(port) as client:
            count += sum(map(int, _MESSAGES.findall(client.call("CLUSTER", "INFO"))))
    return count


def _measure(pids: list[int], ports: list[int], settle_s: float, seconds: float) -> Cost:
    """Let the cluster come to rest, then look on."""
    time.sleep(settle_s)
    messages = _message_count(ports)
    before_s, started_s = sum(map(cpu_s, pids)), time.perf_counter()
    time.sleep(seconds)
    took_s = time.perf_counter() - started_s
    used_s = sum(map(cpu_s, pids)) - before_s
    node_seconds = took_s * len(ports)
    return Cost(1000 * used_s / node_seconds, (_message_count(ports) - messages) / node_seconds)


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The real server.")
@click.option("--port", default=7000, show_default=True, help="The first of as many free ones.")
@click.option("--settle", default=20.0, show_default=True, help="Seconds before a measurement.")
@click.option("--seconds", default=30.0, show_default=True, help="Length of a measurement.")
@click.option("--real-nodes", default=25, show_default=True, help="The largest cluster of real servers.")
@click.option("--quick", is_flag=True, help="Six nodes, ten seconds.")
def main(baseline: str, port: int, settle: float, seconds: float, real_nodes: int, quick: bool) -> None:
    """Measure idle clusters of several sizes; prints Markdown, as in docs/performance.md."""
    real = find_real_servers().get(baseline)
    if real is None:
        raise click.ClickException(f"{baseline} is not on this machine")
    click.echo(f"| nodes | messages/s | {baseline} ms CPU/s | ours ms CPU/s |\n|---:|---:|---:|---:|")
    if quick:
        settle = seconds = 10.0
    for nodes, (primaries, replicas) in SIZES.items():
        if quick and nodes > min(SIZES):
            break
        theirs = "–"
        if nodes <= real_nodes:
            with _real_cluster(real, primaries, replicas) as running:
                theirs = f"{_measure(*running, settle, seconds).cpu_ms:.2f}"
        with _our_cluster(primaries, replicas, port) as running:
            ours = _measure(*running, settle, seconds)
        click.echo(f"| {nodes} | {ours.messages:.1f} | {theirs} | {ours.cpu_ms:.2f} |")


if __name__ == "__main__":
    main()
