"""A node's data as an RDB file, had the way a replica gets it.

SYNC is answered with empty lines while the node prepares, then with `$<length>` or `$EOF:<40 bytes>`, then
with the data; in the second form those 40 bytes come again at its end. redis-py does not know such a reply.
"""

from __future__ import annotations

import os
import socket
from typing import BinaryIO

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError
from pyredis_cluster.admin.link import Credentials

_CONNECT_LIMIT_S = 10.0
_SILENCE_LIMIT_S = 60.0
"""A node that prepares its data sends something every `repl-ping-replica-period` seconds, 10 by default."""

_LINE_LIMIT = 4096
_CHUNK = 1 << 16
_MARK_SIZE = 40


def download_rdb(address: Address, credentials: Credentials, path: str) -> int:
    """Write a node's data to a file, which is replaced at the end only; returns how many bytes.

    Raises AdminError, and OSError where the file cannot be written.
    """
    partial = f"{path}.part"
    try:
        with _connect(address) as connection, open(partial, "wb") as file:
            stream = _Stream(address, connection)
            _authenticate(stream, credentials)
            stream.send("SYNC")
            size = _receive(stream, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise
    return size


def _connect(address: Address) -> socket.socket:
    try:
        connection = socket.create_connection((address.host, address.port), _CONNECT_LIMIT_S)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreachableError(f"Could not connect to Redis at {address}: {reason}") from None
    connection.settimeout(_SILENCE_LIMIT_S)
    return connection


class _Stream:
    """Lines and data from a node. Every method raises UnreachableError where the connection fails."""

    def __init__(self, address: Address, connection: socket.socket) -> None:
        self.address = address
        self._connection = connection
        self._buffer = b""

    def send(self, *words: str) -> None:
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            data = word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        try:
            self._connection.sendall(b"".join(parts))
        except OSError as error:
            raise self._lost(error.strerror) from None

    def chunk(self, most: int) -> bytes:
        """At least one byte, at most so many."""
        if not self._buffer:
            self._buffer = self._receive()
        data, self._buffer = self._buffer[:most], self._buffer[most:]
        return data

    def line(self) -> bytes:
        """The next line that is not empty. Raises ReplyError for an error."""
        while True:
            while b"\n" not in self._buffer:
                if len(self._buffer) > _LINE_LIMIT:
                    raise self._lost("what it sends is no reply")
                self._buffer += self._receive()
            line, _, self._buffer = self._buffer.partition(b"\n")
            line = line.rstrip(b"\r")
            if line.startswith(b"-"):
                raise ReplyError(str(self.address), line[1:].decode(errors="replace"))
            if line:
                return line

    def _receive(self) -> bytes:
        try:
            data = self._connection.recv(_CHUNK)
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from None
        if not data:
            raise self._lost("it was closed")
        return data

    def _lost(self, reason: str | None) -> UnreachableError:
        return UnreachableError(f"The connection to Redis at {self.address} was lost: {reason}")


def _authenticate(stream: _Stream, credentials: Credentials) -> None:
    if credentials.password is not None:
        user = (credentials.user,) if credentials.user else ()
        stream.send("AUTH", *user, credentials.password)
        stream.line()


def _receive(stream: _Stream, file: BinaryIO) -> int:
    header = stream.line()
    if header.startswith(b"$EOF:") and len(header) == len(b"$EOF:") + _MARK_SIZE:
        return _receive_until(stream, file, header[5:])
    if not (header.startswith(b"$") and header[1:].isdigit()):
        raise AdminError(f"[ERR] Node {stream.address} sent an invalid reply to SYNC.")
    left = size = int(header[1:])
    while left:
        data = stream.chunk(left)
        file.write(data)
        left -= len(data)
    return size


def _receive_until(stream: _Stream, file: BinaryIO, mark: bytes) -> int:
    """All before `mark`; what comes after it would be the stream of changes."""
    size = 0
    held = b""
    while True:
        held += stream.chunk(_CHUNK)
        end = held.find(mark)
        if end >= 0:
            file.write(held[:end])
            return size + end
        safe = max(0, len(held) - _MARK_SIZE)
        file.write(held[:safe])
        size += safe
        held = held[safe:]
