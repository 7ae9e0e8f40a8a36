"""Strings."""

from __future__ import annotations

from typing import Self

from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.numbers import integer_or_none

EMBSTR_MAX_BYTES = 44


class PlainText(bytes):
    """Data that is not held as an integer even where it spells one: what INCRBYFLOAT leaves."""

    __slots__ = ()


class String(Value):
    """A string value.

    `data` is `bytes` as it was set (`PlainText` after INCRBYFLOAT), or a `bytearray` once it was changed in
    place (APPEND, SETRANGE), which is also what makes its encoding `raw` whatever its length, as in Redis.
    """

    __slots__ = ("data",)

    type_name = b"string"

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = data
        self.lru = 0

    def __len__(self) -> int:
        """Length in bytes. O(1)."""
        return len(self.data)

    def encoding(self) -> bytes:
        """`int`, `embstr` or `raw`."""
        data = self.data
        if type(data) is bytearray:
            return b"raw"
        if len(data) <= 20 and type(data) is bytes and integer_or_none(data) is not None:
            return b"int"
        return b"embstr" if len(data) <= EMBSTR_MAX_BYTES else b"raw"

    def editable(self) -> bytearray:
        """The data as a `bytearray` to change in place; the encoding becomes raw. O(n) the first time."""
        data = self.data
        if type(data) is not bytearray:
            data = self.data = bytearray(data)
        return data

    def copy(self) -> Self:
        """An independent copy; `raw` stays `raw`. O(n) for data changed in place, else O(1)."""
        data = self.data
        return type(self)(bytearray(data) if type(data) is bytearray else data)

    def memory_bytes(self, samples: int = 5) -> int:
        """Object header, string header and data; an integer fits the object."""
        kind = self.encoding()
        if kind == b"int":
            return 16
        return 16 + len(self.data) + (3 if kind == b"embstr" else 9) + 1
