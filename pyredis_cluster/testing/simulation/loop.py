"""An asyncio event loop with virtual time: when nothing is left to do now, it is time for the next timer.

It has no sockets, files, signals or threads. Whatever runs on it and takes its randomness from a seed runs
the same way each time; timers of one moment run in the order in which they were set.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

from pyredis_cluster.testing.simulation.waiting import who_waits

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")

_SOON_S = 1e-9
"""Timers that are due within that time of each other are due at once."""

_LONG_S = 1.0

Timer = tuple[float, int, asyncio.TimerHandle, float]
"""When it is due, its number among all, what it does, and when it was set."""


class DeadlockError(RuntimeError):
    """The program has not ended, but nothing will happen any more, or its time is over. Says who waits."""


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module. `time` begins at 0 and moves only while the loop runs."""

    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        # asyncio's own heap compares its timers by a method of theirs, which takes most of the time.
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self.limit_s = math.inf
        """How long programs may run."""
        self._failure: BaseException | None = None
        self.set_exception_handler(self._note_failure)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle, self._now_s))
        return handle

    def jump(self, to_s: float) -> None:
        """Have it be later, at once: timers that have become due meanwhile fire with the next turn."""
        self._now_s = max(self._now_s, to_s)

    def next_long_timer_s(self) -> float:
        """See the function of that name."""
        return next_long_timer_s(self._timers)

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine to its end.

        Raises what it raises, `DeadlockError` where it waits in vain, and in the end what any callback has
        raised meanwhile.
        """
        result = self.run_until_complete(main)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        return result

    def _note_failure(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._failure = self._failure or context.get("exception")

    def _run_once(self) -> None:
        """asyncio: what is ready now, or else, time having moved on, what is due next."""
        ready, timers = self._ready, self._timers
        if not ready and not self._stopping:
            while timers and timers[0][2].cancelled():
                heapq.heappop(timers)
            if not timers:
                raise self._deadlock("nothing is left to do, and nothing will happen any more")
            if timers[0][0] > self.limit_s:
                raise self._deadlock(f"this has not ended within limit_s={self.limit_s:g} s of virtual time")
            self._now_s = max(self._now_s, timers[0][0])
        end_s = self._now_s + _SOON_S
        while timers and timers[0][0] <= end_s:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _deadlock(self, what: str) -> DeadlockError:
        waiting = who_waits(self)
        return DeadlockError(f"{what}. Who waits:\n{waiting}" if waiting else what)

    def _write_to_self(self) -> None:
        """asyncio: nobody else could want to wake this loop."""

    def close(self) -> None:
        """End the loop; tasks that are left are cancelled first."""
        if not self.is_closed():
            for task in asyncio.all_tasks(self):
                task.cancel()
            if not self.is_running():
                self.run_until_complete(asyncio.sleep(0))
        self._timers.clear()
        super().close()


def next_long_timer_s(timers: Iterable[Timer]) -> float:
    """When the next timer is due that was set for more than a second, so is no tick. Infinity for none."""
    return min(
        (
            when_s
            for when_s, _, handle, set_s in timers
            if when_s - set_s > _LONG_S and not handle.cancelled()
        ),
        default=math.inf,
    )
