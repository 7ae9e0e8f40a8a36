"""The time of servers that run in the loop of another thread, which is moved as that of any others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.testing.clock import Clock
    from pyredis_cluster.testing.loop_thread import LoopThread


class RemoteClock:
    """See `Clock`."""

    def __init__(self, clock: Clock, thread: LoopThread) -> None:
        self._clock = clock
        self._thread = thread

    def time(self) -> float:
        """See `Clock`."""
        return self._clock.time()

    def freeze(self) -> None:
        """See `Clock`."""
        self._thread.call(self._clock.freeze)

    def unfreeze(self) -> None:
        """See `Clock`."""
        self._thread.call(self._clock.unfreeze)


class BlockingClock(RemoteClock):
    """For tests without a running loop."""

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """See `Clock`."""
        self._thread.run(self._clock.advance(seconds, minutes=minutes, hours=hours, days=days))


class AwaitableClock(RemoteClock):
    """For tests with a loop of their own."""

    async def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """See `Clock`."""
        await self._thread.wait(self._clock.advance(seconds, minutes=minutes, hours=hours, days=days))
