"""The server's heartbeat: what happens `hz` times a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer

Task = Callable[[int], object]
"""Called with the time in milliseconds."""

Schedule = Callable[[float, Callable[[], None]], "Timer"]


class Cron:
    """Runs its tasks in the order in which they were added, each at its own interval."""

    def __init__(self, schedule: Schedule, now_ms: Callable[[], int]) -> None:
        """`schedule` is the server's own `call_later`, so that a frozen server does not tick."""
        self._schedule = schedule
        self._now_ms = now_ms
        self._tasks: list[_Periodic] = []
        self._timer: Timer | None = None
        self._interval_ms = 100

    def every(self, interval_ms: int, task: Task) -> None:
        """Run `task` about every `interval_ms`; 0 for every tick."""
        self._tasks.append(_Periodic(interval_ms, task))

    def set_hz(self, hz: int) -> None:
        """Tick that often a second."""
        self._interval_ms = 1000 // max(hz, 1)

    def start(self) -> None:
        """Begin to tick."""
        self._timer = self._schedule(self._interval_ms, self._tick)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        # Scheduled first, so that a task that fails costs one tick and not all that follow.
        self._timer = self._schedule(self._interval_ms, self._tick)
        now_ms = self._now_ms()
        for periodic in self._tasks:
            if now_ms >= periodic.due_ms or now_ms < periodic.last_ms:
                periodic.last_ms = now_ms
                periodic.due_ms = now_ms + periodic.interval_ms
                periodic.task(now_ms)


class _Periodic:
    __slots__ = ("due_ms", "interval_ms", "last_ms", "task")

    def __init__(self, interval_ms: int, task: Task) -> None:
        self.interval_ms = interval_ms
        self.task = task
        self.due_ms = 0
        self.last_ms = 0
