"""Compares saving and loading side by side with a real server: ``python -m benchmarks.persistence``.

Both save the same data and load the same file, made by the real server, taking turns run by run.
"""

from __future__ import annotations

import random
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from tests.support.dataset import fill
from tests.support.ports import free_port, release_port
from tests.support.program import started, wait_until
from tests.support.servers import OURS, Program, find_real_servers, our_program, start_server
from tests.support.wire import RawClient

_BATCH = 1000
_LOADED = re.compile(r"DB loaded from disk: ([0-9.]+) seconds")
_TIMEOUT_S = 300.0
_GETS_PER_LOOK = 500


def _small_strings(client: RawClient, keys: int) -> None:
    for start in range(0, keys, _BATCH):
        numbers = range(start, min(start + _BATCH, keys))
        client.pipeline([("SET", f"key:{number:09d}", f"value:{number}") for number in numbers])


def _mixed(client: RawClient, keys: int) -> None:
    fill(client, keys=keys, seed=1, streams=True)


@dataclass(frozen=True)
class Dataset:
    """What is saved and loaded."""

    title: str
    keys: int
    make: Callable[[RawClient, int], None]


DATASETS = (
    Dataset("small strings", 1_000_000, _small_strings),
    Dataset("mixed keys", 100_000, _mixed),
)


@dataclass
class Times:
    """Seconds of each run of one server with one dataset."""

    load_s: list[float] = field(default_factory=list)
    save_s: list[float] = field(default_factory=list)
    background_save_s: list[float] = field(default_factory=list)
    get_s: list[float] = field(default_factory=list)
    """How long each GET took that was sent during a background save, all runs together."""


def _measure(program: Program, files: Path, keys: int, times: Times) -> None:
    """One run. The log tells when data is loaded: asking for it would keep the server from loading."""
    port = free_port()
    options = ("--port", str(port), "--dir", str(files), "--save", "", "--bind", "127.0.0.1")
    try:
        with started(program, *options, directory=files) as process:
            wait_until(lambda: "Ready to accept connections" in process.text(), _TIMEOUT_S)
            matched = _LOADED.search(process.text())
            if matched is None:
                raise click.ClickException(f"{program.name} has loaded nothing:\n{process.text()}")
            times.load_s.append(float(matched[1]))
            with RawClient(port, timeout_s=_TIMEOUT_S) as client:
                times.save_s.append(_timed(client, "SAVE"))
                times.background_save_s.append(_background_save(client, keys, times.get_s))
    finally:
        release_port(port)


def _timed(client: RawClient, *request: str) -> float:
    started = time.perf_counter()
    reply = client.call(*request)
    if not reply.startswith(b"+"):
        raise click.ClickException(f"{request[0]}: {reply!r}")
    return time.perf_counter() - started


def _background_save(client: RawClient, keys: int, get_s: list[float]) -> float:
    """Seconds until it has ended, while random keys are asked for one after the other."""
    chooser = random.Random(1)
    started = time.perf_counter()
    get_s.append(_timed(client, "BGSAVE"))
    while True:
        for _ in range(_GETS_PER_LOOK):
            key = f"key:{chooser.randrange(keys):09d}"
            asked = time.perf_counter()
            client.call("GET", key)
            get_s.append(time.perf_counter() - asked)
        if b"rdb_bgsave_in_progress:0" in client.call("INFO", "persistence"):
            return time.perf_counter() - started


def _make_file(program: Program, dataset: Dataset, keys: int, directory: Path) -> int:
    """Make the dataset on a server and keep its file; how many bytes that has."""
    with start_server(program) as server:
        with server.connect(timeout_s=_TIMEOUT_S) as client:
            dataset.make(client, keys)
            _timed(client, "SAVE")
        shutil.copy(server.directory / "dump.rdb", directory)
    return (directory / "dump.rdb").stat().st_size


def _rows(dataset: str, first: Times, second: Times) -> list[tuple[str, float, float]]:
    median = statistics.median
    return [
        (f"load {dataset}", median(first.load_s), median(second.load_s)),
        (f"SAVE {dataset}", median(first.save_s), median(second.save_s)),
        (f"BGSAVE {dataset}", median(first.background_save_s), median(second.background_save_s)),
    ]


def _percentiles(times: Times) -> str:
    ordered = sorted(times.get_s)
    at = [ordered[int(len(ordered) * share)] for share in (0.5, 0.99, 0.999)]
    return ", ".join(
        f"{name} {1000 * one:.2f} ms"
        for name, one in zip(("p50", "p99", "p99.9", "max"), [*at, ordered[-1]], strict=True)
    )


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The real server.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1), help="Medians count.")
@click.option("--share", default=1.0, show_default=True, help="Of the keys: less for a quick look.")
def main(baseline: str, runs: int, share: float) -> None:
    """Compare saving and loading with a real server; prints Markdown, as in docs/performance.md."""
    real = find_real_servers().get(baseline)
    if real is None:
        raise click.ClickException(f"{baseline} is not on this machine")
    programs = (real, our_program())
    rows: list[tuple[str, float, float]] = []
    latencies: list[str] = []
    for dataset in DATASETS:
        keys = max(int(dataset.keys * share), 1)
        times = {program.name: Times() for program in programs}
        with tempfile.TemporaryDirectory() as directory:
            size = _make_file(real, dataset, keys, Path(directory))
            for run in range(runs):
                # Who goes first alternates, so that neither always runs on the warmer machine.
                for program in programs if run % 2 == 0 else programs[::-1]:
                    _measure(program, Path(directory), keys, times[program.name])
        title = f"{keys:,} {dataset.title} ({size / 1e6:.0f} MB)"
        rows += _rows(title, times[baseline], times[OURS])
        latencies += [f"{dataset.title}, {name}: {_percentiles(times[name])}" for name in times]
    click.echo(f"|  | {baseline} s | ours s | ratio |\n|---|---:|---:|---:|")
    for name, first, second in rows:
        click.echo(f"| {name} | {first:.2f} | {second:.2f} | {second / first:.1f} |")
    click.echo("\nGET during BGSAVE, one client:")
    for line in latencies:
        click.echo(f"- {line}")


if __name__ == "__main__":
    main()
