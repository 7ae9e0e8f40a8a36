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


class Pool:
    """Of each kind and options, as many as were ever needed at once; all run until `close`."""

    def __init__(self, thread: LoopThread = SHARED) -> None:
        self.thread = thread
        self._idle: dict[str, list[Lendable]] = {}

    @contextlib.contextmanager
    def lend(self, kind: Callable[..., _LendableT], options: Mapping[str, Any]) -> Iterator[_LendableT]:
        """One for the time of a block, as it was at first. Raises what `kind` and its start do."""
        key = f"{kind!r} {sorted(options.items())!r}"
        idle = self._idle.setdefault(key, [])
        servers: Any = self._again(idle)
        if servers is None:
            servers = kind(**options)
            self.thread.start(servers)
        try:
            yield servers
        finally:
            idle.append(servers)

    def _again(self, idle: list[Lendable]) -> Lendable | None:
        """One that was lent before, unless there is none that can be reset."""
        while idle:
            servers = idle.pop()
            try:
                self.thread.run(servers.reset())
            except Exception:
                # Whatever the test before has done to it: there will be a new one.
                self.thread.stop(servers)
            else:
                return servers
        return None

    def close(self) -> None:
        """Stop all. Nobody has any."""
        for idle in self._idle.values():
            for servers in idle:
                self.thread.stop(servers)
        self._idle.clear()
