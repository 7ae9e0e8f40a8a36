"""The bytes of a primary's stream, cut into whole requests."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.protocol.command_stream import encode_requests
from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.replication.stream import StreamParser

Request = list[bytes]


def fed(*chunks: bytes) -> tuple[list[Request], bytes, StreamParser]:
    """All requests and all bytes that come out when these chunks go in."""
    parser = StreamParser()
    requests: list[Request] = []
    wire = b""
    for chunk in chunks:
        more, data = parser.feed(chunk)
        assert bool(more) <= bool(data)
        requests += more
        wire += data
    return requests, wire, parser


REQUESTS: list[Request] = [
    [b"SELECT", b"0"],
    [b"SET", b"key", b"value"],
    [b"PING"],
    [b"SET", b"fake", b"a\r\n*2\r\n$3\r\nGET\r\n"],
    [b"MULTI"],
    [b"RPUSH", b"l", b"", b"\r\n*", b"x" * 300],
    [b"EXEC"],
    [b"*abc"],
    [b"SET", b"big", b"y" * 5000],
    [b"INCR", b"n"],
]
WIRE = encode_requests(REQUESTS)


def test_whole_chunk() -> None:
    assert fed(WIRE)[:2] == (REQUESTS, WIRE)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 50, 333, 4096])
def test_chunks_of_any_size(size: int) -> None:
    requests, wire, parser = fed(*[WIRE[place : place + size] for place in range(0, len(WIRE), size)])
    assert requests == REQUESTS
    assert wire == WIRE
    assert parser.held_bytes == 0


def test_every_place_to_cut() -> None:
    for place in range(1, len(WIRE), 3):
        requests, wire, parser = fed(WIRE[:place])
        # What comes out is whole requests; the rest is held, byte for byte.
        assert wire == encode_requests(requests)
        assert wire == WIRE[: len(wire)]
        assert parser.held_bytes == place - len(wire)
        following = len(encode_requests([REQUESTS[len(requests)]]))
        assert len(wire) + following > place
        more, rest = parser.feed(WIRE[place:])
        assert requests + more == REQUESTS
        assert wire + rest == WIRE


def test_random_cuts() -> None:
    rng = random.Random(4)
    stream = WIRE * 20
    for _ in range(50):
        chunks = []
        place = 0
        while place < len(stream):
            size = rng.choice((1, 5, 40, 900, 7000))
            chunks.append(stream[place : place + size])
            place += size
        requests, wire, _ = fed(*chunks)
        assert wire == stream
        assert requests == REQUESTS * 20


def test_a_large_value_is_read_once() -> None:
    value = b"*1\r\n$4\r\nPING\r\n" * 70_000
    wire = encode_requests([[b"SET", b"k", value], [b"PING"]])
    requests, out, _ = fed(*[wire[place : place + 4096] for place in range(0, len(wire), 4096)])
    assert requests == [[b"SET", b"k", value], [b"PING"]]
    assert out == wire


def test_line_ends_keep_the_link_alive_and_count() -> None:
    requests, wire, _ = fed(b"\n", b"\r\n" + WIRE, b"\n\n")
    assert requests == REQUESTS
    assert wire == b"\n\r\n" + WIRE + b"\n\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PING\r\n", b"Master using the inline protocol. Desync?"),
        (WIRE + b"garbage\r\n" + WIRE, b"Master using the inline protocol. Desync?"),
        (b"*2\r\n$3\r\nGET\r\nkey\r\n", b"expected '$', got 'k'"),
        (b"*x\r\n", b"invalid multibulk length"),
        (b"*1\r\n$-5\r\n", b"invalid bulk length"),
        (b"z" * 70_000, b"too big inline request"),
        (b"*" * 70_000, b"too big mbulk count string"),
    ],
)
def test_what_is_no_stream_is_refused(data: bytes, reason: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        fed(*[data[place : place + 1000] for place in range(0, len(data), 1000)])
    assert caught.value.reason == reason


def test_values_longer_than_clients_may_send() -> None:
    parser = StreamParser()
    parser.feed(b"*2\r\n$3\r\nGET\r\n$%d\r\nbegin" % (1 << 40))
    assert parser.feed(b"x" * 1000) == ([], b"")
