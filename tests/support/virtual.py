r"""Whole servers in virtual time and in memory, and clients of them that show every byte.

async def scenario(world: World) -> None:
    server = await world.serve("10.0.0.1", repl_timeout=5)
    client = await world.peer(server)
    assert await client.call("PING") == b"+PONG\r\n"
    await asyncio.sleep(3600)                       # takes no time

run(scenario)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pyredis_cluster.testing.settings import DirectiveValue
from pyredis_cluster.testing.simulation.world import SimulatedWorld
from tests.support.inloop import TestServer
from tests.support.wire import Arg, encode, frame_end

PORT = 6379
CLIENT_ADDRESS = "127.0.0.1"


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


class World(SimulatedWorld):
    """A simulated world in which scenarios see bytes and logs."""

    server_type = TestServer

    async def serve(self, address: str = "10.0.0.1", **directives: DirectiveValue) -> TestServer:
        """A started server at an address of its own, with these directives (`_` for `-`)."""
        host = self.host(address, **{"enable_debug_command": True, "rdbcompression": False, **directives})
        server = await host.start()
        assert isinstance(server, TestServer)
        server.lines = host.log_lines
        # What happens every second has happened for the first time then.
        await asyncio.sleep(0.15)
        return server

    async def peer(self, server: TestServer) -> VirtualPeer:
        """A client."""
        peer = VirtualPeer()
        await self._connect(server, peer)
        return peer

    async def replica(self, server: TestServer) -> VirtualReplica:
        """A client that is going to be a replica."""
        peer = VirtualReplica()
        await self._connect(server, peer)
        return peer

    async def pair(self, **directives: DirectiveValue) -> tuple[TestServer, VirtualPeer, VirtualReplica]:
        """A server that sends data at once, a client and one that is going to be a replica."""
        directives = {"repl_diskless_sync_delay": 0, **directives}
        server = await self.serve("10.0.0.1", **directives)
        return server, await self.peer(server), await self.replica(server)

    async def _connect(self, server: TestServer, peer: VirtualPeer) -> None:
        host = next(host for host in self.hosts if host.server is server)
        await self.network.host(CLIENT_ADDRESS).connect(lambda: peer, host.address, PORT)


async def until(holds: Callable[[], bool], limit_s: float = 600.0) -> None:
    """Let virtual time go by until `holds()`; raises AssertionError when it did not in time."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + limit_s
    while not holds():
        assert loop.time() < deadline_s, "waited in vain"
        await asyncio.sleep(0.001)


def run(scenario: Callable[[World], Coroutine[Any, Any, None]], seed: int = 1) -> None:
    """Run a scenario to its end; every server is ended, and its log has no failure of our own."""
    with World(seed) as world:
        try:
            world.run(scenario(world))
        finally:
            for host in world.hosts:
                host.stop()
        for host in world.hosts:
            log = b"".join(host.log_lines).decode("utf-8", "replace")
            assert "Traceback" not in log, log
