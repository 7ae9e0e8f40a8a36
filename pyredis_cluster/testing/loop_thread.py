"""An event loop in a thread of its own, for servers of tests that have no running loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
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

    `call` and `run` may be used from any thread but its own. A process that is forked meanwhile has neither
    thread nor servers; what it starts itself has another loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process_id = os.getpid()
        self._inherited: list[asyncio.AbstractEventLoop | None] = []

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop. Raises RuntimeError where nobody holds it, and in a process that was forked meanwhile."""
        if self._is_inherited:
            raise RuntimeError("this server runs in the process that this one was forked from")
        if self._loop is None:
            raise RuntimeError("the server has ended with its block or its test")
        return self._loop

    @property
    def _is_inherited(self) -> bool:
        return self._process_id != os.getpid()

    def hold(self) -> None:
        """Have the loop run until `release`."""
        with self._lock:
            if self._is_inherited:
                # A loop that nobody has would be closed, and its sockets are those of the other process.
                self._inherited.append(self._loop)
                self._process_id, self._users, self._thread, self._loop = os.getpid(), 0, None, None
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
        except Exception:
            self.release()
            raise
        except BaseException:
            # Ctrl-C, say: the start may be half done.
            self.stop(servers)
            raise

    def stop(self, servers: Startable) -> None:
        """Stop what `start` has started, and release the loop."""
        if self._is_inherited:
            return
        try:
            self.run(servers.stop())
        finally:
            self.release()

    def call(self, function: Callable[..., _T], *args: Any) -> _T:
        """Call a plain function in the loop's thread; its result, or what it raises."""
        __tracebackhide__ = True

        async def work() -> _T:
            __tracebackhide__ = True
            return function(*args)

        return self.run(work())

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop; its result, or what it raises."""
        __tracebackhide__ = True
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this would wait for itself: use the asynchronous form here")
        future = self._begin(work)
        try:
            # What went wrong is of interest in a test, and not that it went wrong in another thread.
            if error := future.exception():
                raise error
            return future.result()
        finally:
            # Whoever stops waiting (Ctrl-C) does not want it any more.
            future.cancel()
            error = None

    async def wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        """`run` for who has another loop, which goes on meanwhile. Raises RuntimeError without one."""
        _refuse_in_virtual_time(work)
        try:
            running_loop()
        except RuntimeError:
            work.close()
            raise
        return await asyncio.wrap_future(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        try:
            loop = self.loop
        except RuntimeError:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, loop)

    def _serve(self, started: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = loop = runner.get_loop()
            loop.call_soon(started.set)
            loop.run_forever()


def running_loop() -> asyncio.AbstractEventLoop:
    """The loop that runs in this thread. Raises RuntimeError where there is none."""
    loop = asyncio._get_running_loop()
    if loop is None:
        raise RuntimeError("there is no running loop of asyncio: use `with`, and blocking forms in threads")
    return loop


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
