"""Connections within one event loop: what TCP does, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from pyredis_cluster.server.local_links import LocalLinks, LocalTransport

PLACE = ("127.0.0.1", 17000)
MIB = 1024 * 1024


class Loop:
    """Makes calls when told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.failures: list[dict[str, Any]] = []

    def call_soon(self, call: Callable[..., object], *args: Any) -> None:
        self.calls.append((call, args))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call, args in calls:
            call(*args)

    def run(self) -> None:
        while self.calls:
            self.turn()


class End(asyncio.Protocol):
    """What one end of a connection is told."""

    transport: LocalTransport

    def __init__(self, echo: bool = False) -> None:
        self.seen: list[object] = []
        self.echo = echo

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(LocalTransport, transport)
        self.seen.append("made")

    def data_received(self, data: bytes) -> None:
        if data == b"fail":
            raise ValueError(data)
        self.seen.append(data)
        if self.echo:
            self.transport.write(data)

    def eof_received(self) -> None:
        self.seen.append("eof")

    def pause_writing(self) -> None:
        self.seen.append("pause")

    def resume_writing(self) -> None:
        self.seen.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        assert exc is None
        self.seen.append("lost")


class Pair:
    """A client connected to a server, unless nobody is there."""

    def __init__(self, bind: str = "127.0.0.1", host: str = "127.0.0.1", *, paused: bool = False) -> None:
        self.loop = Loop()
        self.links = LocalLinks(cast(asyncio.AbstractEventLoop, self.loop))
        self.client, self.server = End(), End()
        self.accepting = self.links.offer(bind, 17000, lambda: self.server)
        if paused:
            self.accepting.pause()
        self.is_connected = self.links.connect(lambda: self.client, host, 17000)


def test_what_is_written_arrives_in_order_and_at_once() -> None:
    pair = Pair()
    assert pair.client.transport.get_extra_info("peername") == PLACE
    assert pair.server.transport.get_extra_info("sockname") == PLACE
    assert pair.server.transport.get_extra_info("peername") == pair.client.transport.get_extra_info(
        "sockname"
    )
    pair.client.transport.write(b"one")
    pair.client.transport.write(bytearray(b"two"))
    pair.client.transport.write(b"")
    assert pair.server.seen == ["made"]
    pair.server.echo = True
    pair.loop.run()
    assert pair.server.seen == ["made", b"onetwo"]
    assert pair.client.seen == ["made", b"onetwo"]


@pytest.mark.parametrize(
    ("bind", "host", "found"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("*", "127.0.0.2", True),
        ("::*", "::1", True),
        ("0.0.0.0", "192.0.2.1", False),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_who_is_found(bind: str, host: str, found: bool) -> None:
    assert Pair(bind, host).is_connected is found


def test_nobody_is_found_after_the_end() -> None:
    pair = Pair()
    other = pair.links.offer("127.0.0.1", 17000, End)
    pair.accepting.close()
    assert pair.links.connect(End, *PLACE)
    other.close()
    assert not pair.links.connect(End, *PLACE)
    pair.client.transport.write(b"still there")
    pair.loop.run()
    assert pair.server.seen == ["made", b"still there"]


def test_who_does_not_accept_has_connections_wait() -> None:
    pair = Pair(paused=True)
    pair.client.transport.write(b"early")
    pair.loop.run()
    assert pair.server.seen == []
    pair.accepting.resume()
    pair.loop.run()
    assert pair.server.seen == ["made", b"early"]


def test_connections_that_were_never_accepted_end_with_the_listener() -> None:
    pair = Pair(paused=True)
    pair.accepting.close()
    pair.loop.run()
    assert pair.client.seen == ["made", "eof", "lost"]


def test_who_does_not_read_gets_it_all_later() -> None:
    pair = Pair()
    pair.server.transport.pause_reading()
    assert not pair.server.transport.is_reading()
    pair.client.transport.write(b"one")
    pair.client.transport.close()
    pair.loop.run()
    assert pair.server.seen == ["made"]
    assert pair.client.seen == ["made", "lost"]
    pair.server.transport.resume_reading()
    pair.loop.run()
    assert pair.server.seen == ["made", b"one", "eof", "lost"]


def test_writers_are_told_when_nobody_reads_what_they_write() -> None:
    pair = Pair()
    pair.server.transport.pause_reading()
    for _ in range(3):
        pair.client.transport.write(bytes(MIB))
    pair.client.transport.write(b"more")
    assert pair.client.seen == ["made", "pause"]
    assert pair.client.transport.get_write_buffer_size() == MIB + 4
    pair.server.transport.resume_reading()
    pair.loop.run()
    assert pair.client.seen == ["made", "pause", "resume"]
    assert pair.client.transport.get_write_buffer_size() == 0


def test_who_is_gone_gets_nothing() -> None:
    pair = Pair()
    pair.server.transport.abort()
    pair.server.transport.abort()
    assert pair.server.transport.is_closing()
    pair.client.transport.write(b"too late")
    pair.server.transport.write(b"not any more")
    pair.loop.run()
    assert pair.server.seen == ["made", "lost"]
    assert pair.client.seen == ["made", "eof", "lost"]


def test_a_failure_costs_one_connection() -> None:
    pair = Pair()
    pair.client.transport.write(b"fail")
    pair.loop.run()
    assert [str(context["exception"]) for context in pair.loop.failures] == ["b'fail'"]
    assert pair.server.seen == ["made", "lost"]
    assert pair.client.seen == ["made", "eof", "lost"]


def test_a_turn_delivers_all_that_was_there_and_no_answer_to_it() -> None:
    pair = Pair()
    other = End(echo=True)
    pair.links.offer("127.0.0.2", 17000, lambda: other)
    talker = End(echo=True)
    assert pair.links.connect(lambda: talker, "127.0.0.2", 17000)
    talker.transport.write(b"ball")
    pair.client.transport.write(b"one")
    pair.loop.turn()
    assert other.seen == ["made", b"ball"]
    assert pair.server.seen == ["made", b"one"]
    assert talker.seen == ["made"]
    pair.loop.turn()
    assert talker.seen == ["made", b"ball"]
