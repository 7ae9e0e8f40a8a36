r"""A data set as a primary sends it: a line that says how long it is, then the bytes of an RDB file.

    \n …                   while the file is being made: only to show that the link is alive
    $<length>\r\n           that many bytes follow
    $EOF:<40 bytes>\r\n     bytes follow until the same 40 come again
    -<error>\r\n           there will be none

What comes after it is the stream.
"""

from __future__ import annotations

from typing import Final

MARK_BYTES: Final = 40
_EOF: Final = b"$EOF:"
_LINE_MAX_BYTES: Final = 1024


class TransferError(Exception):
    """The primary sends no data set; the text is what the log says of it."""


class Transfer:
    """One data set coming in.

    `size` is its length in bytes, None before the line came, and 0 where it ends with a mark. `read_bytes` is
    how much has come, the mark included.
    """

    def __init__(self) -> None:
        self.size: int | None = None
        self.has_mark = False
        self.read_bytes = 0
        self.is_complete = False
        self.rest = b""
        """What came after the end: the beginning of the stream."""
        self._mark = b""
        self._held = b""
        """Part of the line; then what may be the beginning of the mark."""

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what of it is data. Raises TransferError."""
        if self.size is None:
            data = self._header(data)
            if self.size is None:
                return b""
        if self.has_mark:
            return self._until_mark(data)
        missing = self.size - self.read_bytes
        taken = data[:missing]
        self.read_bytes += len(taken)
        if self.read_bytes == self.size:
            self.is_complete = True
            self.rest = data[missing:]
        return taken

    def _header(self, data: bytes) -> bytes:
        """Read lines up to the one that counts; what comes after it."""
        data = self._held + data
        self._held = b""
        while self.size is None:
            line, line_end, rest = data.partition(b"\n")
            if not line_end:
                if len(data) > _LINE_MAX_BYTES:
                    raise _bad_header(data[:_LINE_MAX_BYTES])
                self._held = data
                return b""
            data = rest
            line = line.removesuffix(b"\r")
            if line:
                self._announce(line)
        return data

    def _announce(self, line: bytes) -> None:
        if line[:1] == b"-":
            raise TransferError(f"MASTER aborted replication with an error: {_text(line[1:])}")
        mark = line[len(_EOF) :]
        if line.startswith(_EOF) and len(mark) >= MARK_BYTES:
            self.has_mark = True
            self._mark = mark[:MARK_BYTES]
            self.size = 0
        elif line[:1] == b"$" and line[1:].isdigit():
            self.size = int(line[1:])
        else:
            raise _bad_header(line)

    def _until_mark(self, data: bytes) -> bytes:
        self.read_bytes += len(data)
        data = self._held + data
        end = data.find(self._mark)
        if end >= 0:
            self.is_complete = True
            self.rest = data[end + MARK_BYTES :]
            self.read_bytes -= len(self.rest)
            return data[:end]
        kept = max(0, len(data) - MARK_BYTES + 1)
        self._held = data[kept:]
        return data[:kept]


def _bad_header(line: bytes) -> TransferError:
    return TransferError(
        "Bad protocol from MASTER, the first byte is not '$' "
        f"(we received '{_text(line)}'), are you sure the host and port are right?"
    )


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
