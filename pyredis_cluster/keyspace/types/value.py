"""What all values have in common."""

from __future__ import annotations

from typing import ClassVar, Self


class Value:
    """A value of the keyspace.

    `lru` is the clock reading of the last access (or, under an LFU policy, Redis's 24-bit frequency field);
    `Database` keeps it. `type_name` is what TYPE answers.
    """

    __slots__ = ("lru",)

    type_name: ClassVar[bytes]

    lru: int

    def encoding(self) -> bytes:
        """What OBJECT ENCODING answers."""
        raise NotImplementedError

    def copy(self) -> Self:
        """An independent copy, as COPY needs it. O(n)."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Number of elements (bytes, for a string). O(1)."""
        raise NotImplementedError

    def memory_bytes(self, samples: int = 5) -> int:
        """Estimate of the bytes that Redis would use for it; `samples` elements are averaged (0: all)."""
        raise NotImplementedError
