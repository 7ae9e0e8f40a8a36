"""A replica on a real socket that takes its data and its stream slower than they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.inloop import TestServer, peer, serving, until
from tests.support.wire import encode

READER_LIMIT_BYTES = 1 << 16
VALUE = b"x" * 1000


@asynccontextmanager
async def replica(server: TestServer) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that has asked for all data, and been answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=READER_LIMIT_BYTES)
    try:
        writer.write(encode(("REPLCONF", "capa", "eof", "capa", "psync2")))
        assert await reader.readline() == b"+OK\r\n"
        writer.write(encode(("PSYNC", "?", -1)))
        assert (await reader.readline()).startswith(b"+FULLRESYNC ")
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_whole(reader: asyncio.StreamReader, end: bytes) -> bytes:
    """All that comes up to and with `end`."""
    data = bytearray()
    while not data.endswith(end):
        piece = await reader.read(1 << 16)
        assert piece, "the connection was closed"
        data += piece
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("diskless", [True, False])
async def test_everything_arrives_in_order_whatever_the_pace(
    use_epoll: bool, diskless: bool, tmp_path: Path
) -> None:
    async with (
        serving(
            use_epoll=use_epoll,
            dir=tmp_path,
            repl_diskless_sync=diskless,
            repl_diskless_sync_delay=0,
            repl_backlog_size="64kb",
            rdbcompression=False,
            enable_debug_command=True,
        ) as server,
        peer(server) as client,
    ):
        assert await client.call("DEBUG", "POPULATE", 12_000, "key", 1000) == b"+OK\r\n"
        async with replica(server) as (reader, writer):
            [output] = server.replicas.full_sync._outputs.values()
            unsent: list[int] = []

            def sample() -> None:
                unsent.append(output.unsent_bytes - output.waiting_bytes)
                server.loop.call_later(0.001, sample)

            sample()
            # It reads nothing, so before long nothing more is sent, and the server goes on.
            await until(lambda: not output.is_ready)
            for number in range(6000):
                client.send(encode(("SET", f"during:{number}", VALUE)))
                await client.read()
            while not (header := (await reader.readline()).strip()):
                pass  # while it waits it is told that we are alive
            if diskless:
                mark = header.removeprefix(b"$EOF:")
                data = await read_whole(reader, mark)
                assert b"during:" not in data
                writer.write(encode(("REPLCONF", "ACK", 0)))
            else:
                data = await reader.readexactly(int(header[1:]))
            assert len(data) > 12_000_000
            requests = [encode(("SET", f"during:{number}", VALUE)) for number in range(6000)]
            stream = await read_whole(reader, requests[-1])
            assert stream.replace(encode(("PING",)), b"") == encode(("SELECT", 0)) + b"".join(requests)
            assert output.replica.is_online
            assert max(unsent) < 3_000_000, (
                "the socket is given more only when it has taken what it was given"
            )
            backlog = server.state.replication.backlog
            assert backlog is not None
            await client.call("SET", "last", VALUE * 50)
            assert await read_whole(reader, VALUE + b"\r\n")
            assert backlog.length < 1_000_000, "nobody is behind any more"
