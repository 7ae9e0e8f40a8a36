"""An asyncio event loop with virtual time: when nothing is left to do now, it is time for the next timer.

It has no sockets, files, signals or threads. Whatever runs on it and takes its randomness from a seed runs
the same way each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

_NANOSECOND = 1e-9


class DeadlockError(RuntimeError):
    """Nothing is left to do and no timer is set, but the program has not ended."""


class _NoSelector:
    """Stands where a loop waits for sockets: it moves time on instead."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance = advance

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise DeadlockError("nothing is left to do, and nothing will happen any more")
        if timeout > 0:
            self._advance(timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module. `time` begins at 0 and moves only while the loop runs."""

    _selector: _NoSelector

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._clock_resolution = _NANOSECOND
        self._selector = _NoSelector(self._advance)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def _advance(self, seconds: float) -> None:
        self._now_s += seconds

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine to its end. Raises what it raises, and `DeadlockError` where it waits in vain."""
        return self.run_until_complete(main)

    def _process_events(self, event_list: list[Any]) -> None:
        """asyncio: there are no events but timers."""

    def _write_to_self(self) -> None:
        """asyncio: nobody else could want to wake this loop."""

    def close(self) -> None:
        """End the loop; tasks that are left are cancelled first."""
        if not self.is_closed():
            for task in asyncio.all_tasks(self):
                task.cancel()
            if not self.is_running():
                self.run_until_complete(asyncio.sleep(0))
        super().close()
