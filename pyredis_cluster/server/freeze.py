"""Freezing: for a while a server does nothing on any of its wires, as a stopped process would.

Others in the same process go on. Timers that fall due meanwhile fire when it is over.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final

_TURNS_TO_HEAR: Final = 3
"""Turns of the event loop until all that came meanwhile is read: connections are accepted in one of them,
and read from in the next, which events of this turn may precede."""

_LOOK_AGAIN_S: Final = 0.001


class Freezer:
    """Whether one server is frozen, and what waits for the end of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.Handle | None = None
        self._until_s = 0.0
        self._postponed: list[Callable[[], None]] = []
        self._is_waking = False
        self.is_frozen = False
        self.on_freeze: list[Callable[[], None]] = []
        """Called when it begins: stop reading, writing, accepting."""
        self.on_waking: list[Callable[[], None]] = []
        """Called when the time is over, some turns of the event loop before `on_thaw`: what clients' requests
        depend on is to be read first."""
        self.may_thaw: Callable[[], bool] = lambda: True
        """Asked when the time is over and `on_waking` was called: whether it can end."""
        self.on_thaw: list[Callable[[], None]] = []
        """Called when it ends, before what was postponed."""

    def freeze(self, duration_ms: float = math.inf) -> None:
        """Freeze for that long, or until `thaw`. Once frozen, a longer time counts."""
        until_s = self._loop.time() + duration_ms / 1000
        if self.is_frozen and until_s <= self._until_s:
            return
        self._stop_timer()
        self._until_s = until_s
        if until_s < math.inf:
            self._handle = self._loop.call_at(until_s, self._wake)
        if not self.is_frozen or self._is_waking:
            self.is_frozen = True
            self._is_waking = False
            for callback in self.on_freeze:
                callback()

    def _wake(self) -> None:
        self._is_waking = True
        for callback in self.on_waking:
            callback()
        if not self._is_waking:  # one of them froze it again
            return
        if self.on_waking:
            self._thaw_when_up_to_date(_TURNS_TO_HEAR)
        else:
            self.thaw()

    def _thaw_when_up_to_date(self, turns: int) -> None:
        """Let so many turns pass in a row in which nothing is waited for."""
        if not turns:
            self.thaw()
        elif self.may_thaw():
            self._handle = self._loop.call_soon(self._thaw_when_up_to_date, turns - 1)
        else:
            self._handle = self._loop.call_later(_LOOK_AGAIN_S, self._thaw_when_up_to_date, _TURNS_TO_HEAR)

    def thaw(self) -> None:
        """Go on, unless what goes on first freezes it again: then the rest stays frozen."""
        if not self.is_frozen:
            return
        self._stop_timer()
        self.is_frozen = self._is_waking = False
        for callback in self.on_thaw:
            callback()
            if self.is_frozen:
                return
        postponed, self._postponed = self._postponed, []
        for each in postponed:
            each()

    def postpone(self, callback: Callable[[], None]) -> None:
        """Call back when the server is no longer frozen."""
        self._postponed.append(callback)

    def abandon(self) -> None:
        """Forget everything: the server ends."""
        self._stop_timer()
        self._postponed.clear()

    def _stop_timer(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class LoopTimer:
    """A pending call of the event loop that waits while the server is frozen.

    `around` makes the call, so that what has to precede and follow every piece of work does.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        freezer: Freezer,
        around: Callable[[Callable[..., object], tuple[Any, ...]], None],
        delay_ms: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
    ) -> None:
        self._freezer = freezer
        self._around = around
        self._callback: Callable[..., object] | None = callback
        self._args = args
        self._handle = loop.call_later(max(delay_ms, 0) / 1000, self._fire)

    def _fire(self) -> None:
        if self._freezer.is_frozen:
            self._freezer.postpone(self._fire)
        elif self._callback is not None:
            callback, self._callback = self._callback, None
            self._around(callback, self._args)

    def cancel(self) -> None:
        """Never make the call."""
        self._handle.cancel()
        self._callback = None
