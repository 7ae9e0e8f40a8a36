"""Six nodes from nothing: ``python -m benchmarks.startup``.

Three primaries with a replica each, ready when every node says ``cluster_state:ok`` and every replica is in
sync: made of real servers by ``redis-cli --cluster create``, and in this package's ways. All take turns.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.report import machine
from tests.support.cluster_programs import is_in_sync, is_ok, redis_cli, until
from tests.support.program import started
from tests.support.servers import Program, find_real_servers, our_program, start_server

NODES = 6
_LIMIT_S = 120.0
_TUNED = ("--repl-diskless-sync-delay", "0", "--cluster-node-timeout", "1000")
_MEMORY = re.compile(r"^(Rss|Pss):\s+(\d+) kB", re.MULTILINE)

_IN_PROCESS = """
import asyncio, json, os, time
from pyredis_cluster import Cluster

async def main():
    took = []
    for _ in range(2):
        started = time.perf_counter()
        async with Cluster(primaries=3, replicas_per_primary=1) as cluster:
            took.append(time.perf_counter() - started)
            assert all(node.run("CLUSTER", "INFO").startswith(b"cluster_state:ok") for node in cluster.nodes)
            resets = []
            for _ in range(20):
                client = cluster.client()
                for key in range(20):
                    await client.set(f"key:{key}", "value")
                await client.aclose()
                before = time.perf_counter()
                await cluster.reset()
                resets.append(time.perf_counter() - before)
    print(json.dumps([took[0], took[1], sorted(resets)[len(resets) // 2]]), flush=True)

asyncio.run(main())
"""


@dataclass
class Figures:
    """What one way of having six nodes cost, run by run: seconds until ready, and MB of all processes."""

    ready_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    pss_mb: list[float] = field(default_factory=list)

    def weigh(self, pids: Sequence[int]) -> None:
        """Note the memory of all processes. Linux only: elsewhere nothing is noted."""
        total = {"Rss": 0, "Pss": 0}
        for pid in pids:
            with contextlib.suppress(OSError):
                for name, kilobytes in _MEMORY.findall(Path(f"/proc/{pid}/smaps_rollup").read_text()):
                    total[name] += int(kilobytes)
        self.rss_mb.append(total["Rss"] / 1024)
        self.pss_mb.append(total["Pss"] / 1024)


def _real(program: Program, options: Sequence[str], figures: Figures) -> None:
    with contextlib.ExitStack() as stack:
        started_s = time.perf_counter()
        servers = [stack.enter_context(start_server(program, *options, cluster=True)) for _ in range(NODES)]
        addresses = [f"127.0.0.1:{server.port}" for server in servers]
        redis_cli("--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes")
        until(lambda: all(is_ok(server) and is_in_sync(server) for server in servers), _LIMIT_S)
        figures.ready_s.append(time.perf_counter() - started_s)
        figures.weigh([server.pid for server in servers])


def _up(words: Sequence[str], figures: Figures) -> None:
    options = ("up", "--port", "auto", "--json", *words)
    with tempfile.TemporaryDirectory() as directory:
        started_s = time.perf_counter()
        with started(our_program(), *options, directory=Path(directory)) as process:
            process.wait_for("\n")
            figures.ready_s.append(time.perf_counter() - started_s)
            nodes = json.loads(process.text())["nodes"]
            figures.weigh(sorted({process.process.pid, *[node["pid"] for node in nodes]}))
            process.signal(signal.SIGINT)
            process.wait()


def _in_process(*all_figures: Figures) -> None:
    done = subprocess.run([sys.executable, "-c", _IN_PROCESS], capture_output=True, text=True, check=True)
    for figures, seconds in zip(all_figures, json.loads(done.stdout), strict=True):
        figures.ready_s.append(seconds)


def _row(name: str, figures: Figures) -> str:
    median, low, high = statistics.median(figures.ready_s), min(figures.ready_s), max(figures.ready_s)
    memory = "– | –"
    if figures.rss_mb:
        memory = f"{statistics.median(figures.rss_mb):.0f} | {statistics.median(figures.pss_mb):.0f}"
    return f"| {name} | {median:.2f} ({low:.2f}–{high:.2f}) | {memory} |"


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The real server.")
@click.option("--runs", default=5, show_default=True, help="How many of each.")
def main(baseline: str, runs: int) -> None:
    """Start six nodes in each way; prints Markdown, as in docs/performance.md."""
    real = find_real_servers().get(baseline)
    if real is None:
        raise click.ClickException(f"{baseline} is not on this machine")
    ways: dict[str, Figures] = {}

    def figures(name: str) -> Figures:
        return ways.setdefault(name, Figures())

    for _ in range(runs):
        _real(real, (), figures(f"{baseline}, `redis-cli --cluster create`"))
        _real(real, _TUNED, figures(f"{baseline}, tuned"))
        _up((), figures("`up`"))
        _up(("--processes",), figures("`up --processes`"))
        _in_process(
            figures("`Cluster`, the first of a process"), figures("`Cluster`, the next"), figures("reset")
        )
    resets = ways.pop("reset")
    click.echo(f"{machine()}.\n\n| six nodes | seconds | RSS MB | PSS MB |\n|---|---:|---:|---:|")
    for name, each in ways.items():
        click.echo(_row(name, each))
    click.echo(f"\n`reset()` takes {1000 * statistics.median(resets.ready_s):.1f} ms.")


if __name__ == "__main__":
    main()
