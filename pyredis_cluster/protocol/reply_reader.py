r"""Replies of other servers, read as they come, with bounds on what they can make us hold.

    +TEXT\r\n                    bytes
    -TEXT\r\n                    what `make_error` makes of the text
    :NUMBER\r\n                  int
    $LENGTH\r\nBYTES\r\n         bytes; None for $-1
    *COUNT\r\nREPLY…             list; None for *-1

Nothing is allocated for what a header only announces: a liar costs about as much as it sends.

Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2); texts as in hiredis.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Final

from pyredis_cluster.protocol.numbers import integer_or_none

MAX_REPLY_BYTES: Final = 4 << 20
"""What one reply may take; INFO takes some thousands."""
_MAX_LINE_BYTES: Final = 64 << 10
_MAX_DEPTH: Final = 9

_MORE: Final = object()
"""What the parser yields where it needs more bytes."""


class BadReplyError(Exception):
    """What came is no reply, and nothing that follows can be understood; `str()` is what hiredis says."""


class ReplyReader:
    """Bytes in, replies out; one that takes more than `max_bytes` is none.

    Of no use any more once it has raised BadReplyError.
    """

    def __init__(self, make_error: Callable[[bytes], object], *, max_bytes: int = MAX_REPLY_BYTES) -> None:
        self._make_error = make_error
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._at = 0
        self._size = 0
        """Bytes of the reply that is not complete yet, those aside that are in the buffer."""
        self._parser = self._replies()

    def feed(self, data: bytes) -> Iterator[object]:
        """Each reply that is complete with `data`, in order. O(bytes). Raises BadReplyError."""
        self._buffer += data
        while (reply := next(self._parser)) is not _MORE:
            self._size = 0
            self._forget()
            yield reply
        self._size += self._at
        self._forget()
        if self._size + len(self._buffer) > self._max_bytes:
            raise BadReplyError("Protocol error, reply too long")

    def _forget(self) -> None:
        del self._buffer[: self._at]
        self._at = 0

    def _replies(self) -> Generator[object, None, None]:
        while True:
            yield (yield from self._reply(1))

    def _reply(self, depth: int) -> Generator[object, None, object]:
        line = yield from self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return self._make_error(rest)
        if kind == b":":
            return _number(rest, "Bad integer value")
        if kind == b"$":
            return (yield from self._bulk(_number(rest, "Bad bulk string length")))
        if kind == b"*":
            return (yield from self._array(_number(rest, "Bad multi-bulk length"), depth))
        raise BadReplyError(f'Protocol error, got "{_shown(kind)}" as reply type byte')

    def _bulk(self, length: int) -> Generator[object, None, bytes | None]:
        if length == -1:
            return None
        if not 0 <= length <= self._max_bytes:
            raise BadReplyError("Bulk string length out of range")
        buffer = self._buffer
        while len(buffer) - self._at < length + 2:
            yield _MORE
        end = self._at + length
        if buffer[end : end + 2] != b"\r\n":
            raise BadReplyError("Protocol error, bulk string without end")
        data = bytes(buffer[self._at : end])
        self._at = end + 2
        return data

    def _array(self, count: int, depth: int) -> Generator[object, None, list[object] | None]:
        if count == -1:
            return None
        if count < 0:
            raise BadReplyError("Multi-bulk length out of range")
        if depth == _MAX_DEPTH:
            raise BadReplyError("No support for nested multi bulk replies with depth > 9")
        elements = []
        for _ in range(count):
            elements.append((yield from self._reply(depth + 1)))
        return elements

    def _line(self) -> Generator[object, None, bytes]:
        buffer = self._buffer
        searched = 0
        while (end := buffer.find(b"\r\n", self._at + searched)) < 0:
            # A line end may be cut in two.
            searched = max(len(buffer) - self._at - 1, 0)
            if searched > _MAX_LINE_BYTES:
                raise BadReplyError("Protocol error, line too long")
            yield _MORE
        line = bytes(buffer[self._at : end])
        self._at = end + 2
        return line


def _number(text: bytes, fault: str) -> int:
    number = integer_or_none(text)
    if number is None:
        raise BadReplyError(fault)
    return number


def _shown(kind: bytes) -> str:
    return kind.decode("latin-1") if kind.isalnum() else kind.hex()
