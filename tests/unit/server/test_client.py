"""A client's connection: replies, broken input, our own failures, and clients that do not read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyredis_cluster.execution.call import Call
from pyredis_cluster.protocol.reply import Reply
from tests.support.inloop import peer, serving, until
from tests.support.wire import ConnectionClosedError, encode


def fail(call: Call, argv: list[bytes]) -> Reply:
    """A handler with a bug."""
    raise RuntimeError("a bug of ours")


class TestRequests:
    async def test_pipelined_and_cut_anywhere(self, use_epoll: bool) -> None:
        stream = encode(["SET", "k", "v" * 100]) + b"GET k\r\n" + encode(["GET", "k"])
        async with serving(use_epoll=use_epoll) as server, peer(server) as client:
            for cut in range(0, len(stream), 7):
                client.send(stream[:cut])
                await client.writer.drain()
                client.send(stream[cut:])
                value = b"$100\r\n" + b"v" * 100 + b"\r\n"
                assert [await client.read() for _ in range(3)] == [b"+OK\r\n", value, value]

    async def test_large_values_both_ways(self, use_epoll: bool) -> None:
        value = bytes(range(256)) * 40_000
        async with serving(use_epoll=use_epoll) as server, peer(server) as client:
            assert await client.call("SET", "k", value) == b"+OK\r\n"
            assert await client.call("GET", "k") == b"$%d\r\n%b\r\n" % (len(value), value)

    @pytest.mark.parametrize("size", [20_000, 100_000, 1_500_000])
    async def test_a_pipeline_of_large_replies(self, use_epoll: bool, size: int) -> None:
        """More output than a batch may have at once, taken by the network as fast as it comes."""
        value = b"$%d\r\n%b\r\n" % (size, b"v" * size)
        async with serving(use_epoll=use_epoll) as server, peer(server) as client:
            await client.call("SET", "k", b"v" * size)
            client.send(encode(["GET", "k"]) * 60 + encode(["PING"]))
            for _ in range(60):
                assert await client.read() == value
            assert await client.read() == b"+PONG\r\n"


class TestBrokenInput:
    async def test_error_closes_after_earlier_replies(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll, loglevel="verbose") as server, peer(server) as client:
            client.send(b"PING\r\n*1\r\n$-5\r\n\nevil\x01")
            assert await client.read_to_end() == (b"+PONG\r\n-ERR Protocol error: invalid bulk length\r\n")
            lines = [line for line in server.log_text().splitlines() if "Protocol error" in line]
            assert len(lines) == 1
            assert "Protocol error (invalid bulk length) from client: id=" in lines[0]
            assert "Query buffer during protocol error: 'PING..*1..$-5...evil.'" in lines[0]
            assert "Traceback" not in server.log_text()

    async def test_error_waits_for_a_blocked_request(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client, peer(server) as other:
            client.send(encode(["BLPOP", "list", "0"]) + b"*1\r\n!\r\n")
            assert await client.is_silent()
            assert await other.call("RPUSH", "list", "v") == b":1\r\n"
            assert await client.read_to_end() == (
                b"*2\r\n$4\r\nlist\r\n$1\r\nv\r\n-ERR Protocol error: expected '$', got '!'\r\n"
            )

    async def test_request_longer_than_the_limit(self, use_epoll: bool) -> None:
        limits: dict[str, Any] = {"client_query_buffer_limit": 1 << 20, "proto_max_bulk_len": 8 << 20}
        async with serving(use_epoll=use_epoll, **limits) as server, peer(server) as client:
            client.send(b"*2\r\n$3\r\nGET\r\n$%d\r\n" % (4 << 20) + b"x" * (2 << 20))
            assert await client.read_to_end() == b""
            assert server.state.statistics.client_query_buffer_limit_disconnections == 1
            (line,) = [text for text in server.logged() if "query buffer" in text]
            assert line.startswith("Closing client that reached max query buffer length: id=")
            assert line.endswith(f'(qbuf initial bytes: "{"x" * 64}")')

    async def test_before_authentication_requests_are_small(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll, requirepass="pw") as server:
            async with peer(server) as client:
                client.send(b"*20\r\n")
                reply = b"-ERR Protocol error: unauthenticated multibulk length\r\n"
                assert await client.read_to_end() == reply
            async with peer(server) as client:
                client.send(b"*2\r\n$3\r\nGET\r\n$20000\r\n")
                assert await client.read_to_end() == b"-ERR Protocol error: unauthenticated bulk length\r\n"
            async with peer(server) as client:
                client.send(b"AUTH pw\r\n" + encode(["SET", "k", "v" * 20_000]) + encode(["GET", "k"]))
                assert await client.read() == b"+OK\r\n"
                assert await client.read() == b"+OK\r\n"
                assert await client.read() == b"$20000\r\n" + b"v" * 20_000 + b"\r\n"

    async def test_reset_makes_requests_small_again(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll, requirepass="pw") as server, peer(server) as client:
            assert await client.call("AUTH", "pw") == b"+OK\r\n"
            assert await client.call("SET", "k", "v" * 20_000) == b"+OK\r\n"
            assert await client.call("RESET") == b"+RESET\r\n"
            client.send(b"*20\r\n")
            reply = b"-ERR Protocol error: unauthenticated multibulk length\r\n"
            assert await client.read_to_end() == reply


class TestOurFailures:
    async def test_closes_that_client_only(self, use_epoll: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client, peer(server) as other:
            monkeypatch.setattr(server.state.table.entries[b"echo"], "handler", fail)
            assert await other.call("PING") == b"+PONG\r\n"
            with pytest.raises(ConnectionClosedError):
                await client.call("ECHO", "x")
            assert await other.call("PING") == b"+PONG\r\n"
            assert any(text.startswith("Failure while serving client id=") for text in server.logged())
            assert "RuntimeError: a bug of ours" in server.log_text()

    async def test_failure_of_a_waiting_request_spares_who_woke_it(
        self, use_epoll: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client, peer(server) as other:
            client.send(encode(["BLPOP", "list", "0"]))
            await until(lambda: bool(server.state.blocking.waiting))
            monkeypatch.setattr(server.state.table.entries[b"blpop"], "handler", fail)
            assert await other.call("RPUSH", "list", "v") == b":1\r\n"
            assert await client.read_to_end() == b""
            assert await other.call("LLEN", "list") == b":1\r\n"
            assert not server.state.blocking.waiting


class TestClientsThatDoNotRead:
    @pytest.mark.slow
    async def test_requests_without_reading_replies_stall_their_sender_only(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as other:
            assert await other.call("SET", "k", "v" * 1000) == b"+OK\r\n"
            async with peer(server) as client:
                client.writer.transport.set_write_buffer_limits(0)
                # A hundred megabytes of replies are asked for. What the loop and the kernel hold is bounded.
                client.send(encode(["GET", "k"]) * 100_000)
                await until(lambda: any(each.output_bytes() for each in server.clients.connections))
                held = next(each for each in server.clients.connections if each.output_bytes())
                for _ in range(50):
                    assert await other.call("PING") == b"+PONG\r\n"
                    assert held.output_bytes() < 4 << 20
                    assert held.input_bytes() < 4 << 20
                for _ in range(100_000):
                    assert len(await client.read()) == 1009

    async def test_subscriber_that_reads_nothing_is_closed(self, use_epoll: bool) -> None:
        limit = "pubsub 1000000 0 0"
        async with (
            serving(use_epoll=use_epoll, client_output_buffer_limit=limit) as server,
            peer(server, limit_bytes=1) as client,
            peer(server) as other,
        ):
            await client.call("SUBSCRIBE", "channel")
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            received = b":1\r\n"
            sent = 0
            while received == b":1\r\n":
                received = await other.call("PUBLISH", "channel", b"x" * 10_000)
                assert all(each.output_bytes() < 1_100_000 for each in server.clients.connections)
                sent += 1
                assert sent < 10_000
            assert received == b":0\r\n"
            assert server.state.statistics.client_output_buffer_limit_disconnections == 1
            (line,) = [text for text in server.logged() if "output buffer" in text]
            assert line.startswith("Client id=")
            waiting = re.search(r" obl=(\d+) oll=\d+ omem=(\d+) ", line)
            assert waiting is not None
            assert sum(map(int, waiting.groups())) >= 1_000_000
            assert line.endswith(" scheduled to be closed ASAP for overcoming of output buffer limits.")

    async def test_soft_limit_counts_seconds(self, use_epoll: bool) -> None:
        limit = "pubsub 0 500000 1"
        async with (
            serving(use_epoll=use_epoll, client_output_buffer_limit=limit, hz=100) as server,
            peer(server, limit_bytes=1) as client,
            peer(server) as other,
        ):
            await client.call("SUBSCRIBE", "channel")
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for _ in range(1000):
                assert await other.call("PUBLISH", "channel", b"x" * 10_000) == b":1\r\n"
            connection = next(each for each in server.clients.connections if each.output_bytes())
            now_ms = server.state.keyspace.now_ms
            server.clients.output_limits.check_all(now_ms)
            assert connection.session is not None
            assert not connection.session.is_closing
            server.state.keyspace.now_ms = now_ms + 2000
            server.clients.output_limits.check_all(now_ms + 2000)
            assert connection.session.is_closing

    async def test_one_reply_above_the_hard_limit(self, use_epoll: bool) -> None:
        limit = "normal 100000 0 0"
        async with (
            serving(use_epoll=use_epoll, client_output_buffer_limit=limit) as server,
            peer(server) as client,
        ):
            await client.call("SET", "k", "v" * 200_000)
            with pytest.raises(ConnectionClosedError) as closed:
                await client.call("GET", "k")
            assert closed.value.partial == b""
