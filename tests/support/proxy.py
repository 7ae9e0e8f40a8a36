"""A TCP link that can be cut, held up, slowed down, garbled and restored.

async with Proxy(server.port) as proxy:    # in the test's loop
    ...
with proxied(server.port) as link:         # for tests without a loop: the proxy runs in a thread
    link.cut()
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

from tests.support.ports import free_port, release_port

_CHUNK_BYTES = 1 << 16
_TICK_S = 0.01
_LIMIT_S = 10.0


class Proxy:
    """Listens on `port` and passes bytes on to `target_port`, both ways, as it is told to."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = free_port()
        self.accepted = 0
        self.passed_bytes = 0
        self._open = asyncio.Event()
        self._open.set()
        self._bytes_per_s: float | None = None
        self._change: Callable[[bytes], bytes] | None = None
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.restore()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        release_port(self.port)

    def cut(self) -> None:
        """End all connections, and each new one at once."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def drop(self) -> None:
        """End all connections; new ones are served."""
        for writer in self._writers:
            writer.transport.abort()

    def pause(self) -> None:
        """Pass nothing on, and close nothing, as a network that loses everything does."""
        self._open.clear()

    def throttle(self, bytes_per_s: float) -> None:
        """Pass no more than so many bytes in each direction of each connection."""
        self._bytes_per_s = bytes_per_s

    def garble(self, change: Callable[[bytes], bytes]) -> None:
        """Pass on what `change` makes of each piece, in both directions."""
        self._change = change

    def restore(self) -> None:
        """Serve again as at first; what was held up goes on."""
        self._is_cut = False
        self._bytes_per_s = None
        self._change = None
        self._open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if not self._is_cut:
                await self._join(reader, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._writers.add(far_writer)
        ways = [
            asyncio.ensure_future(self._pass(reader, far_writer)),
            asyncio.ensure_future(self._pass(far_reader, writer)),
        ]
        try:
            # As soon as either side ends, so does the other: a replication link has no half-closed state.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            limit = _CHUNK_BYTES
            if self._bytes_per_s is not None:
                limit = max(1, int(self._bytes_per_s * _TICK_S))
            data = await reader.read(limit)
            await self._open.wait()
            if not data or writer.transport.is_closing():
                return
            writer.write(data if self._change is None else self._change(data))
            self.passed_bytes += len(data)
            await writer.drain()
            if self._bytes_per_s is not None:
                await asyncio.sleep(len(data) / self._bytes_per_s)


class ThreadedProxy:
    """A `Proxy` whose loop is in a thread of its own; its methods return when done."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self._proxy = proxy
        self._loop = loop
        self.port = proxy.port

    def _do(self, action: Callable[[], None]) -> None:
        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(_LIMIT_S)

    def cut(self) -> None:
        """See `Proxy`."""
        self._do(self._proxy.cut)

    def drop(self) -> None:
        """See `Proxy`."""
        self._do(self._proxy.drop)

    def pause(self) -> None:
        """See `Proxy`."""
        self._do(self._proxy.pause)

    def throttle(self, bytes_per_s: float) -> None:
        """See `Proxy`."""
        self._do(lambda: self._proxy.throttle(bytes_per_s))

    def garble(self, change: Callable[[bytes], bytes]) -> None:
        """See `Proxy`; `change` is called in the thread of the loop."""
        self._do(lambda: self._proxy.garble(change))

    def restore(self) -> None:
        """See `Proxy`."""
        self._do(self._proxy.restore)

    @property
    def accepted(self) -> int:
        """How many connections were accepted so far."""
        return self._proxy.accepted


@contextlib.contextmanager
def proxied(target_port: int) -> Iterator[ThreadedProxy]:
    """A proxy to a port for the length of the with-block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = Proxy(target_port)
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(_LIMIT_S)
    try:
        yield ThreadedProxy(proxy, loop)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result(_LIMIT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LIMIT_S)
        loop.close()
