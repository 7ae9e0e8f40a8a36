"""The time of a test's servers, as the test moves it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pyredis_cluster.ports import Clock as ServerClock
    from pyredis_cluster.server.server import Server

_CAREFUL_S: Final = 30.0
_MARGIN_S: Final = 10.0
_LAST_S: Final = 15.0
_BETWEEN_JUMPS_S: Final = 1.0
_MOST_JUMPS: Final = 10_000


class MovableTime(Protocol):
    """What can be moved: the time of a loop, and of all servers whose timers it has."""

    def time(self) -> float:
        """Seconds, from a beginning that means nothing."""

    def moving(self) -> contextlib.AbstractContextManager[None]:
        """A block in which time is moved. Raises RuntimeError within another such block."""

    async def pass_until(self, end_s: float) -> None:
        """Let time pass: what is due until then happens in order."""

    def next_long_timer_s(self) -> float:
        """When the next timer is due that is no tick; infinity for none."""

    def jump(self, to_s: float) -> None:
        """Have it be later at once. What has become due happens when time passes next."""

    def stand_still(self) -> None:
        """Have no time go by until `go_on`. Raises RuntimeError where that makes no sense."""

    def go_on(self) -> None:
        """Have time go by again."""


class Clock:
    """The clock that servers of a test go by: expiry, timeouts, ticks, elections.

    The test itself goes by its own, and so do its clients.
    """

    def __init__(self, time: MovableTime, clock: ServerClock, servers: Iterable[Server]) -> None:
        """`servers` are all whose time this is, now and later; those that have ended do not count."""
        self._time = time
        self._clock = clock
        self._servers = servers

    def time(self) -> float:
        """What the servers take for the present: seconds since 1970."""
        return self._clock.unix_ns() / 1e9

    def freeze(self) -> None:
        """Have time stand still until `unfreeze`: nothing expires or times out, but by `advance`.

        Servers answer as ever, but do nothing by themselves: replicas do not connect, nodes do not join.
        """
        self._time.stand_still()

    def unfreeze(self) -> None:
        """Have time go by again."""
        self._time.go_on()

    async def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """Have so much time go by at once: what happens within it has happened, in order, when this returns.

        The first 30 seconds (or more where the servers have longer timeouts: what has begun takes its course)
        and the last 15 go by tick by tick. Between them, whatever waits for more than a second (blocked
        clients, ends of pauses) still has its turn in order; but what servers do many times a second, they
        do once for each such turn and once in the end. Nobody is taken for dead for that.

        Raises ValueError for a time that is negative or no number, RuntimeError while another call is at it.
        """
        delay_s = seconds + 60 * (minutes + 60 * (hours + 24 * days))
        if not 0 <= delay_s < math.inf:
            raise ValueError(f"time can be moved on by some seconds, not by {delay_s}")
        time = self._time
        with time.moving():
            end_s = time.time() + delay_s
            await time.pass_until(min(end_s, time.time() + self._careful_s()))
            jumps = 0
            while end_s - time.time() > _LAST_S + _BETWEEN_JUMPS_S:
                if jumps == _MOST_JUMPS:
                    raise RuntimeError(
                        f"after {delay_s - (end_s - time.time()):.0f} s time was moved no further: something "
                        "sets a timer again and again, each for some seconds; advance by less at once"
                    )
                jumps += 1
                time.jump(max(time.time(), min(time.next_long_timer_s(), end_s - _LAST_S - _BETWEEN_JUMPS_S)))
                for server in self._running():
                    server.clock_moved()
                await time.pass_until(time.time() + _BETWEEN_JUMPS_S)
            await time.pass_until(end_s)

    def _running(self) -> list[Server]:
        return [server for server in self._servers if not server.stopped.is_set()]

    def _careful_s(self) -> float:
        """How long it takes until all that may have begun has taken its course."""
        longest_s = _CAREFUL_S
        for server in self._running():
            config = server.config
            if server.replicas or server.replication_roles.primary is not None:
                longest_s = max(longest_s, config.integer("repl-timeout") + _MARGIN_S)
            if server.cluster is not None:
                longest_s = max(longest_s, 4 * config.integer("cluster-node-timeout") / 1000)
            if server.sentinel is not None:
                for master in server.sentinel.core.state.masters.values():
                    longest_s = max(longest_s, 3 * master.down_after_ms / 1000 + _MARGIN_S)
        return longest_s
