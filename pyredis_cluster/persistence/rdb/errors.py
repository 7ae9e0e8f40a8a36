"""What is wrong with RDB data."""

from __future__ import annotations

UNEXPECTED_END = "Unexpected EOF reading RDB file"
SHORT_READ_LINE = "Short read or OOM loading DB. Unrecoverable error, aborting now."


class RdbError(Exception):
    """RDB data that cannot be read.

    `message` is what Redis logs for that fault, where it has words for it, and `offset` where it was found;
    `line` is what it logs in a line of its own before. `is_short` says that data ended early, which a
    transfer that broke off explains: everything else is corrupt, or not for us.
    """

    def __init__(self, message: str, offset: int, *, line: str | None = None, is_short: bool = False) -> None:
        super().__init__(f"{message} (offset {offset})")
        self.message = message
        self.offset = offset
        self.line = line
        self.is_short = is_short

    def moved(self, distance: int) -> RdbError:
        """The same, `distance` bytes further on: for data that is part of other data."""
        return type(self)(self.message, self.offset + distance, line=self.line, is_short=self.is_short)


class EmptyValueError(RdbError):
    """A container without elements: whole, `offset` is behind it, but no value to keep.

    Old servers could save such keys. Loading a file passes over them, RESTORE refuses.
    """

    def __init__(self, offset: int) -> None:
        super().__init__("empty value", offset)


def short_read(offset: int) -> RdbError:
    """The data ends although more is announced."""
    return RdbError(UNEXPECTED_END, offset, line=SHORT_READ_LINE, is_short=True)
