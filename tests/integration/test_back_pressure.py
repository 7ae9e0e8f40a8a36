"""Clients that do not read: the process stays small, and others are served."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port, release_port
from tests.support.program import Running, connect, started
from tests.support.servers import our_program
from tests.support.wire import Arg, RawClient, encode

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc"),
]

REPLY_BYTES = 1000
REQUESTS = 100_000
GROWTH_LIMIT_BYTES = 16 << 20
SUBSCRIBER_LIMIT_BYTES = 32 << 20
WITNESS_LIMIT_S = 5.0


@pytest.fixture
def port() -> Iterator[int]:
    number = free_port()
    yield number
    release_port(number)


def resident_bytes(process: Running) -> int:
    pages = Path(f"/proc/{process.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def check_served(witness: RawClient) -> None:
    started_s = time.monotonic()
    assert witness.call("PING") == b"+PONG\r\n"
    assert time.monotonic() - started_s < WITNESS_LIMIT_S


def send_until_stuck(client: socket.socket, data: bytes) -> int:
    """Send `data`; how much of it was taken before nothing was for a while."""
    client.settimeout(0.3)
    sent = 0
    view = memoryview(data)
    try:
        while sent < len(data):
            sent += client.send(view[sent : sent + 65536])
    except TimeoutError:
        pass
    return sent


def test_hundred_megabytes_asked_for_and_not_read(tmp_path: Path, port: int) -> None:
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
    with started(our_program(), *options, directory=tmp_path) as process, connect(port) as witness:
        assert witness.call("SET", "k", b"v" * REPLY_BYTES) == b"+OK\r\n"
        before_bytes = resident_bytes(process)
        request = encode(["GET", "k"])
        with socket.create_connection(("127.0.0.1", port)) as client:
            sent = send_until_stuck(client, request * REQUESTS)
            for _ in range(20):
                check_served(witness)
            assert resident_bytes(process) - before_bytes < GROWTH_LIMIT_BYTES
            # Nothing is lost: once the client reads, it gets every reply it asked for.
            client.settimeout(10)
            expected = sent // len(request) * len(b"$%d\r\n\r\n" % REPLY_BYTES + b"v" * REPLY_BYTES)
            received = 0
            while received < expected:
                received += len(client.recv(1 << 20))
            assert received == expected
        check_served(witness)


def test_subscriber_that_never_reads(tmp_path: Path, port: int) -> None:
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
    with started(our_program(), *options, directory=tmp_path) as process, connect(port) as witness:
        before_bytes = resident_bytes(process)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"SUBSCRIBE channel\r\n")
            assert client.recv(100).endswith(b":1\r\n")
            publication: list[Arg] = ["PUBLISH", "channel", b"x" * 100_000]
            counts: list[bytes] = []
            for _ in range(100):
                counts += witness.pipeline([publication] * 10)
                check_served(witness)
                growth_bytes = resident_bytes(process) - before_bytes
                assert growth_bytes < 2 * SUBSCRIBER_LIMIT_BYTES + GROWTH_LIMIT_BYTES
            # It was closed at the default limit of its class.
            assert counts[-1] == b":0\r\n"
        assert "scheduled to be closed ASAP for overcoming of output buffer limits." in process.text()
