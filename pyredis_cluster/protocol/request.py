"""Requests: bytes from a client → lists of arguments.

Two parsers that agree on every input (a property test holds them together):

1. `StrictParser` follows Redis's `processMultibulkBuffer` and `processInlineBuffer` state by state. It is
   incremental, knows every limit and every protocol error text, and is exact about what it consumed.
2. `RequestParser`, the one to use, first tries hiredis, which is written in C, on a chunk that starts at a
   request's first byte. hiredis is a *reply* parser: it takes `+OK` and `:1` for arguments, knows none of
   Redis's limits, and cannot say how far it came. So the attempt is speculative: unless the chunk is
   proven to hold whole, well-formed requests and nothing else, the attempt is thrown away before
   anything ran and `StrictParser` reads the same bytes again.

What proves it, exactly:
* Every argument is `bytes` (they can be joined): nothing is nested or nil, and each request is a list, since
  to iterate over anything else gives other things.
* No byte stands in the chunk that could begin another reply which comes as `bytes`, or a collection of them,
  such as `+`; where a payload holds one, the requests are written again and compared with the chunk.
* An empty array fed after it comes back as just that: nothing is left over.
"""

from __future__ import annotations

import re
from itertools import chain

import hiredis

from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.protocol.words import UnbalancedQuotes, split_words

INLINE_MAX_BYTES = 64 * 1024
"""Longest inline request, and longest header line of a multibulk request."""

MULTIBULK_MAX = 2**31 - 1
"""Most arguments of one request (Redis 7: INT_MAX)."""

UNAUTHENTICATED_MULTIBULK_MAX = 10
UNAUTHENTICATED_BULK_MAX_BYTES = 16384

DEFAULT_BULK_MAX_BYTES = 512 * 1024 * 1024
"""Default of proto-max-bulk-len."""

Request = list[bytes]

# hiredis allocates an aggregate before its elements arrive: a header that announces a million or more is
# never shown to it. The literal first byte makes the common one of the two searches fast.
_HUGE_ARRAY = re.compile(rb"\*\d{7}").search
_HUGE_AGGREGATE = re.compile(rb"[*~>]\d{7}").search

_BULK_HEADER = re.compile(rb"\$(0|[1-9][0-9]{0,8})\r\n").match
_MANY_ARGUMENTS = 8
"""From so many on it pays to look for several at once."""

_STAR, _LINE_FEED = b"*\n"
_PLUS, _EQUALS, _OPENING, _GREATER, _TILDE, _BAR, _PERCENT = b"+=(>~|%"
# What makes inline requests more than words between blanks: quotes, NUL, blanks that Python and Redis take
# differently, and a `*` that may begin a request of the other kind.
_SPECIAL_INLINE = re.compile(rb"[\"'*\x00\v\f]").search

_LISTS = {list}
# What hiredis answers for want of bytes: a list, since each request is compared with it until it comes, and
# lists of different length are told apart at once.
_INCOMPLETE: Request = []

_SMALL_BYTES = 128
_LINES = {b"*%d" % count: 2 * count + 2 for count in range(1, 32)}
_LENGTH = {b"$%d" % length: length for length in range(_SMALL_BYTES)}


