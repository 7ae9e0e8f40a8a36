"""What is measured: redis-benchmark's default tests, each as one invocation of its own.

One invocation per test is what lets the server's CPU time be charged to it. LRANGE is given as a command,
because ``-t lrange_100`` runs an LPUSH test first, whose CPU time would be counted with it.
"""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass

CLIENTS = 50
RUN_LIMIT_S = 120
LRANGE_LIST_LENGTH = 1000


class BenchmarkFailedError(Exception):
    """redis-benchmark ended with an error or printed something unexpected."""


@dataclass(frozen=True)
class Workload:
    """One test: its name as redis-benchmark prints it and the arguments that run it alone."""

    name: str
    arguments: tuple[str, ...]
    # Requests in proportion to those of SET: what is expensive needs fewer to be measured as well.
    share: float = 1.0
    needs_list: bool = False


def _built_in(name: str, share: float = 1.0) -> Workload:
    return Workload(name, ("-t", name.lower().partition(" ")[0]), share)


def _lrange(count: int) -> Workload:
    command = ("LRANGE", "mylist", "0", str(count - 1))
    return Workload(f"LRANGE_{count}", command, 10 / count, needs_list=True)


WORKLOADS = (
    _built_in("PING_INLINE"),
    _built_in("PING_MBULK"),
    _built_in("SET"),
    _built_in("GET"),
    _built_in("INCR"),
    _built_in("LPUSH"),
    _built_in("RPUSH"),
    _built_in("LPOP"),
    _built_in("RPOP"),
    _built_in("SADD"),
    _built_in("HSET"),
    _built_in("SPOP"),
    _built_in("ZADD"),
    _built_in("ZPOPMIN"),
    _lrange(100),
    _lrange(300),
    _lrange(500),
    _lrange(600),
    _built_in("MSET (10 keys)", 0.3),
)


def run_workload(program: str, port: int, workload: Workload, pipeline: int, requests: int) -> float:
    """Run one test against a local port, return requests per second. Raises BenchmarkFailedError."""
    argv = [program, "-p", str(port), "-c", str(CLIENTS), "-P", str(pipeline), "-n", str(requests), "--csv"]
    argv += workload.arguments
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as late:
        # redis-benchmark spins for ever when its server goes away.
        raise BenchmarkFailedError(f"{' '.join(argv)}: no result within {RUN_LIMIT_S} s") from late
    rows = [row for row in csv.reader(done.stdout.splitlines()) if len(row) > 1 and row[0] != "test"]
    if done.returncode or len(rows) != 1:
        raise BenchmarkFailedError(f"{' '.join(argv)}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return float(rows[0][1])
