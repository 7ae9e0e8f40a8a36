"""The stream of a primary: bytes → whole requests, and exactly which bytes they are.

A replica counts what it has applied, byte for byte, and hands the same bytes on to its own replicas. So
besides the requests it needs to know where in the stream they end, which a parser of requests does not tell.

1. What looks like the last request in a chunk is read header by header. Where it ends with the chunk, that is
   parsed as a whole.
2. Otherwise the chunk is cut before it. Whether it is a request shows in the parse: it leaves nothing over.
3. Where neither helps (a value longer than a chunk, or one that holds what looks like a request), the
   headers are read one by one, and no byte twice.
"""

from __future__ import annotations

import re
from typing import Final

from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.protocol.request import Request, RequestParser, StrictParser

_UNLIMITED: Final = 2**62
"""A primary may send values of any size: it has accepted them."""

_LINE_MAX_BYTES: Final = 64 * 1024

_STAR: Final = ord("*")
_array_header = re.compile(rb"\*(\d{1,10})\r\n").match
_bulk_header = re.compile(rb"\$(\d{1,19})\r\n").match


class _StrictStream(StrictParser):
    """Takes no inline requests: where one seems to be, this is not where a request begins."""

    __slots__ = ()

    def _inline(self, requests: list[Request]) -> bool:
        count = len(requests)
        is_read = super()._inline(requests)
        if len(requests) > count:
            raise _desynchronised()
        return is_read


class _Parser(RequestParser):
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_UNLIMITED)
        self._strict = _StrictStream(_UNLIMITED)

    @property
    def at_boundary(self) -> bool:
        """Whether all that was parsed is whole requests."""
        return self._strict.at_boundary


class StreamParser:
    """`feed` bytes as they come. Amortised O(bytes), however they are cut."""

    def __init__(self) -> None:
        self._parser = _Parser()
        self._held = bytearray()
        self._position = 0
        """How far the headers of what is held have been read, while they are read one by one."""
        self._missing = 0
        self._needed = 0
        """Bytes without which what is held does not get any further."""
        self._is_scanning = False

    @property
    def held_bytes(self) -> int:
        """Bytes of a request that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> tuple[list[Request], bytes]:
        """The requests that became whole, and the bytes of the stream up to where the last one ends.

        Raises ProtocolError, and is spent then.
        """
        held = self._held
        if held:
            held += data
            if len(held) < self._needed:
                return [], b""
            if self._is_scanning:
                return self._scanned()
            data = bytes(held)
            held.clear()
        found = data.rfind(b"\r\n*")
        cut = found + 2 if found >= 0 else 0
        if _is_request(data, cut):
            requests = self._whole(data)
            if requests is not None:
                return requests, data
        elif cut:
            head = data[:cut]
            requests = self._whole(head)
            if requests is not None:
                held += data[cut:]
                return requests, head
        held += data
        self._is_scanning = True
        return self._scanned()

    def _whole(self, data: bytes) -> list[Request] | None:
        """The requests in `data`, if it is whole requests and nothing else."""
        if data[0] != _STAR or not data.endswith(b"\r\n"):
            return None
        parser = self._parser
        try:
            requests = parser.parse(data)
            if parser.at_boundary:
                return requests
        except ProtocolError:
            pass  # it is looked at once more, request by request
        self._parser = _Parser()
        return None

    def _scanned(self) -> tuple[list[Request], bytes]:
        held = self._held
        end = self._last_boundary()
        if not end:
            return [], b""
        head = bytes(held[:end])
        del held[:end]
        self._position = self._missing = self._needed = 0
        self._is_scanning = False
        return self._parser.parse(head), head

    def _last_boundary(self) -> int:
        """Where the last whole request in what is held ends, 0 if none does.

        What cannot be read counts as whole, so that the parser says what is wrong with it. Raises
        ProtocolError.
        """
        held, position, missing = self._held, self._position, self._missing
        size = len(held)
        boundary = 0
        self._needed = 0
        while position < size:
            if not missing and held[position] != _STAR:  # a line break that keeps the link alive
                line_end = held.find(b"\n", position)
                if line_end < 0:
                    if size - position > _LINE_MAX_BYTES:
                        return size
                    break
                if held[position:line_end].rstrip(b"\r"):
                    raise _desynchronised()
                boundary = position = line_end + 1
                continue
            header = _bulk_header(held, position) if missing else _array_header(held, position)
            if header is None:
                if held.find(b"\n", position, position + _LINE_MAX_BYTES) >= 0 or (
                    size - position > _LINE_MAX_BYTES
                ):
                    return size
                break
            number, header_end = int(header[1]), header.end()
            if missing:
                end = header_end + number + 2
                if end > size:
                    self._needed = end
                    break
                position = end
                missing -= 1
            else:
                position = header_end
                missing = number
            if not missing:
                boundary = position
        self._position, self._missing = position, missing
        return boundary


def _is_request(data: bytes, start: int) -> bool:
    """Whether there is one request from `start` to the end, by its headers."""
    header = _array_header(data, start)
    if header is None:
        return False
    position = header.end()
    for _ in range(int(header[1])):
        header = _bulk_header(data, position)
        if header is None:
            return False
        position = header.end() + int(header[1]) + 2
    return position == len(data)


def _desynchronised() -> ProtocolError:
    return ProtocolError(b"Master using the inline protocol. Desync?")