class StrictParser:
    """Incremental parser of requests, with Redis's limits and error texts.

    `feed` appends the requests that became complete to `requests`; a broken one raises ProtocolError after
    those before it were appended, and the parser must not be fed again.
    """

    __slots__ = (
        "_arguments",
        "_authenticated",
        "_buffer",
        "_bulk_length",
        "_bulk_max_bytes",
        "_missing",
        "_position",
    )

    def __init__(self, bulk_max_bytes: int = DEFAULT_BULK_MAX_BYTES) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._missing = 0
        self._bulk_length = -1
        self._arguments: Request = []
        self._authenticated = True
        self._bulk_max_bytes = bulk_max_bytes

    def set_limits(self, *, authenticated: bool, bulk_max_bytes: int) -> None:
        """Set what depends on the client and on the configuration; takes effect at the next `feed`."""
        self._authenticated = authenticated
        self._bulk_max_bytes = bulk_max_bytes

    @property
    def at_boundary(self) -> bool:
        """Whether the next byte fed will be the first of a request."""
        return not self._missing and self._position == len(self._buffer)

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of a request that is not complete yet."""
        return len(self._buffer) - self._position + sum(map(len, self._arguments))

    def feed(self, data: bytes, requests: list[Request]) -> None:
        """Parse `data` after what is held; append complete requests to `requests`.

        Raises ProtocolError.
        """
        self._buffer += data
        try:
            while self._next(requests):
                pass
        finally:
            del self._buffer[: self._position]
            self._position = 0

    def _next(self, requests: list[Request]) -> bool:
        """Parse one step; False where more bytes are needed."""
        if self._missing:
            return self._argument(requests)
        if self._position == len(self._buffer):
            return False
        if self._buffer[self._position] == ord("*"):
            return self._multibulk_header()
        return self._inline(requests)

    def _find(self, line_end: bytes) -> int:
        """Where the next `line_end` is, or -1. Redis searches a C string: it finds nothing beyond a NUL."""
        end = self._buffer.find(line_end, self._position)
        if end >= 0 and self._buffer.find(0, self._position, end) >= 0:
            return -1
        return end

    def _inline(self, requests: list[Request]) -> bool:
        end = self._find(b"\n")
        if end < 0:
            if len(self._buffer) - self._position > INLINE_MAX_BYTES:
                raise ProtocolError(b"too big inline request")
            return False
        line = bytes(self._buffer[self._position : end])
        self._position = end + 1
        if line.endswith(b"\r"):
            line = line[:-1]
        try:
            words = split_words(line)
        except UnbalancedQuotes:
            raise ProtocolError(b"unbalanced quotes in request") from None
        if words:
            requests.append(words)
        return True

    def _header(self, too_big: bytes) -> bytes | None:
        """The line at the position without its first byte and line end; None where it is incomplete."""
        end = self._find(b"\r")
        if end < 0:
            if len(self._buffer) - self._position > INLINE_MAX_BYTES:
                raise ProtocolError(too_big)
            return None
        if end + 1 >= len(self._buffer):
            return None
        line = bytes(self._buffer[self._position + 1 : end])
        self._position = end + 2
        return line

    def _multibulk_header(self) -> bool:
        line = self._header(b"too big mbulk count string")
        if line is None:
            return False
        count = _length(line)
        if count is None or count > MULTIBULK_MAX:
            raise ProtocolError(b"invalid multibulk length")
        if count > UNAUTHENTICATED_MULTIBULK_MAX and not self._authenticated:
            raise ProtocolError(b"unauthenticated multibulk length")
        self._missing = max(count, 0)
        return True

    def _take_regular_arguments(self) -> None:
        """Take arguments as long as they are whole and as every client sends them, but not the last one.

        Whatever else there is, `_argument` gets to see it.
        """
        buffer, position = self._buffer, self._position
        size = len(buffer)
        longest = self._bulk_max_bytes
        if not self._authenticated:
            longest = min(longest, UNAUTHENTICATED_BULK_MAX_BYTES)
        taken: Request = []
        with memoryview(buffer) as view:
            for _ in range(self._missing - 1):
                header = _BULK_HEADER(buffer, position)
                if header is None or (length := int(header[1])) > longest:
                    break
                start = header.end()
                end = start + length
                if size < end + 2:
                    break
                taken.append(view[start:end].tobytes())
                position = end + 2
        self._arguments += taken
        self._missing -= len(taken)
        self._position = position

    def _argument(self, requests: list[Request]) -> bool:
        if self._bulk_length < 0:
            if self._missing >= _MANY_ARGUMENTS:
                self._take_regular_arguments()
            mark = bytes(self._buffer[self._position : self._position + 1])
            line = self._header(b"too big bulk count string")
            if line is None:
                return False
            if mark != b"$":
                raise ProtocolError(b"expected '$', got '%b'" % mark)
            length = _length(line)
            if length is None or length < 0 or length > self._bulk_max_bytes:
                raise ProtocolError(b"invalid bulk length")
            if length > UNAUTHENTICATED_BULK_MAX_BYTES and not self._authenticated:
                raise ProtocolError(b"unauthenticated bulk length")
            self._bulk_length = length
        end = self._position + self._bulk_length
        if len(self._buffer) < end + 2:
            return False
        self._arguments.append(bytes(self._buffer[self._position : end]))
        # Redis skips the two bytes after a bulk without looking at them.
        self._position = end + 2
        self._bulk_length = -1
        self._missing -= 1
        if not self._missing:
            requests.append(self._arguments)
            self._arguments = []
        return True


def _length(line: bytes) -> int | None:
    """The integer of a header line as string2ll reads it; None where it is none."""
    if not line or len(line) > 20:
        return None
    digits = line[1:] if line[:1] == b"-" else line
    if not digits.isdigit() or (len(digits) > 1 and digits[:1] == b"0") or line == b"-0":
        return None
    return int(line)


class RequestParser:
    """Bytes of one connection → requests, fast where the input is regular, strict everywhere.

    `parse` returns the requests that became complete. Where it raises ProtocolError, `completed` holds
    the requests before the broken one, to be answered before the error; the parser is then spent.
    """

    __slots__ = ("_authenticated", "_hiredis", "_is_regular", "_strict", "completed")

    def __init__(self, bulk_max_bytes: int = DEFAULT_BULK_MAX_BYTES) -> None:
        self._hiredis = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._strict = StrictParser(bulk_max_bytes)
        self._authenticated = True
        self._is_regular = True
        self.completed: list[Request] = []

    def set_limits(self, *, authenticated: bool, bulk_max_bytes: int) -> None:
        """Set what depends on the client and on the configuration."""
        self._authenticated = authenticated
        self._strict.set_limits(authenticated=authenticated, bulk_max_bytes=bulk_max_bytes)
        self._is_regular = authenticated and self._strict.at_boundary

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of a request that is not complete yet."""
        return self._strict.buffered_bytes

    def is_verbatim(self, requests: list[Request]) -> bool:
        """Whether `requests`, just returned by `parse`, are exactly the bytes that came with that call.

        Not those of inline requests, nor where there were empty ones, which Redis skips; and not those that
        began in an earlier call, or were followed by the begin of another one.
        """
        return requests is not self.completed

    def parse(self, data: bytes) -> list[Request]:
        """Return the requests that `data` completes; raises ProtocolError."""
        if data[0] == _STAR and data[-1] == _LINE_FEED and self._is_regular:
            if len(data) <= _SMALL_BYTES:
                # One small request, the common chunk of a client that does not pipeline.
                lines = data.split(b"\r\n")
                if _LINES.get(lines[0]) == len(lines) and not lines[-1]:
                    request = lines[2::2]
                    place = 1
                    for argument in request:
                        if _LENGTH.get(lines[place]) != len(argument):
                            break
                        place += 2
                    else:
                        return [request]
            if _HUGE_ARRAY(data) is None:
                requests = self._speculate(data)
                if requests is not None:
                    return requests
        elif data[-1] == _LINE_FEED and self._is_regular and not _SPECIAL_INLINE(data):
            requests = self.completed = [words for line in data.split(b"\n") if (words := line.split())]
            return requests
        requests = self.completed = []
        self._strict.feed(data, requests)
        self._is_regular = self._authenticated and self._strict.at_boundary
        return requests

    def _speculate(self, data: bytes) -> list[Request] | None:
        """Read `data` with hiredis; None unless it is whole requests of bulk strings and nothing else."""
        # A byte is sought with memchr: where it is absent, as it mostly is, that costs next to nothing.
        is_plain = not (
            _PLUS in data
            or _EQUALS in data
            or _OPENING in data
            or _GREATER in data
            or _TILDE in data
            or _BAR in data
            or _PERCENT in data
        )
        if not is_plain and _HUGE_AGGREGATE(data) is not None:
            return None
        reader = self._hiredis
        try:
            reader.feed(data)
            requests = list(iter(reader.gets, _INCOMPLETE))
            b"".join(chain.from_iterable(requests))
            if is_plain or (set(map(type, requests)) == _LISTS and _is_canonical(data, requests)):
                # An empty request, which Redis skips, looks like _INCOMPLETE and ends the list early.
                is_read = not reader.has_data()
                reader.feed(b"*0\r\n")
                last = reader.gets()
                if is_read and last is not _INCOMPLETE and last == []:
                    if all(requests):
                        return requests
                    if set(map(type, requests)) == _LISTS:  # and not an empty string
                        requests = self.completed = [request for request in requests if request]
                        return requests
        except (TypeError, hiredis.HiredisError, MemoryError):
            pass  # a broken request, or something that is no bulk string
        self._hiredis = hiredis.Reader(notEnoughData=_INCOMPLETE)
        return None


def _is_canonical(data: bytes, requests: list[Request]) -> bool:
    """Whether `data` is how a client would send `requests`, to the byte."""
    parts: list[bytes] = []
    for request in requests:
        parts.append(b"*%d\r\n" % len(request))
        parts += [b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in request]
    return b"".join(parts) == data
