"""The event loop of a test as its servers see it: with a time that the test can move.

Servers take their time and all their timers from the loop that they are given. This one hands everything else
on to the loop that runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any, Final, TypeVarTuple, Unpack, cast

from pyredis_cluster.testing.simulation.loop import Timer, next_long_timer_s

_Args = TypeVarTuple("_Args")

_WINDOW_S: Final = 0.01
"""While time is moved, what is due within that time of each other happens before others hear of it."""

_TURNS_TO_HEAR: Final = 6
"""Turns of the running loop in which a question over a socket is answered, and the answer read."""

_MOST_CANCELLED: Final = 1000


class MovableLoop:
    """`asyncio.AbstractEventLoop` for servers; its time goes by as real time does, unless it stands still."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.call_soon = loop.call_soon
        self._offset_s = 0.0
        self._offset_ns = 0
        self._standing_s: float | None = None
        self._begin_ns = 0
        """Unix time at 0 of the time that stands."""
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._cancelled_count = 0
        self._wakeup: asyncio.TimerHandle | None = None
        self._wakeup_s = math.inf
        self._is_moving = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    # As servers use it

    def time(self) -> float:
        """See asyncio."""
        standing_s = self._standing_s
        return self._loop.time() + self._offset_s if standing_s is None else standing_s

    def unix_ns(self) -> int:
        """See `ports.Clock`."""
        standing_s = self._standing_s
        return (
            time.time_ns() + self._offset_ns if standing_s is None else self._begin_ns + int(standing_s * 1e9)
        )

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)  # type: ignore[arg-type]
        heapq.heappush(self._timers, (when, next(self._numbers), handle, self.time()))
        if when < self._wakeup_s:
            self._wake_when_due()
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """asyncio: a timer is cancelled. Those that are due in a year must not fill the memory."""
        self._cancelled_count += 1
        if self._cancelled_count > max(_MOST_CANCELLED, len(self._timers) // 2):
            self._cancelled_count = 0
            self._timers = [
                timer for timer in self._timers if not timer[2].cancelled() and timer[2] is not handle
            ]
            heapq.heapify(self._timers)

    def _next_due_s(self) -> float:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        return timers[0][0] if timers else math.inf

    def _wake_when_due(self) -> None:
        """Have the running loop call when the next timer is due, if time goes by until then."""
        due_s, now_s = self._next_due_s(), self.time()
        if self._standing_s is not None and due_s > now_s:
            due_s = math.inf
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        self._wakeup_s = due_s
        if due_s < math.inf:
            self._wakeup = self._loop.call_later(max(due_s - now_s, 0), self._wake)

    def _wake(self) -> None:
        self._wakeup_s = math.inf
        try:
            self._fire(self.time())
        finally:
            self._wake_when_due()

    def _fire(self, end_s: float) -> None:
        """Let what is due until then happen; what that leads to is not part of it."""
        due: list[Timer] = []
        while self._next_due_s() <= end_s:
            due.append(heapq.heappop(self._timers))
        for when_s, _, handle, _ in due:
            if self._standing_s is not None:
                self._standing_s = max(self._standing_s, when_s)
            if not handle.cancelled():
                handle._run()

    # As its owner uses it

    @property
    def for_servers(self) -> asyncio.AbstractEventLoop:
        """The same, as what servers take it for."""
        return cast(asyncio.AbstractEventLoop, self)

    @property
    def was_moved(self) -> bool:
        """Whether this is not the time of the running loop."""
        return self._standing_s is not None or self._offset_s != 0

    def stand_still(self) -> None:
        """Have no time go by until `go_on`. Raises RuntimeError while time is moved."""
        self._check_unmoved()
        if self._standing_s is None:
            self._begin_ns = self.unix_ns() - int(self.time() * 1e9)
            self._standing_s = self.time()
            self._wake_when_due()

    def go_on(self) -> None:
        """Have time go by again. Raises RuntimeError while time is moved."""
        self._check_unmoved()
        if self._standing_s is not None:
            self._offset_ns = self.unix_ns() - time.time_ns()
            self._offset_s = self._standing_s - self._loop.time()
            self._standing_s = None
            self._wake_when_due()

    def set_back(self) -> None:
        """Have the time of the running loop again. Nobody uses this one meanwhile."""
        self._timers.clear()
        self._offset_s, self._offset_ns, self._standing_s = 0.0, 0, None
        self._wake_when_due()

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """For the time of a block, only `pass_until` and `jump` move time. Raises RuntimeError within one."""
        self._check_unmoved()
        was_standing = self._standing_s is not None
        self.stand_still()
        self._is_moving = True
        try:
            yield
        finally:
            self._is_moving = False
            if not was_standing:
                self.go_on()

    def _check_unmoved(self) -> None:
        if self._is_moving:
            raise RuntimeError("time is being moved already")

    async def pass_until(self, end_s: float) -> None:
        """Let happen what is due until then, in order, as if that time went by."""
        await self._settle()
        while (due_s := self._next_due_s()) <= end_s:
            self._fire(min(max(due_s, self.time()) + _WINDOW_S, end_s))
            await self._settle()
        self._standing_s = max(self.time(), end_s)

    def next_long_timer_s(self) -> float:
        """See `simulation.loop.next_long_timer_s`."""
        return next_long_timer_s(self._timers)

    def jump(self, to_s: float) -> None:
        """Have it be later; what has become due meanwhile happens when time passes next."""
        self._standing_s = to_s

    async def _settle(self) -> None:
        for _ in range(_TURNS_TO_HEAR):
            await asyncio.sleep(0)


class MovableClock:
    """The clock of servers that run in a `MovableLoop`. What is measured with it is real time still."""

    monotonic_ns = staticmethod(time.perf_counter_ns)

    def __init__(self, loop: MovableLoop) -> None:
        self.unix_ns = loop.unix_ns
