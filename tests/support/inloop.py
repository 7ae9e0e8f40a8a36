r"""Servers on real sockets in the test's own event loop, and clients that show raw replies.

async with serving(maxclients=3) as server, peer(server) as client:
    assert await client.call("PING") == b"+PONG\r\n"
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable

from pyredis_cluster.config.config import Config
from pyredis_cluster.ports import Disk
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.server import Server
from pyredis_cluster.testing.settings import set_directives
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.ports import free_port, release_port
from tests.support.program import messages
from tests.support.wire import Arg, ConnectionClosedError, encode, frame_end

LIMIT_S = 30.0


class TestServer(Server):
    """A server whose log is at hand."""

    __test__ = False
    lines: Iterable[bytes]

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.config.integer("port")

    def logged(self) -> list[str]:
        """The messages of its log."""
        return messages(b"".join(self.lines).decode("utf-8", "replace"))

    def log_text(self) -> str:
        """Its log."""
        return b"".join(self.lines).decode("utf-8", "replace")


def make_config(port: int, **directives: object) -> Config:
    """A configuration; keyword arguments are directives with `_` for `-`."""
    config = Config()
    set_directives(config, {"port": port, "bind": "127.0.0.1", "save": "", **directives})
    return config


@contextlib.asynccontextmanager
async def serving(
    *, use_epoll: bool = True, disk: Disk | None = None, **directives: object
) -> AsyncIterator[TestServer]:
    """A started server with these directives (`_` for `-`), ended after the block.

    Without `dir` its files are those of a simulated disk, and gone with it, unless `disk` is given.
    """
    loop = asyncio.get_running_loop()
    if disk is None and "dir" not in directives:
        disk = SimulatedDisk(loop)
    port = free_port()
    network = Network(loop, use_epoll=use_epoll)
    lines: list[bytes] = []
    log = Log(SystemClock(), lines.append)
    server = TestServer(make_config(port, **directives), loop, network=network, log=log, disk=disk)
    server.lines = lines
    try:
        await server.start()
        yield server
    finally:
        server.shutdown(save=False, now=True, force=True)
        await until(lambda: not server.clients.connections)
        network.close()
        release_port(port)


class Peer:
    """A client connection; replies come as the raw bytes of one frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._buffer = bytearray()

    async def call(self, *argv: Arg) -> bytes:
        """Send one command and read one frame."""
        self.writer.write(encode(argv))
        return await self.read()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    async def read(self, limit_s: float = LIMIT_S) -> bytes:
        """One frame. Raises TimeoutError, and ConnectionClosedError with what had come."""
        async with asyncio.timeout(limit_s):
            while (end := frame_end(self._buffer)) is None:
                try:
                    data = await self._reader.read(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    raise ConnectionClosedError(bytes(self._buffer))
                self._buffer += data
        frame = bytes(self._buffer[:end])
        del self._buffer[:end]
        return frame

    async def read_to_end(self) -> bytes:
        """All that comes until the connection ends."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                try:
                    data = await self._reader.read(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    return bytes(self._buffer)
                self._buffer += data

    async def is_silent(self, for_s: float = 0.05) -> bool:
        """Whether nothing comes for that long."""
        if self._buffer:
            return False
        try:
            async with asyncio.timeout(for_s):
                self._buffer += await self._reader.read(65536)
        except TimeoutError:
            return True
        return False


@contextlib.asynccontextmanager
async def peer(server: Server | int, *, limit_bytes: int = 1 << 16) -> AsyncIterator[Peer]:
    """A client of a server, or of a port. It stops reading the socket with twice `limit_bytes` unread."""
    port = server if isinstance(server, int) else server.config.integer("port")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit_bytes)
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Let the loop run until `holds()`; raises AssertionError when it did not in time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.001)
