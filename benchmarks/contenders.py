"""The servers that compete: started, warmed up, and watched from outside through /proc."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workloads import LRANGE_LIST_LENGTH, Workload, run_workload
from tests.support.replicating import follow, wait_for_link, wait_for_replicas
from tests.support.servers import Program, RunningServer, own_all_slots, start_server

FILL_BATCH = 1000
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Measurement:
    """One run of one workload: requests per second, and microseconds of server CPU for each."""

    requests_per_s: float
    cpu_us: float


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, in seconds. Linux only; raises OSError elsewhere."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
    if threads:
        # In nanoseconds, where /proc/PID/stat counts ticks of 10 ms: short runs need it.
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def resident_bytes(pid: int) -> int:
    """Resident set size of a process. Linux only; raises OSError elsewhere."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


class Contender:
    """One server in the race: a label, a program with options, and what goes with it: a cluster node owns all
    slots, `replica` is a program that replicates from it.
    """

    def __init__(
        self,
        label: str,
        program: Program,
        *options: str,
        cluster: bool = False,
        replica: Program | None = None,
    ) -> None:
        """Nothing is started yet."""
        self.label = label
        self.program = program
        self.options = options
        self.cluster = cluster
        self.replica = replica
        self._server: RunningServer | None = None
        self._replica: RunningServer | None = None

    @property
    def server(self) -> RunningServer:
        """The running server; started at first use. Raises ServerFailedError."""
        if self._server is None:
            self._server = self._start()
        return self._server

    def _start(self) -> RunningServer:
        server = start_server(self.program, *self.options, cluster=self.cluster)
        if self.cluster:
            own_all_slots(server)
        if self.replica is not None:
            self._replica = start_server(self.replica)
            with self._replica.connect() as client:
                follow(client, server.port)
                wait_for_link(client)
        return server

    def _let_replica_catch_up(self) -> None:
        """What it has yet to do must not cost the next run, which may be another contender's."""
        if self._replica is not None:
            with self.server.connect() as client, self._replica.connect() as replica:
                wait_for_replicas(client, replica)

    def stop(self) -> None:
        """End the server and its replica, if they run."""
        if self._replica is not None:
            self._replica.stop()
            self._replica = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def clear(self) -> None:
        """Drop all keys."""
        with self.server.connect(timeout_s=60) as client:
            client.call("FLUSHALL")

    def measure(self, benchmark: str, workload: Workload, pipeline: int, requests: int) -> Measurement:
        """Run one workload. Raises BenchmarkFailedError."""
        if workload.needs_list:
            self._make_list()
        before_s = cpu_s(self.server.pid)
        requests_per_s = run_workload(benchmark, self.server.port, workload, pipeline, requests)
        measurement = Measurement(requests_per_s, (cpu_s(self.server.pid) - before_s) / requests * 1e6)
        self._let_replica_catch_up()
        return measurement

    def _make_list(self) -> None:
        with self.server.connect() as client:
            client.call("DEL", "mylist")
            client.call("RPUSH", "mylist", *(f"element:{index:012d}" for index in range(LRANGE_LIST_LENGTH)))

    def fill(self, keys: int) -> int:
        """SET that many small keys on a fresh server, return by how many bytes its resident set grew."""
        self.stop()
        before = resident_bytes(self.server.pid)
        with self.server.connect(timeout_s=60) as client:
            for start in range(0, keys, FILL_BATCH):
                numbers = range(start, min(start + FILL_BATCH, keys))
                client.pipeline([("SET", f"key:{number:09d}", "xxx") for number in numbers])
        grown = resident_bytes(self.server.pid) - before
        self.stop()
        return grown


def startup_s(program: Program) -> float:
    """Seconds from starting the process to its first PONG. Raises ServerFailedError."""
    started = time.perf_counter()
    # start_server polls by connecting every few milliseconds; its last poll is the first PONG.
    server = start_server(program)
    elapsed = time.perf_counter() - started
    server.stop()
    return elapsed
