"""Compares how long moving slots takes, beside a real cluster: ``python -m benchmarks.reshard``.

Three primaries have all slots and the keys, a fourth has none; redis-cli moves slots there. Both kinds of
cluster take turns run by run; each run has a new one.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field, replace

import click

from benchmarks.contenders import cpu_s
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot
from tests.support.cluster_programs import id_of, join
from tests.support.servers import OURS, Program, RunningServer, find_real_servers, our_program, start_server

_OWNERS = 3
_BATCH = 1000
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Scenario:
    """What is moved: that many slots, holding that many keys, by nodes with these options."""

    title: str
    slots: int
    keys: int
    options: tuple[str, ...] = ()

    def tenth(self) -> Scenario:
        """The same, for a quick look."""
        return replace(self, title=f"a tenth of {self.title}", slots=self.slots // 10, keys=self.keys // 10)


SCENARIOS = (
    Scenario("1,000 empty slots", 1000, 0),
    Scenario("4,096 slots with 100,000 keys", 4096, 100_000),
    Scenario("the same with `appendonly yes`", 4096, 100_000, ("--appendonly", "yes")),
)


@dataclass
class Times:
    """Seconds of each run: until redis-cli was done, and of CPU of all nodes together."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)


def _fill(owners: list[RunningServer], keys: int) -> None:
    """SET that many small keys, each where its slot is."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect(timeout_s=60)) for server in owners]
        batches: list[list[tuple[str, ...]]] = [[] for _ in owners]
        for number in range(keys):
            key = f"key:{number:09d}"
            # As `join` gives slots to the owners.
            at = (key_slot(key.encode()) * _OWNERS + _OWNERS - 1) // SLOT_COUNT
            batches[at].append(("SET", key, f"value:{number}"))
            if len(batches[at]) == _BATCH:
                clients[at].pipeline(batches[at])
                batches[at].clear()
        for client, batch in zip(clients, batches, strict=True):
            if batch:
                client.pipeline(batch)


def _reshard(servers: list[RunningServer], slots: int) -> None:
    words = ["redis-cli", "--cluster", "reshard", f"127.0.0.1:{servers[0].port}", "--cluster-from", "all"]
    words += ["--cluster-to", id_of(servers[-1]), "--cluster-slots", str(slots), "--cluster-yes"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise click.ClickException(done.stdout[-1000:] + done.stderr)


def _key_count(server: RunningServer) -> int:
    with server.connect() as client:
        return int(client.call("DBSIZE").strip()[1:])


def _measure(program: Program, scenario: Scenario, times: Times) -> None:
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(start_server(program, *scenario.options, cluster=True))
            for _ in range(_OWNERS + 1)
        ]
        for epoch, server in enumerate(servers, 1):
            with server.connect() as client:
                client.call("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        join(servers[:-1], servers[-1:])
        # Slots are taken from all owners alike, so the keys that move are those slots' share.
        total = scenario.keys * SLOT_COUNT // scenario.slots
        _fill(servers[:-1], total)
        before_s = sum(cpu_s(server.pid) for server in servers)
        started_s = time.perf_counter()
        _reshard(servers, scenario.slots)
        times.wall_s.append(time.perf_counter() - started_s)
        times.cpu_s.append(sum(cpu_s(server.pid) for server in servers) - before_s)
        counts = [_key_count(server) for server in servers]
        if sum(counts) != total or abs(counts[-1] - scenario.keys) > scenario.keys // 50:
            raise click.ClickException(f"{program.name}: {total:,} keys became {counts}")


@click.command()
@click.option("--baseline", default="redis-7.0", show_default=True, help="The real server.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1), help="Medians count.")
@click.option("--quick", is_flag=True, help="One run, a tenth of the slots and keys.")
def main(baseline: str, runs: int, quick: bool) -> None:
    """Compare resharding with a real cluster; prints Markdown, as in docs/performance.md."""
    real = find_real_servers().get(baseline)
    if real is None or shutil.which("redis-cli") is None:
        raise click.ClickException(f"{baseline} or redis-cli is not on this machine")
    programs = (real, our_program())
    click.echo(f"|  | {baseline} s | ours s | ratio | {baseline} CPU s | ours CPU s |\n|---|{'---:|' * 5}")
    for scenario in SCENARIOS:
        one = scenario.tenth() if quick else scenario
        times = {program.name: Times() for program in programs}
        for run in range(1 if quick else runs):
            # Who goes first alternates, so that neither always runs on the warmer machine.
            for program in programs if run % 2 == 0 else programs[::-1]:
                _measure(program, one, times[program.name])
        first, second = (statistics.median(times[name].wall_s) for name in (baseline, OURS))
        cells = [one.title, f"{first:.2f}", f"{second:.2f}", f"{second / first:.1f}"]
        cells += [f"{statistics.median(times[name].cpu_s):.2f}" for name in (baseline, OURS)]
        click.echo(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
