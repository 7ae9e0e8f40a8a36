"""A tiny RESP client that shows what is on the wire: argv in, the raw bytes of exactly one reply out.

``RawClient`` neither interprets nor reorders anything; push frames are frames like any other. ``parse`` turns
raw bytes into a tree that can be compared: every node is a ``Node(kind, value)`` with the RESP type byte.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Arg: TypeAlias = bytes | str | int | float

_SCALARS = b"+-:_#,("
_BLOBS = b"$!="
_AGGREGATES = b"*~>"


class ConnectionClosedError(Exception):
    """The server closed the connection before a whole reply had come; ``partial`` is what had."""

    def __init__(self, partial: bytes) -> None:
        super().__init__(f"connection closed after {partial!r}")
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Node:
    """One RESP value: the type byte, and bytes (scalars, blobs), a tuple (aggregates) or None (null).

    Maps (``%``) hold their keys and values alternately. An attribute (``|``) holds its pairs and, last, the
    value it belongs to.
    """

    kind: str
    value: bytes | tuple[Node, ...] | None

    @property
    def items(self) -> tuple[Node, ...]:
        """The children of an aggregate, nothing for every other kind."""
        return self.value if isinstance(self.value, tuple) else ()


def encode(argv: Sequence[Arg]) -> bytes:
    """The request ``argv`` as a RESP array of bulk strings."""
    parts = [b"*%d\r\n" % len(argv)]
    for arg in argv:
        data = arg if isinstance(arg, bytes) else str(arg).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def frame_end(buffer: bytes | bytearray, start: int = 0) -> int | None:
    """The offset just after the RESP value beginning at ``start``, None if it is not complete yet.

    Raises ValueError on a type byte that RESP does not have.
    """
    pos = start
    pending = 1
    while pending:
        line_end = buffer.find(b"\r\n", pos)
        if line_end < 0:
            return None
        kind = buffer[pos]
        header_start = pos + 1
        pos = line_end + 2
        pending -= 1
        if kind in _SCALARS:
            continue
        if kind in _BLOBS:
            length = int(buffer[header_start:line_end])
            pos += length + 2 if length >= 0 else 0
            if pos > len(buffer):
                return None
        elif kind in _AGGREGATES:
            pending += max(int(buffer[header_start:line_end]), 0)
        elif kind == ord("%"):
            pending += 2 * int(buffer[header_start:line_end])
        elif kind == ord("|"):
            pending += 2 * int(buffer[header_start:line_end]) + 1
        else:
            raise ValueError(f"not RESP: {bytes(buffer[header_start - 1 : header_start + 60])!r}")
    return pos


def _parse_at(raw: bytes, pos: int) -> tuple[Node, int]:
    line_end = raw.index(b"\r\n", pos)
    kind = chr(raw[pos])
    header = raw[pos + 1 : line_end]
    pos = line_end + 2
    if ord(kind) in _SCALARS:
        return Node(kind, None if kind == "_" else header), pos
    count = int(header)
    if count < 0:
        return Node(kind, None), pos
    if ord(kind) in _BLOBS:
        return Node(kind, raw[pos : pos + count]), pos + count + 2
    children: list[Node] = []
    for _ in range({"%": 2 * count, "|": 2 * count + 1}.get(kind, count)):
        child, pos = _parse_at(raw, pos)
        children.append(child)
    return Node(kind, tuple(children)), pos


def parse(raw: bytes) -> Node:
    """The tree of one whole reply. Raises ValueError if ``raw`` is not exactly one."""
    node, end = _parse_at(raw, 0)
    if end != len(raw):
        raise ValueError(f"{len(raw) - end} bytes after the reply")
    return node


def parse_all(raw: bytes) -> list[Node]:
    """The trees of all replies in ``raw``. Raises ValueError if the last one is not whole."""
    nodes: list[Node] = []
    pos = 0
    while pos < len(raw):
        node, pos = _parse_at(raw, pos)
        nodes.append(node)
    return nodes


class RawClient:
    """A blocking connection on which requests and raw replies can be sent and read one by one."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", timeout_s: float = 15.0) -> None:
        """Connect; raises OSError. ``timeout_s`` is the default for every read."""
        self.timeout_s = timeout_s
        self._buffer = bytearray()
        self._socket = socket.create_connection((host, port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        local, remote = self._socket.getsockname(), self._socket.getpeername()
        self.local_address = f"{local[0]}:{local[1]}"
        self.remote_address = f"{remote[0]}:{remote[1]}"

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; harmless when it is closed already."""
        self._socket.close()

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are. Raises ConnectionClosedError."""
        self._socket.settimeout(self.timeout_s)
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ConnectionClosedError(b"") from error

    def send(self, *argv: Arg) -> None:
        """Send one command without reading its reply. Raises ConnectionClosedError."""
        self.send_bytes(encode(argv))

    def has_input(self) -> bool:
        """Whether a read would return (a frame or the end of the stream) without waiting."""
        if self._buffer:
            return True
        self._socket.settimeout(0)
        try:
            return self._socket.recv(1, socket.MSG_PEEK) is not None
        except BlockingIOError:
            return False
        except OSError:
            return True

    def read(self, timeout_s: float | None = None) -> bytes:
        """The raw bytes of exactly one frame, a reply or a push.

        Raises TimeoutError when none came in time, ConnectionClosedError at the end of the stream.
        """
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        while True:
            end = frame_end(self._buffer)
            if end is not None:
                frame = bytes(self._buffer[:end])
                del self._buffer[:end]
                return frame
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                raise TimeoutError("no reply in time")
            self._socket.settimeout(remaining_s)
            try:
                data = self._socket.recv(262144)
            except ConnectionResetError:
                data = b""
            if not data:
                raise ConnectionClosedError(bytes(self._buffer))
            self._buffer += data

    def call(self, *argv: Arg) -> bytes:
        """Send one command, return the raw bytes of its reply. Raises TimeoutError, ConnectionClosedError."""
        self.send(*argv)
        return self.read()

    def ask(self, *argv: Arg) -> Node:
        """Send one command, return its reply as a tree. Raises TimeoutError, ConnectionClosedError."""
        return parse(self.call(*argv))

    def pipeline(self, commands: Iterable[Sequence[Arg]]) -> list[bytes]:
        """Send all commands in one write, return one raw reply for each. Raises as ``call``."""
        encoded = [encode(argv) for argv in commands]
        self.send_bytes(b"".join(encoded))
        return [self.read() for _ in encoded]
