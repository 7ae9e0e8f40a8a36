"""Servers that are started once and lent to one test after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from pyredis_cluster.testing.loop_thread import SHARED, LoopThread


class Lendable(Protocol):
    """What can be lent: it starts, can be as at first again, and stops."""

    def start(self) -> Coroutine[Any, Any, None]:
        """Start."""

    def reset(self) -> Coroutine[Any, Any, None]:
        """Be as after `start`."""

    def stop(self) -> Coroutine[Any, Any, None]:
        """Stop."""


_LendableT = TypeVar("_LendableT", bound=Lendable)


_MOST_IDLE = 4


class Pool:
    """Servers of each kind and options run on when they are given back, until `close`.

    Those that nobody has wanted for the longest time make room for others.
    """

    def __init__(self, thread: LoopThread = SHARED) -> None:
        self.thread = thread
        self._idle: list[tuple[str, Lendable]] = []

    @contextlib.contextmanager
    def lend(self, kind: Callable[..., _LendableT], options: Mapping[str, Any]) -> Iterator[_LendableT]:
        """One for the time of a block, as it was at first. Raises what `kind` and its start do."""
        key = f"{kind!r} {sorted(options.items())!r}"
        servers: Any = self._again(key)
        if servers is None:
            servers = kind(**options)
            self.thread.start(servers)
        try:
            yield servers
        finally:
            self._idle.append((key, servers))
            self._keep(_MOST_IDLE)

    def _again(self, key: str) -> Lendable | None:
        """One that was lent before, unless there is none that can be reset."""
        for at in reversed(range(len(self._idle))):
            if self._idle[at][0] != key:
                continue
            servers = self._idle.pop(at)[1]
            try:
                self.thread.run(servers.reset())
            except Exception:
                # Whatever the test before has done to it: there will be a new one.
                self.thread.stop(servers)
            except BaseException:
                self.thread.stop(servers)
                raise
            else:
                return servers
        return None

    def _keep(self, count: int) -> None:
        """Stop all but the `count` that were given back last."""
        while len(self._idle) > count:
            self.thread.stop(self._idle.pop(0)[1])

    def close(self) -> None:
        """Stop all. Nobody has any."""
        self._keep(0)
