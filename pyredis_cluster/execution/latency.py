"""The latency monitor: what took long, by kind of event, over the last spikes.

Source: latency.c of Redis 7.2, for what is kept and how it is summed up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pyredis_cluster.keyspace.keyspace import Keyspace

HISTORY_LENGTH = 160
"""Samples kept of each event."""


class LatencySeries:
    """The last spikes of one event: [unix time in seconds, milliseconds], at most one a second."""

    __slots__ = ("max_ms", "samples")

    def __init__(self) -> None:
        self.samples: deque[list[int]] = deque(maxlen=HISTORY_LENGTH)
        self.max_ms = 0

    def add(self, now_s: int, latency_ms: int) -> None:
        """Take in a spike; of several in one second only the worst counts."""
        self.max_ms = max(self.max_ms, latency_ms)
        if self.samples and self.samples[-1][0] == now_s:
            self.samples[-1][1] = max(self.samples[-1][1], latency_ms)
        else:
            self.samples.append([now_s, latency_ms])


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """A series in figures; `period_s` is the time between its first spike and now, at least 1."""

    samples: int
    average_ms: int
    deviation_ms: int
    period_s: int
    max_ms: int


class LatencyMonitor:
    """All events of one server. `threshold_ms` of 0 records nothing."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self.threshold_ms = 0
        self.events: dict[bytes, LatencySeries] = {}

    def note(self, event: bytes, latency_ms: int) -> None:
        """Record that `event` took so long, if that is a spike."""
        if not self.threshold_ms or latency_ms < self.threshold_ms:
            return
        series = self.events.get(event)
        if series is None:
            series = self.events[event] = LatencySeries()
        series.add(self._keyspace.now_ms // 1000, latency_ms)

    def reset(self, event: bytes | None = None) -> int:
        """Forget one event, in any case of letters, or all; how many were forgotten."""
        if event is None:
            gone = list(self.events)
        else:
            gone = [name for name in self.events if name.lower() == event.lower()]
        for name in gone:
            del self.events[name]
        return len(gone)

    def summary(self, series: LatencySeries) -> LatencySummary:
        """The figures of LATENCY DOCTOR; divisions round down."""
        values = [latency_ms for _, latency_ms in series.samples]
        count = len(values)
        average = sum(values) // count
        deviation = sum(abs(average - value) for value in values) // count
        first_s = min(time_s for time_s, _ in series.samples)
        period_s = max(self._keyspace.now_ms // 1000 - first_s, 1)
        return LatencySummary(count, average, deviation, period_s, series.max_ms)
