"""Compares failovers with those of a real cluster: ``python -m benchmarks.failover``.

Two clusters run side by side, every node a process, and lose a primary in turn, by ``kill -9``. Its replica
takes its place; then it is started again and follows, until the next one is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import click

from benchmarks.fleet import SHARDS, Failover, Fleet, fleet
from benchmarks.report import machine, seconds_row
from pyredis_cluster.testing.simulation.world import SimulatedWorld
from tests.simulation.cluster import SimulatedCluster
from tests.support.servers import OURS, Program, find_real_servers, our_program

_SIMULATED_TIMEOUT_MS = 15_000

_MOMENTS: dict[str, Callable[[Failover], float]] = {
    "known to be down": lambda failover: failover.agreed_s,
    "ok everywhere": lambda failover: failover.healed_s,
    "a write succeeds": lambda failover: failover.written_s,
}


def _race(programs: list[Program], node_timeout_ms: int, runs: int) -> dict[str, list[Failover]]:
    with ExitStack() as stack:
        fleets = {each.name: stack.enter_context(fleet(each, node_timeout_ms)) for each in programs}
        found: dict[str, list[Failover]] = {name: [] for name in fleets}
        for run in range(runs):
            # Who goes first alternates, so that neither always runs on the warmer machine.
            for name in list(fleets) if run % 2 == 0 else list(fleets)[::-1]:
                failover = fleets[name].lose_primary(run % SHARDS)
                found[name].append(failover)
                click.echo(
                    f"{node_timeout_ms} ms, {name}: down {failover.agreed_s:.3f} s,"
                    f" ok {failover.healed_s:.3f} s, written {failover.written_s:.3f} s",
                    err=True,
                )
    return found


def _rows(node_timeout_ms: int, found: dict[str, list[Failover]]) -> list[str]:
    return [
        seconds_row([str(node_timeout_ms), moment], [list(map(of, each)) for each in found.values()])
        for moment, of in _MOMENTS.items()
    ]


def _idle(program: Program, node_timeout_ms: int, seconds: float) -> str:
    """What becomes of a healthy cluster that is left alone."""
    with fleet(program, node_timeout_ms) as idle:
        before = idle.verdicts()
        moved_at = _until_moved(idle, seconds)
        verdicts = idle.verdicts() - before
    kept = "nothing changed hands" if moved_at is None else f"a replica took over after {moved_at:.0f} s"
    return f"{program.name}, {node_timeout_ms} ms, idle for {seconds:.0f} s: {kept}; {verdicts} false alarms"


def _until_moved(idle: Fleet, limit_s: float) -> float | None:
    start_s = time.perf_counter()
    while time.perf_counter() - start_s < limit_s:
        time.sleep(0.5)
        if not idle.is_in_place():
            return time.perf_counter() - start_s
    return None


def _simulated_failover() -> tuple[float, float]:
    """Virtual and real seconds of a failover in a simulated cluster, until all slots are served again."""
    with SimulatedWorld(seed=1) as world:
        cluster = SimulatedCluster(world, primaries=SHARDS, replicas=1, node_timeout_ms=_SIMULATED_TIMEOUT_MS)
        world.run(cluster.form(by_meeting=False))
        cluster.hosts[0].kill()
        virtual_s, real_s = world.now_s, time.perf_counter()
        world.run(cluster.wait_for_successor(cluster.hosts[0]))
        return world.now_s - virtual_s, time.perf_counter() - real_s


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The real server.")
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1), help="Medians count.")
@click.option(
    "--timeout",
    "timeouts_ms",
    multiple=True,
    type=click.IntRange(1),
    help="Node timeouts; 5000, 1000, 200, 50.",
)
@click.option("--idle-s", default=30.0, show_default=True, help="How long to leave a cluster alone.")
@click.option("--quick", is_flag=True, help="A smoke test: one failover each.")
def main(baseline: str, runs: int, timeouts_ms: tuple[int, ...], idle_s: float, quick: bool) -> None:
    """Compare failovers with a real cluster's; prints Markdown, as in docs/performance.md."""
    real = find_real_servers().get(baseline)
    if real is None:
        raise click.ClickException(f"{baseline} is not on this machine")
    programs = [real, our_program()]
    chosen = timeouts_ms or ((200,) if quick else (5000, 1000, 200, 50))
    rows: list[str] = []
    for node_timeout_ms in chosen:
        rows += _rows(node_timeout_ms, _race(programs, node_timeout_ms, 1 if quick else runs))
    click.echo(f"{machine()}; seconds after the kill, medians (and ranges)\n")
    click.echo(f"| node timeout ms |  | {baseline} | {OURS} | ratio |\n|---:|---|---:|---:|---:|")
    click.echo("\n".join(rows) + "\n")
    if not quick and idle_s:
        for program in programs:
            click.echo(_idle(program, min(chosen), idle_s))
    virtual_s, real_s = _simulated_failover()
    click.echo(
        f"simulated, {_SIMULATED_TIMEOUT_MS} ms: {virtual_s:.1f} virtual seconds in {1000 * real_s:.0f} ms"
    )


if __name__ == "__main__":
    main()
