"""An event loop in a thread of its own, for servers of tests that have no running loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from pyredis_cluster.testing.simulation.loop import VirtualLoop

_T = TypeVar("_T")


class Startable(Protocol):
    """What `LoopThread` starts and stops."""

    async def start(self) -> None:
        """Start."""

    async def stop(self) -> None:
        """Stop what was started."""


class LoopThread:
    """One event loop, shared by all who hold it, running from the first `hold` to the last `release`.

    `call` and `run` may be used from any thread but its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; only while it is held."""
        assert self._loop is not None, "nobody holds the loop"
        return self._loop

    def hold(self) -> None:
        """Have the loop run until `release`."""
        with self._lock:
            self._users += 1
            if self._thread is not None:
                return
            started = threading.Event()
            self._thread = threading.Thread(
                target=self._serve, args=(started,), name="pyredis-cluster", daemon=True
            )
            self._thread.start()
            started.wait()

    def release(self) -> None:
        """Let go of the loop, which ends with its last holder."""
        with self._lock:
            self._users -= 1
            if self._users or self._thread is None:
                return
            thread, self._thread = self._thread, None
            self.loop.call_soon_threadsafe(self.loop.stop)
            thread.join()
            self._loop = None

    def start(self, servers: Startable) -> None:
        """Hold the loop and start servers in it."""
        _refuse_in_virtual_time()
        self.hold()
        try:
            self.run(servers.start())
        except BaseException:
            self.release()
            raise

    def stop(self, servers: Startable) -> None:
        """Stop what `start` has started, and release the loop."""
        try:
            self.run(servers.stop())
        finally:
            self.release()

    def call(self, function: Callable[..., _T], *args: Any) -> _T:
        """Call a plain function in the loop's thread; its result, or what it raises."""

        async def work() -> _T:
            return function(*args)

        return self.run(work())

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop; its result, or what it raises."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this would wait for itself: use the asynchronous form here")
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        """`run` for who has another loop, which goes on meanwhile."""
        _refuse_in_virtual_time(work)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def _serve(self, started: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = loop = runner.get_loop()
            loop.call_soon(started.set)
            loop.run_forever()


def _refuse_in_virtual_time(work: Coroutine[Any, Any, object] | None = None) -> None:
    if isinstance(asyncio._get_running_loop(), VirtualLoop):
        if work is not None:
            work.close()
        raise RuntimeError(
            "this server runs in real time, which a test in virtual time cannot wait for: "
            "start it inside, with `async with`"
        )


SHARED: Final = LoopThread()
"""The loop of all servers of this process that were started without a running loop."""
