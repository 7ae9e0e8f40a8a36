"""The real world behind `pyredis_cluster.ports`."""

from __future__ import annotations

import time


class SystemClock:
    """The clocks of this machine."""

    unix_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.perf_counter_ns)
