"""What replicas and the AOF are told of requests that came over a socket."""

from __future__ import annotations

import pytest

from pyredis_cluster.execution.propagation import Batch
from pyredis_cluster.protocol.command_stream import encode_request
from tests.support.inloop import peer, serving

SET = encode_request(b"SET", b"k", b"v")
INCR = encode_request(b"INCR", b"n")
GET = encode_request(b"GET", b"k")


@pytest.mark.parametrize("use_epoll", [True, False])
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param(SET * 3 + INCR, SET * 3 + INCR, id="all as they came"),
        pytest.param(SET + GET + INCR, SET + INCR, id="without reads"),
        pytest.param(SET + b"*0\r\n" + INCR, SET + INCR, id="without empty requests"),
        pytest.param(SET + b"*-1\r\n" + INCR, SET + INCR, id="without null requests"),
        pytest.param(
            SET + b"SET k *\r\n" + INCR,
            SET + encode_request(b"SET", b"k", b"*") + INCR,
            id="inline requests among others, and a star",
        ),
        pytest.param(
            encode_request(b"SET", b"k", b"\n*") + b"INCR n\r\n",
            encode_request(b"SET", b"k", b"\n*") + INCR,
            id="an inline request and a star that is none",
        ),
        pytest.param(b"SET k v\r\nINCR n\r\n", SET + INCR, id="inline requests in the other form"),
        pytest.param(
            encode_request(b"SET", b"k", b"v", b"GET") + INCR, SET + INCR, id="what a handler made of it"
        ),
        pytest.param(
            SET + encode_request(b"SELECT", b"2") + INCR,
            SET + encode_request(b"SELECT", b"2") + INCR,
            id="with the database",
        ),
    ],
)
async def test_is_what_was_changed(sent: bytes, told: bytes, use_epoll: bool) -> None:
    async with serving(use_epoll=use_epoll) as server, peer(server) as client:
        got: list[bytes] = []

        def keep(batch: Batch) -> None:
            got.append(batch.wire())

        server.state.propagation.attach(keep)
        client.send(sent + encode_request(b"ECHO", b"end"))
        while await client.read() != b"$3\r\nend\r\n":
            pass
        assert b"".join(got) == told


async def test_a_password_is_told_to_nobody() -> None:
    async with serving(requirepass="secret") as server, peer(server) as client:
        got: list[bytes] = []
        server.state.propagation.attach(lambda batch: got.append(batch.wire()))
        client.send(encode_request(b"AUTH", b"secret") + SET + INCR)
        for expected in (b"+OK\r\n", b"+OK\r\n", b":1\r\n"):
            assert await client.read() == expected
        assert b"".join(got) == SET + INCR


async def test_nothing_is_kept_once_nobody_is_told() -> None:
    async with serving() as server, peer(server) as client:
        got: list[bytes] = []

        def keep(batch: Batch) -> None:
            got.append(batch.wire())

        propagation = server.state.propagation
        propagation.attach(keep)
        assert await client.call("SET", "k", "v") == b"+OK\r\n"
        propagation.detach(keep)
        assert await client.call("INCR", "n") == b":1\r\n"
        assert (got, propagation.batch) == ([SET], [])


async def test_half_a_request_is_told_once_it_is_whole() -> None:
    async with serving() as server, peer(server) as client:
        got: list[bytes] = []
        server.state.propagation.attach(lambda batch: got.append(batch.wire()))
        client.send(SET + INCR[:7])
        assert await client.read() == b"+OK\r\n"
        client.send(INCR[7:] + SET)
        assert [await client.read(), await client.read()] == [b":1\r\n", b"+OK\r\n"]
        assert b"".join(got) == SET + INCR + SET
