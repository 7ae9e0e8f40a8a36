"""SYNC as a client sees it, by a server that answers as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError
from pyredis_cluster.admin.link import NOBODY, Credentials
from pyredis_cluster.admin.rdb_download import download_rdb
from tests.support.ports import free_port, release_port

MARK = b"m" * 40


@contextmanager
def answering(*pieces: bytes) -> Iterator[tuple[Address, list[bytes]]]:
    """A server that sends `pieces`, each after something came; and what came."""
    received: list[bytes] = []
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=_answer, args=(listener, pieces, received))
        thread.start()
        try:
            yield Address("127.0.0.1", port, 0), received
        finally:
            thread.join(10)
            release_port(port)


def _answer(listener: socket.socket, pieces: Sequence[bytes], received: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        for piece in pieces:
            received.append(connection.recv(4096))
            connection.sendall(piece)


@pytest.mark.parametrize(
    ("reply", "data"),
    [
        (b"$5\r\nREDIS", b"REDIS"),
        (b"\n\n\n$5\r\nREDISstream", b"REDIS"),
        (b"$0\r\n", b""),
        (b"$EOF:" + MARK + b"\r\nREDIS" + MARK, b"REDIS"),
        (b"$EOF:" + MARK + b"\r\n" + b"mm" * 10 + b"x" + MARK + b"stream", b"mm" * 10 + b"x"),
        (b"$EOF:" + MARK + b"\r\n" + b"r" * 200_000 + MARK, b"r" * 200_000),
    ],
)
def test_both_forms_of_the_data(tmp_path: Path, reply: bytes, data: bytes) -> None:
    path = tmp_path / "one.rdb"
    with answering(reply) as (address, received):
        assert download_rdb(address, NOBODY, str(path)) == len(data)
    assert received == [b"*1\r\n$4\r\nSYNC\r\n"]
    assert path.read_bytes() == data
    assert [each.name for each in tmp_path.iterdir()] == ["one.rdb"]


def test_a_password_comes_first(tmp_path: Path) -> None:
    with answering(b"+OK\r\n", b"$1\r\nx") as (address, received):
        download_rdb(address, Credentials("me", "secret"), str(tmp_path / "one.rdb"))
    assert received[0] == b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"-NOAUTH Authentication required.\r\n", ReplyError),
        (b"+OK\r\n", AdminError),
        (b"$x\r\n", AdminError),
        (b"$5\r\nRED", UnreachableError),
        (b"$EOF:" + MARK + b"\r\nRED", UnreachableError),
        (b"x" * 5000, UnreachableError),
        (b"", UnreachableError),
    ],
)
def test_what_fails_leaves_an_older_file_as_it_is(
    tmp_path: Path, reply: bytes, error: type[AdminError]
) -> None:
    path = tmp_path / "one.rdb"
    path.write_bytes(b"older")
    with answering(reply) as (address, _), pytest.raises(error):
        download_rdb(address, NOBODY, str(path))
    assert path.read_bytes() == b"older"
    assert [each.name for each in tmp_path.iterdir()] == ["one.rdb"]


def test_nobody_there(tmp_path: Path) -> None:
    address = Address("127.0.0.1", free_port(), 0)
    with pytest.raises(
        UnreachableError, match=f"Could not connect to Redis at {address}: Connection refused"
    ):
        download_rdb(address, NOBODY, str(tmp_path / "one.rdb"))
