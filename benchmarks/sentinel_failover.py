"""Compares failovers by sentinels with those by real ones: ``python -m benchmarks.sentinel_failover``.

Three sentinels watch a real primary with two replicas, every program a process. The primary is lost by
``kill -9``. Real sentinels and ours take turns, each run on fresh servers.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.report import machine, seconds_row
from tests.support.sentinels import Watched
from tests.support.servers import OURS, RunningServer, find_real_servers
from tests.support.wire import ConnectionClosedError

_LIMIT_S = 60.0
_POLL_S = 0.002
_FAILOVER_TIMEOUT_MS = 10_000
_TITLES = ("found down", "a write succeeds", "clients are told", "all have switched")


class Failover(NamedTuple):
    """Seconds after the kill."""

    found_down_s: float
    """The first sentinel has found that enough others find the primary down."""
    written_s: float
    """A replica takes writes."""
    named_s: float
    """The first sentinel tells clients of it."""
    agreed_s: float
    """All sentinels have switched to it."""


def _takes_writes(servers: list[RunningServer]) -> bool:
    for server in servers:
        # Who is promoted closes the connections of its clients.
        with contextlib.suppress(ConnectionClosedError), server.connect() as client:
            if client.call("SET", "written", "yes") == b"+OK\r\n":
                return True
    return False


def _measure(sentinels: str, servers: str, down_after_ms: int) -> Failover:
    """One failover. Raises ClickException when there is none in time."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Watched(
            Path(directory),
            servers=[servers] * 3,
            sentinels=[sentinels] * 3,
            down_after_ms=down_after_ms,
            failover_timeout_ms=_FAILOVER_TIMEOUT_MS,
        ) as watched,
    ):
        old = watched.servers[0]
        moments: dict[str, Callable[[], bool]] = {
            "found_down_s": lambda: any(
                event.kind == "+odown" for sentinel in watched.sentinels for event in sentinel.events
            ),
            "written_s": lambda: _takes_writes(watched.servers[1:]),
            "named_s": lambda: any(sentinel.primary_port != old.port for sentinel in watched.sentinels),
            "agreed_s": lambda: all(
                sentinel.primary["port"] != str(old.port) for sentinel in watched.sentinels
            ),
        }
        old.kill()
        start_s = time.perf_counter()
        found: dict[str, float] = {}
        while len(found) < len(moments):
            for name, holds in moments.items():
                if name not in found and holds():
                    found[name] = time.perf_counter() - start_s
            if time.perf_counter() - start_s > _LIMIT_S:
                raise click.ClickException(f"no failover in time:\n{watched.story()}")
            time.sleep(_POLL_S)
        return Failover(**found)


def _race(kinds: list[str], servers: str, down_after_ms: int, runs: int) -> dict[str, list[Failover]]:
    found: dict[str, list[Failover]] = {kind: [] for kind in kinds}
    for run in range(runs):
        # Who goes first alternates, so that neither always runs on the warmer machine.
        for kind in kinds if run % 2 == 0 else kinds[::-1]:
            failover = _measure(kind, servers, down_after_ms)
            found[kind].append(failover)
            times = ", ".join(f"{name[:-2]} {value:.3f} s" for name, value in failover._asdict().items())
            click.echo(f"{down_after_ms} ms, {kind}: {times}", err=True)
    return found


def _rows(down_after_ms: int, found: dict[str, list[Failover]]) -> list[str]:
    return [
        seconds_row([str(down_after_ms), title], [[each[index] for each in runs] for runs in found.values()])
        for index, title in enumerate(_TITLES)
    ]


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The real servers and sentinels.")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="Medians count.")
@click.option(
    "--down-after",
    "downs_after_ms",
    multiple=True,
    type=click.IntRange(1100),
    help="down-after-milliseconds; 1500, 5000.",
)
@click.option("--quick", is_flag=True, help="A smoke test: one failover each.")
def main(baseline: str, runs: int, downs_after_ms: tuple[int, ...], quick: bool) -> None:
    """Compare failovers by sentinels with a real one's; prints Markdown, as in docs/performance.md."""
    if baseline not in find_real_servers():
        raise click.ClickException(f"{baseline} is not on this machine")
    rows: list[str] = []
    for down_after_ms in downs_after_ms or ((1500,) if quick else (1500, 5000)):
        found = _race([baseline, OURS], baseline, down_after_ms, 1 if quick else runs)
        rows += _rows(down_after_ms, found)
    click.echo(f"{machine()}; seconds after the kill, medians (and ranges)\n")
    click.echo(f"| down after ms |  | {baseline} | {OURS} | ratio |\n|---:|---|---:|---:|---:|")
    click.echo("\n".join(rows))


if __name__ == "__main__":
    main()
