r"""Whole servers in virtual time and in memory, and clients of them that show every byte.

async def scenario(world: World) -> None:
    server = await world.serve("10.0.0.1", repl_timeout=5)
    client = await world.connect(server)
    assert await client.call("PING") == b"+PONG\r\n"
    await asyncio.sleep(3600)                       # takes no time

run(scenario)
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from pyredis_cluster.server.log import Log
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from pyredis_cluster.testing.simulation.loop import VirtualLoop
from pyredis_cluster.testing.simulation.network import NetworkWorld
from tests.support.inloop import TestServer, make_config
from tests.support.wire import Arg, encode, frame_end

PORT = 6379
START_S = 1_700_000_000
CLIENT_ADDRESS = "127.0.0.1"


class LoopClock:
    """The time of a virtual loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def unix_ns(self) -> int:
        """See `Clock`."""
        return START_S * 1_000_000_000 + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        """See `Clock`."""
        return round(self._loop.time() * 1_000_000_000)


class ClosedError(Exception):
    """The server has ended the connection; with what had come and was not read."""


class VirtualPeer(asyncio.Protocol):
    """One end of a connection to a server."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.data = bytearray()
        """What has come and was not read."""
        self.is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.is_closed = True

    def send(self, *argv: Arg) -> None:
        """Send a request."""
        self.transport.write(encode(argv))

    async def call(self, *argv: Arg) -> bytes:
        """Send a request and read one frame."""
        self.send(*argv)
        return await self.frame()

    async def frame(self) -> bytes:
        """One frame."""
        end: int | None = None

        def is_there() -> bool:
            nonlocal end
            end = frame_end(self.data)
            return end is not None

        await self._until(is_there)
        return self._take(end or 0)

    async def line(self) -> bytes:
        """All up to the next line break, without it."""
        await self._until(lambda: b"\n" in self.data)
        return self._take(self.data.index(b"\n") + 1).rstrip(b"\r\n")

    async def read(self, size: int) -> bytes:
        """So many bytes."""
        await self._until(lambda: len(self.data) >= size)
        return self._take(size)

    async def closed(self) -> bytes:
        """What comes until the server ends the connection."""
        await until(lambda: self.is_closed)
        return self._take(len(self.data))

    async def _until(self, holds: Callable[[], bool]) -> None:
        await until(lambda: holds() or self.is_closed)
        if not holds():
            raise ClosedError(bytes(self.data))

    def _take(self, size: int) -> bytes:
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


class VirtualReplica(VirtualPeer):
    """A peer that replicates by hand."""

    replid = ""
    offset = 0

    async def introduce(self, port: int = 6380, *, capabilities: tuple[str, ...] = ("eof", "psync2")) -> None:
        """What a replica says before PSYNC."""
        words: list[Arg] = ["REPLCONF", "listening-port", port]
        for capability in capabilities:
            words += ["capa", capability]
        assert await self.call(*words) == b"+OK\r\n"

    async def begin_full_sync(self) -> None:
        """PSYNC for all data, and the reply, which has to be FULLRESYNC."""
        self.send("PSYNC", "?", -1)
        await self.take_full_resync()

    async def take_full_resync(self) -> None:
        """Read +FULLRESYNC, after any number of empty lines."""
        while not (line := await self.line()):
            pass
        word, replid, offset = line.split()
        assert word == b"+FULLRESYNC"
        self.replid, self.offset = replid.decode(), int(offset)

    async def data_with_mark(self) -> bytes:
        """The data of a full synchronisation without a file."""
        while not (line := await self.line()):
            pass
        assert line.startswith(b"$EOF:")
        mark = line[5:]
        assert len(mark) == 40
        await self._until(lambda: mark in self.data)
        size = self.data.index(mark)
        data = self._take(size + 40)
        return data[:-40]

    async def data_with_length(self) -> bytes:
        """The data of a full synchronisation from a file."""
        while not (line := await self.line()):
            pass
        assert line.startswith(b"$")
        return await self.read(int(line[1:]))

    def acknowledge(self, more: int = 0) -> None:
        """Say that `more` bytes of the stream were applied since the last time."""
        self.offset += more
        self.send("REPLCONF", "ACK", self.offset)

    async def full_sync(self) -> bytes:
        """Introduce itself, take all data without a file, and be ready for the stream."""
        await self.introduce()
        await self.begin_full_sync()
        data = await self.data_with_mark()
        self.acknowledge()
        return data

    async def stream(self, *requests: tuple[Arg, ...]) -> None:
        """What comes of the stream is exactly this; it is acknowledged by the next `acknowledge`."""
        wire = b"".join(map(encode, requests))
        assert await self.read(len(wire)) == wire
        self.offset += len(wire)


class World:
    """Servers and clients of one scenario."""

    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self.loop = loop
        self.random = random.Random(seed)
        self.network = NetworkWorld(loop, self.random)
        self.servers: list[TestServer] = []

    async def serve(self, address: str = "10.0.0.1", **directives: object) -> TestServer:
        """A started server at an address of its own, with these directives (`_` for `-`)."""
        clock = LoopClock(self.loop)
        lines: list[bytes] = []
        settings = {
            "bind": "*",
            "protected_mode": False,
            "enable_debug_command": True,
            "rdbcompression": False,
            **directives,
        }
        config = make_config(PORT, **settings)
        disk = SimulatedDisk(self.loop)
        disk.make_directory(config.text("dir"))
        server = TestServer(
            config,
            self.loop,
            network=self.network.host(address),
            log=Log(clock, lines.append),
            clock=clock,
            random_source=self.random,
            disk=disk,
        )
        server.lines = lines
        self.servers.append(server)
        await server.start()
        # What happens every second has happened for the first time then.
        await asyncio.sleep(0.15)
        return server

    async def connect(self, server: TestServer) -> VirtualPeer:
        """A client."""
        peer = VirtualPeer()
        await self._connect(server, peer)
        return peer

    async def replica(self, server: TestServer) -> VirtualReplica:
        """A client that is going to be a replica."""
        peer = VirtualReplica()
        await self._connect(server, peer)
        return peer

    async def _connect(self, server: TestServer, peer: VirtualPeer) -> None:
        network = server.network
        address: str = network.address  # type: ignore[attr-defined]
        await self.network.host(CLIENT_ADDRESS).connect(lambda: peer, address, PORT)


async def until(holds: Callable[[], bool], limit_s: float = 600.0) -> None:
    """Let virtual time go by until `holds()`; raises AssertionError when it did not in time."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + limit_s
    while not holds():
        assert loop.time() < deadline_s, "waited in vain"
        await asyncio.sleep(0.001)


def run(scenario: Callable[[World], Awaitable[None]], seed: int = 1) -> None:
    """Run a scenario to its end; every server is ended, and its log has no failure of our own."""
    loop = VirtualLoop()

    async def main() -> None:
        world = World(loop, seed)
        try:
            await scenario(world)
        finally:
            for server in world.servers:
                server.shutdown(save=False, now=True, force=True)
        for server in world.servers:
            assert "Traceback" not in server.log_text(), server.log_text()

    try:
        loop.run(main())
    finally:
        loop.close()
