"""The real world behind `pyredis_cluster.ports`."""

from __future__ import annotations

import time


class SystemClock:
    """The clocks of this machine."""

    def unix_us(self) -> int:
        """Wall-clock time in microseconds since 1970."""
        return time.time_ns() // 1000

    monotonic_ns = staticmethod(time.perf_counter_ns)
