"""A client of a cluster that writes keys all along, whatever happens, and knows which must be there.

with SteadyWriter(port) as writer:
    ...
writer.keys     # {key: value} of all that was acknowledged
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis

from tests.support.background import Background

_LIMIT_S = 60.0
_PAUSE_S = 0.005


class SteadyWriter(Background):
    """A thread with a `redis.RedisCluster`, which tries each write again until it is acknowledged.

    `refused` counts the failures by kind; `keys` has all that was acknowledged, with its value. Each is read
    again at once; `misread` has those that were not there.
    """

    def __init__(self, port: int, *, prefix: str = "steady", timeout_s: float = 1.0) -> None:
        super().__init__(limit_s=_LIMIT_S)
        self.keys: dict[str, str] = {}
        self.misread: list[str] = []
        self.refused: dict[str, int] = {}
        self._port = port
        self._prefix = prefix
        self._timeout_s = timeout_s

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more writes are acknowledged. Raises AssertionError."""
        wanted = len(self.keys) + count
        pause = threading.Event()
        for _ in range(int(_LIMIT_S / _PAUSE_S)):
            if len(self.keys) >= wanted or self._failure is not None:
                break
            pause.wait(_PAUSE_S)
        assert len(self.keys) >= wanted, (len(self.keys), wanted, self.refused, self._failure)

    def _work(self) -> None:
        with redis.RedisCluster(
            "127.0.0.1", self._port, socket_timeout=self._timeout_s, decode_responses=True
        ) as cluster:
            while not self._ending.wait(_PAUSE_S):
                key = f"{self._prefix}:{len(self.keys)}"
                value = f"value of {key}"
                if self._insist(lambda key=key, value=value: cluster.set(key, value)) == [True]:  # type: ignore[misc]
                    self.keys[key] = value
                    found = self._insist(lambda key=key: cluster.get(key))  # type: ignore[misc]
                    if found and found != [value]:
                        self.misread.append(key)

    def _insist(self, do: Callable[[], object]) -> list[object]:
        """What comes of it when it is not refused any more; nothing if this is to end before."""
        while not self._ending.is_set():
            try:
                return [do()]
            except (redis.RedisError, OSError) as error:
                kind = type(error).__name__
                self.refused[kind] = self.refused.get(kind, 0) + 1
                self._ending.wait(_PAUSE_S)
        return []


def missing(port: int, keys: dict[str, str]) -> list[str]:
    """The keys that a cluster does not have, or with another value."""
    with redis.RedisCluster("127.0.0.1", port, decode_responses=True, socket_timeout=10) as cluster:
        names = list(keys)
        found: list[str | None] = []
        for start in range(0, len(names), 500):
            with cluster.pipeline() as pipeline:
                for name in names[start : start + 500]:
                    pipeline.get(name)
                found += pipeline.execute()
    return [name for name, value in zip(names, found, strict=True) if value != keys[name]]
