"""A client in a simulated world: requests and replies as Python values, with a timeout."""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis

from pyredis_cluster.protocol.command_stream import encode_requests
from pyredis_cluster.testing.simulation.network import SimulatedNetwork


class SimulatedClient(asyncio.Protocol):
    """One connection. Made by `connect`; error replies come as `hiredis.ReplyError` values."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: list[asyncio.Future[Any]] = []
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def connect(
        cls, network: SimulatedNetwork, host: str, port: int, timeout_s: float = 1.0
    ) -> SimulatedClient:
        """Connect. Raises OSError, and TimeoutError after `timeout_s`."""
        client = cls()
        async with asyncio.timeout(timeout_s):
            await network.connect(lambda: client, host, port)
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._reader.feed(data)
        while self._waiting and (reply := self._reader.gets()) is not False:
            future = self._waiting.pop(0)
            if not future.done():
                future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._transport = None
        for future in self._waiting:
            if not future.done():
                future.set_exception(ConnectionResetError("the connection is gone"))
        self._waiting.clear()

    @property
    def is_connected(self) -> bool:
        """Whether requests can be sent."""
        return self._transport is not None

    async def call(self, *words: bytes | str | int, timeout_s: float = 1.0) -> Any:
        """Send a request and wait for its reply.

        Raises ConnectionError, and TimeoutError after `timeout_s`.
        """
        if self._transport is None:
            raise ConnectionResetError("the connection is gone")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(encode_requests([[_word(word) for word in words]]))
        async with asyncio.timeout(timeout_s):
            return await future

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()


def _word(word: bytes | str | int) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
