"""Compares servers side by side with redis-benchmark: ``python -m benchmarks.compare``.

Both run at the same time, on free ports, and take turns run by run, so that the machine's moods hit both.
"""

from __future__ import annotations

import json
import shutil
import statistics
from pathlib import Path

import click

from benchmarks.contenders import Contender, startup_s
from benchmarks.report import Report, Row, as_markdown, as_text, text_row
from benchmarks.workloads import WORKLOADS, Workload
from tests.support.servers import OURS, Program, find_real_servers, our_program

MEMORY_KEYS = 1_000_000
QUICK_MEMORY_KEYS = 50_000
STARTUP_RUNS = 5
# Deep pipelines need more requests for a run of the same length.
REQUESTS_FACTOR = {1: 1, 16: 3, 64: 5}


def _program(name: str) -> Program:
    if name == OURS:
        return our_program()
    try:
        return find_real_servers()[name]
    except KeyError:
        raise click.ClickException(f"{name} is not on this machine") from None


def _contenders(
    baseline: str, subject: str, cluster: bool, beside: str | None
) -> tuple[Contender, Contender]:
    program = _program(subject)
    plain = Contender(subject, program)
    if cluster:
        return plain, Contender(f"{subject} in cluster mode", program, cluster=True)
    if beside == "appendonly":
        return plain, Contender(f"{subject} with an AOF", program, "--appendonly", "yes")
    if beside == "replica":
        label = f"{subject} with a replica ({baseline})"
        # Without the delay the replica is there before the first run.
        options = ("--repl-diskless-sync-delay", "0")
        return plain, Contender(label, program, *options, replica=_program(baseline))
    return Contender(baseline, _program(baseline)), Contender(subject, _program(subject))


def _chosen_workloads(tests: str) -> list[Workload]:
    wanted = [name.strip().upper() for name in tests.split(",") if name.strip()]
    chosen = [one for one in WORKLOADS if not wanted or any(one.name.startswith(name) for name in wanted)]
    if not chosen:
        raise click.ClickException(
            f"no such test: {tests}; there are {', '.join(one.name for one in WORKLOADS)}"
        )
    return chosen


class _Race:
    def __init__(
        self, benchmark: str, contenders: tuple[Contender, Contender], runs: int, requests: int
    ) -> None:
        self.benchmark = benchmark
        self.contenders = contenders
        self.runs = runs
        self.requests = requests
        first, second = contenders
        self.report = Report((first.label, second.label), (first.program.version, second.program.version))

    def workloads(self, pipelines: tuple[int, ...], workloads: list[Workload]) -> None:
        for pipeline in pipelines:
            for contender in self.contenders:
                contender.clear()
            for workload in workloads:
                row = self._row(workload, pipeline)
                self.report.rows.append(row)
                click.echo(text_row(self.report, row), err=True)

    def _row(self, workload: Workload, pipeline: int) -> Row:
        row = Row(workload.name, pipeline, {contender.label: [] for contender in self.contenders})
        requests = max(int(self.requests * workload.share * REQUESTS_FACTOR.get(pipeline, 1)), 500)
        for run in range(self.runs):
            # Who goes first alternates, so that neither always runs on the warmer machine.
            for contender in self.contenders if run % 2 == 0 else self.contenders[::-1]:
                row.measurements[contender.label].append(
                    contender.measure(self.benchmark, workload, pipeline, requests)
                )
        return row

    def startup(self, runs: int) -> None:
        times: dict[str, list[float]] = {contender.label: [] for contender in self.contenders}
        for _ in range(runs):
            for contender in self.contenders:
                times[contender.label].append(startup_s(contender.program))
        self.report.startup_s = {label: statistics.median(all_times) for label, all_times in times.items()}

    def memory(self, keys: int) -> None:
        self.report.bytes_per_key = {
            contender.label: contender.fill(keys) / keys for contender in self.contenders
        }

    def stop(self) -> None:
        for contender in self.contenders:
            contender.stop()


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The server to compare with.")
@click.option("--subject", default=OURS, show_default=True, help="The server that is judged.")
@click.option("--cluster", is_flag=True, help="Compare the subject as a cluster node with itself standalone.")
@click.option(
    "--with",
    "beside",
    type=click.Choice(("appendonly", "replica")),
    help="Compare the subject with itself that also writes an AOF, or has the baseline as its replica.",
)
@click.option("-t", "--tests", default="", help="Comma-separated tests (SET,GET,LRANGE); all by default.")
@click.option(
    "-P", "--pipeline", "pipelines", multiple=True, type=click.IntRange(1), help="Depths; 1, 16, 64."
)
@click.option(
    "--runs", default=3, show_default=True, type=click.IntRange(1), help="Runs per test; medians count."
)
@click.option(
    "-n", "--requests", default=100_000, show_default=True, type=click.IntRange(500), help="Per run."
)
@click.option("--no-extras", is_flag=True, help="Leave out start-up time and memory.")
@click.option("--quick", is_flag=True, help="A smoke test: everything once, with few requests.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures."
)
@click.option("--markdown", is_flag=True, help="Print Markdown, as in docs/performance.md.")
def main(
    baseline: str,
    subject: str,
    cluster: bool,
    beside: str | None,
    tests: str,
    pipelines: tuple[int, ...],
    runs: int,
    requests: int,
    no_extras: bool,
    quick: bool,
    json_file: Path | None,
    markdown: bool,
) -> None:
    """Compare a server with a real one: requests per second, CPU, start-up time, memory."""
    benchmark = shutil.which("redis-benchmark")
    if benchmark is None:
        raise click.ClickException("redis-benchmark is not on the PATH")
    if quick:
        runs, requests = 1, 3_000
    race = _Race(benchmark, _contenders(baseline, subject, cluster, beside), runs, requests)
    try:
        race.workloads(pipelines or (1, 16, 64), _chosen_workloads(tests))
        if not no_extras and not cluster and beside is None:
            race.startup(1 if quick else STARTUP_RUNS)
            race.memory(QUICK_MEMORY_KEYS if quick else MEMORY_KEYS)
    finally:
        race.stop()
    click.echo((as_markdown if markdown else as_text)(race.report))
    if json_file is not None:
        json_file.write_text(json.dumps(race.report.as_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
