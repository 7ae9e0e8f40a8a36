"""Raw bytes, most of them broken, sent to real servers and to ours: replies and closed connections agree.

Each stream goes over a connection of its own, which is then shut for writing: what comes back until its
end is all that the server has to say.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress

import pytest

from tests.conformance.conftest import Laboratory
from tests.conformance.runner import Target
from tests.support.servers import Program

pytestmark = [pytest.mark.real_server, pytest.mark.slow]


def wire(*argv: bytes) -> bytes:
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in argv)


PING = wire(b"PING")

BROKEN = [
    b'ECHO "a\r\n', b'ECHO "a"b\r\n', b"ECHO 'a\r\n", b"ECHO '\0'\r\n",
    b"a" * 65_537, b"a\0" + b"b" * 65_535, b"*" + b"1" * 65_536, b"*1\r\n$" + b"1" * 65_536,
    b"*\r\n", b"*x\r\n", b"*01\r\n", b"*-0\r\n", b"*-\r\n", b"*+1\r\n", b"* 1\r\n", b"*1 \r\n", b"*1\0\r\n",
    b"*2147483648\r\n", b"*99999999999999999999\r\n", b"*-99999999999999999999\r\n",
    b"*1\r\n$\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$-0\r\n", b"*1\r\n$x\r\n", b"*1\r\n$04\r\n", b"*1\r\n$ 4\r\n",
    b"*1\r\n$4\0\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n$99999999999999999999\r\n",
    b"*1\r\n:5\r\n", b"*1\r\n+PING\r\n", b"*1\r\n-PING\r\n", b"*1\r\n*1\r\n$4\r\nPING\r\n", b"*1\r\n\r\n",
    b"*1\r\n\n\r\n", b"*1\r\n\xff\r\n", b"*1\r\n\0\r\n", b"*1\r\nPING\r\n", b"*2\r\n$4\r\nECHO\r\n:5\r\n",
    b"POST / HTTP/1.1\r\nHost: example.org\r\n\r\n", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    b"Host: a\r\n", wire(b"POST"), wire(b"host:", b"x"),
]  # fmt: skip

ODD = [
    b"PING\n", b"PING\r\r\n", b"\r\n\n \r\nPING\r\n", b"PING\0x\r\n", b"ECHO a\0b\r\n", b"*0\r\n",
    b"*-10\r\n", b"*1\r\r$4\r\nPING\r\n", b"*1\rx$4\rxPINGxx", b"*1\r\n$4\r\nPINGab",
    b"*1\r\n$0\r\n\r\n", b"*1\n$4\nPING\n",
    b"*2\r\n$0\r\n\r\n$1\r\na\r\n", wire(*[b"a"] * 1024), wire(b"ECHO", b"\r\n*1\r\n$4\r\nPING\r\n"),
    b"ECHO '\\'' \r\n", b'ECHO "\\x41\\n"\r\n', b"*1048577\r\n", b"*2147483647\r\n", b"*1\r\n$536870912\r\n",
    b"+PING\r\n", b"$4\r\nPING\r\n", b":1\r\n", b"~1\r\n", b"%1\r\n", b"-x\r\n",
]  # fmt: skip

REGULAR = [PING, b"PING\r\n", wire(b"ECHO", b"a$*\r\n"), b"ECHO 'x y'\r\n", wire(b"GET", b"k", b"k")]

UNAUTHENTICATED = [
    wire(*[b"a"] * 10), wire(*[b"a"] * 11), wire(b"ECHO", b"x" * 16_384), b"*1\r\n$16385\r\n",
    b"PING a b c d e f g h i j k l\r\n", wire(b"AUTH", b"pass") + wire(*[b"a"] * 11),
    wire(b"AUTH", b"wrong") + wire(*[b"a"] * 11), wire(b"AUTH", b"pass") + b"*1\r\n$16385\r\n",
    wire(b"EXEC"), wire(b"NOSUCH"), wire(b"GET"), wire(b"HELLO", b"3"), wire(b"QUIT"), wire(b"RESET"),
]  # fmt: skip


def answer(target: Target, stream: bytes) -> bytes:
    """All that the server sends; the connection's end is the end of it, however it comes."""
    received = b""
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=10) as sock:
        with suppress(OSError):
            sock.sendall(stream)
            sock.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while chunk := sock.recv(1 << 16):
                received += chunk
    return received


def assert_same(subject: Target, references: list[Target], streams: list[bytes]) -> None:
    for stream in streams:
        got = answer(subject, stream)
        wanted = [answer(reference, stream) for reference in references]
        assert got in wanted, (stream[:300], got[:300], [each[:300] for each in wanted])


@pytest.fixture
def targets(laboratory: Laboratory, oracles: list[Program], ours: Program) -> tuple[Target, list[Target]]:
    """Ours, and the real ones."""
    return laboratory(ours, False), [laboratory(program, False) for program in oracles]


@pytest.fixture
def redis_targets(targets: tuple[Target, list[Target]]) -> tuple[Target, list[Target]]:
    """The same where one of them is a Redis: Valkey 8.1 reads broken requests in a way of its own."""
    if all(target.program.is_valkey for target in targets[1]):
        pytest.skip("no Redis on this machine")
    return targets


def test_broken_requests(redis_targets: tuple[Target, list[Target]]) -> None:
    """Alone, and with something before and after."""
    assert_same(*redis_targets, BROKEN)
    # What follows a line that is too long may end it, or not have been read when the connection is closed.
    short = [stream for stream in BROKEN if len(stream) < 60_000]
    assert_same(*redis_targets, [wire(b"ECHO", b"a") + stream + PING for stream in short])


def test_odd_requests(redis_targets: tuple[Target, list[Target]]) -> None:
    """Between two that are in order."""
    assert_same(*redis_targets, [PING + stream + PING for stream in ODD])


def test_mutated_requests(redis_targets: tuple[Target, list[Target]]) -> None:
    """Regular requests with a few bytes exchanged."""
    chance = random.Random(3)
    streams = []
    for _ in range(150):
        stream = bytearray(b"".join(chance.choices(REGULAR, k=chance.randrange(1, 5))))
        for _ in range(chance.randrange(1, 4)):
            stream[chance.randrange(len(stream))] = chance.choice(b"\r\n$*:+-'\" \0a1")
        streams.append(bytes(stream))
    assert_same(*redis_targets, streams)


def test_clients_without_password(targets: tuple[Target, list[Target]]) -> None:
    """What is refused of a client that has yet to authenticate."""
    subject, references = targets
    for target in (subject, *references):
        with target.server.connect() as client:
            client.call("CONFIG", "SET", "requirepass", "pass")
    try:
        assert_same(subject, references, UNAUTHENTICATED)
    finally:
        for target in (subject, *references):
            with target.server.connect() as client:
                client.call("AUTH", "pass")
                client.call("CONFIG", "SET", "requirepass", "")
