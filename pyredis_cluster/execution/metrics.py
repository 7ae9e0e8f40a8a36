"""Rates per second, averaged over the last 1.6 seconds: the `instantaneous_…` fields of INFO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.statistics import Statistics

SAMPLE_INTERVAL_MS = 100
_SAMPLES = 16


class Rate:
    """How fast a counter grows; 0 until it was sampled twice."""

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._last_ms = 0
        self._last_count = 0
        self._samples: deque[float] = deque([0.0] * _SAMPLES, maxlen=_SAMPLES)

    def sample(self, now_ms: int) -> None:
        """Take a sample; to be called every SAMPLE_INTERVAL_MS."""
        count = self._read()
        elapsed_ms = now_ms - self._last_ms
        # A counter that was reset, or a clock that jumped back, begins anew.
        if self._last_ms and elapsed_ms > 0 and count >= self._last_count:
            self._samples.append((count - self._last_count) * 1000 / elapsed_ms)
        self._last_ms = now_ms
        self._last_count = count

    @property
    def per_second(self) -> float:
        """The mean of the samples."""
        return sum(self._samples) / _SAMPLES


class Metrics:
    """The rates of one server. `sample` is called by the server's heartbeat."""

    def __init__(self, commands: Callable[[], int], statistics: Statistics) -> None:
        self.commands = Rate(commands)
        self.input_bytes = Rate(lambda: statistics.all_input_bytes)
        self.output_bytes = Rate(lambda: statistics.all_output_bytes)
        self.replication_input_bytes = Rate(lambda: statistics.net_repl_input_bytes)
        self.replication_output_bytes = Rate(lambda: statistics.net_repl_output_bytes)

    def sample(self, now_ms: int) -> None:
        """Take a sample of every rate."""
        self.commands.sample(now_ms)
        self.input_bytes.sample(now_ms)
        self.output_bytes.sample(now_ms)
        self.replication_input_bytes.sample(now_ms)
        self.replication_output_bytes.sample(now_ms)
