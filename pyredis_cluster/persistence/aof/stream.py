r"""The commands of an AOF file, in slices.

    reader = CommandReader(data)
    while (requests := reader.read(budget_bytes)):
        run(requests)
    if reader.is_cut:                       # the end is missing: what is whole ends at `valid_up_to`
        ...

A file is commands as clients send them (arrays of bulk strings), and lines that begin with `#`, which note
the time (`#TS:1700000000\r\n`) and are skipped. Whatever does not fit into that raises `AofFormatError`; what
ends too early is cut. A transaction whose EXEC is missing counts as cut too, from its MULTI on.

Leniency is that of Redis: numbers may have anything behind them, and the two bytes behind an argument can be
any. Unlike Redis 7.2, a file that ends within a command within a transaction is valid up to the MULTI: cut
behind the last whole command, the transaction would swallow all that is appended later.

Source: loadSingleAppendOnlyFile of Redis 7.2.
"""

from __future__ import annotations

from typing import Final

Request = list[bytes]

MAX_LINE_BYTES: Final = 1024
"""Of a line including its end; longer ones are read in pieces, which only comments could survive."""

_WINDOW_BYTES = 1 << 20
_MOST_ARGUMENTS = (1 << 60) - 1
_MOST_BULK_BYTES = 1 << 46
"""What no machine can allocate; Redis ends for want of memory there."""

_STAR = ord("*")
_DOLLAR = ord("$")
_HASH = ord("#")
_TRANSACTION_ENDS = (b"exec", b"discard")


class AofFormatError(Exception):
    """The file is something else than an AOF from `offset` on."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"bad file format at offset {offset}")
        self.offset = offset


class _NotWholeError(Exception):
    """The data at hand ends within a command."""


class CommandReader:
    """Reads the commands of a file, which may lie in memory or be mapped into it."""

    def __init__(self, data: bytes | memoryview, position: int = 0) -> None:
        """Commands begin at `position`, behind an RDB preamble if there is one."""
        self._data = data
        self.position = position
        """How far it has come."""
        self.valid_up_to = position
        """Where what is whole ends."""
        self.is_cut = False
        """Once all was read: whether the file ends within a command or a transaction."""
        self.in_transaction = False
        """Whether a MULTI was read, and its EXEC was not."""
        self._before_transaction = position

    def read(self, budget_bytes: int) -> list[Request]:
        """The commands of about that many bytes more, at least one; none when there are no more.

        Raises AofFormatError. O(bytes).
        """
        window_bytes = max(budget_bytes, 2 * MAX_LINE_BYTES)
        total = len(self._data)
        while self.position < total:
            base = self.position
            window = bytes(self._data[base : base + window_bytes])
            requests: list[Request] = []
            self._read_window(window, base, requests)
            if requests:
                return requests
            if self.position == base:
                if base + len(window) == total:
                    self._end(is_whole=False)
                    return []
                window_bytes *= 4
        self._end(is_whole=True)
        return []

    def _end(self, *, is_whole: bool) -> None:
        if self.in_transaction:
            self.valid_up_to = self._before_transaction
        self.is_cut = not is_whole or self.in_transaction

    def _read_window(self, window: bytes, base: int, requests: list[Request]) -> None:
        """Append all whole commands to `requests`; `position` is behind them then."""
        position = whole = 0
        size = len(window)
        append = requests.append
        try:
            while position < size:
                if window[position] == _HASH:
                    position = _line_end(window, position)
                    continue
                request, end = _read_command(window, position)
                name = request[0]
                if len(name) == 5 and not self.in_transaction and name.lower() == b"multi":
                    self.in_transaction = True
                    self._before_transaction = base + whole if whole else self.valid_up_to
                elif self.in_transaction and name.lower() in _TRANSACTION_ENDS:
                    self.in_transaction = False
                append(request)
                position = whole = end
        except _NotWholeError:
            pass
        except AofFormatError as error:
            raise AofFormatError(base + error.offset) from None
        self.position = base + position
        if whole:
            self.valid_up_to = base + whole


def _read_command(window: bytes, position: int) -> tuple[Request, int]:
    """The command at `position`, and the position behind it."""
    find = window.find
    size = len(window)
    if window[position] != _STAR:
        raise AofFormatError(position)
    end = find(b"\r\n", position, position + MAX_LINE_BYTES)
    if end > 0 and (digits := window[position + 1 : end]).isdigit():
        count = int(digits)
        position_after = end + 2
    else:
        count, position_after = _number(window, position)
    if not 0 < count <= _MOST_ARGUMENTS:
        raise AofFormatError(position)
    position = position_after
    request: Request = []
    append = request.append
    for _ in range(count):
        if position >= size:
            raise _NotWholeError
        if window[position] != _DOLLAR:
            raise AofFormatError(position)
        end = find(b"\r\n", position, position + MAX_LINE_BYTES)
        if end > 0 and (digits := window[position + 1 : end]).isdigit():
            length = int(digits)
            start = end + 2
        else:
            length, start = _number(window, position)
        if not 0 <= length <= _MOST_BULK_BYTES:
            raise AofFormatError(position)
        end = start + length
        position = end + 2
        if position > size:
            raise _NotWholeError
        append(window[start:end])
    return request, position


def _line_end(window: bytes, position: int) -> int:
    """Behind the line at `position`, or behind as much of it as is read at once."""
    end = window.find(b"\n", position, position + MAX_LINE_BYTES - 1) + 1
    if end:
        return end
    end = position + MAX_LINE_BYTES - 1
    if end > len(window):
        raise _NotWholeError
    return end


def _number(window: bytes, position: int) -> tuple[int, int]:
    """The number behind the byte at `position`, as C's atoi finds it, and the position behind the line."""
    after = _line_end(window, position)
    text = window[position + 1 : after].lstrip(b" \t\n\v\f\r")
    end = start = int(text[:1] in (b"-", b"+"))
    while end < len(text) and text[end] in b"0123456789":
        end += 1
    return int(text[:end]) if end > start else 0, after
