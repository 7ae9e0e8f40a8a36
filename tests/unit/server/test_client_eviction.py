"""maxmemory-clients: who is closed when clients together hold too much."""

from __future__ import annotations

from typing import Any

from tests.support.inloop import peer, serving, until
from tests.support.wire import encode


class TestClientEviction:
    async def test_the_largest_client_goes(self, use_epoll: bool) -> None:
        limit: dict[str, Any] = {"maxmemory_clients": "1mb", "hz": 100}
        async with (
            serving(use_epoll=use_epoll, **limit) as server,
            peer(server) as small,
            peer(server) as large,
            peer(server) as larger,
        ):
            assert await small.call("PING") == b"+PONG\r\n"
            for client, size in ((large, 300_000), (larger, 900_000)):
                await client.call("MULTI")
                client.send(encode(["SET", "k", b"x" * size]))
            assert await larger.read_to_end() in (b"", b"+QUEUED\r\n")
            assert await large.read() == b"+QUEUED\r\n"
            assert await large.call("EXEC") == b"*1\r\n+OK\r\n"
            assert await small.call("PING") == b"+PONG\r\n"
            assert server.state.statistics.evicted_clients == 1
            (line,) = [text for text in server.logged() if "Evicting" in text]
            assert line.startswith("Evicting client: id=")

    async def test_spares_those_who_said_no_evict(self) -> None:
        async with serving(maxmemory_clients="1mb", hz=100) as server, peer(server) as client:
            assert await client.call("CLIENT", "NO-EVICT", "ON") == b"+OK\r\n"
            await client.call("MULTI")
            assert await client.call("SET", "k", b"x" * 2_000_000) == b"+QUEUED\r\n"
            await until(
                lambda: "Over client maxmemory after evicting all evictable clients" in server.logged()
            )
            assert await client.call("EXEC") == b"*1\r\n+OK\r\n"

    async def test_percentage_of_maxmemory(self) -> None:
        async with (
            serving(maxmemory_clients="5%", maxmemory="20mb", hz=100) as server,
            peer(server) as client,
        ):
            await client.call("MULTI")
            client.send(encode(["SET", "k", b"x" * 900_000]))
            assert await client.read() == b"+QUEUED\r\n"
            client.send(encode(["SET", "k", b"x" * 900_000]))
            assert await client.read_to_end() in (b"", b"+QUEUED\r\n")
