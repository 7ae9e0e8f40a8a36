"""The longest common subsequence of two strings, the very one that Redis finds among those of equal length.

The table of lengths is kept one bit a cell: row `i` of `LCS(i, j)` grows by 0 or 1 from one `j` to the next,
and bit `j` of its integer is 0 where it grows. A row then takes a few operations on long integers (Hyyrö,
"Bit-parallel LCS-length computation revisited", 2004), and walking back needs no more than these bits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class Match(NamedTuple):
    """A common run: first and last index in either string."""

    left_start: int
    left_end: int
    right_start: int
    right_end: int

    @property
    def length(self) -> int:
        """Number of bytes of the run."""
        return self.left_end - self.left_start + 1


def common_length(left: bytes, right: bytes) -> int:
    """Length of the longest common subsequence. O(len(left) × len(right) / 64)."""
    (last,) = deque(_rows(left, right), maxlen=1)
    return len(right) - last.bit_count()


def common_subsequence(left: bytes, right: bytes) -> tuple[bytes, list[Match]]:
    """The longest common subsequence and its runs, the last one first.

    O(len(left) × len(right) / 64), and as many bits of memory as the product of the lengths.
    """
    rows = list(_rows(left, right))
    found = bytearray()
    matches: list[Match] = []
    i, j = len(left), len(right)
    run_end = None
    while i and j:
        if left[i - 1] == right[j - 1]:
            if run_end is None:
                run_end = (i - 1, j - 1)
            i -= 1
            j -= 1
            found.append(left[i])
            continue
        if run_end is not None:
            matches.append(Match(i, run_end[0], j, run_end[1]))
            run_end = None
        if rows[i] >> (j - 1) & 1:
            j -= 1
        else:
            i -= 1
    if run_end is not None:
        matches.append(Match(i, run_end[0], j, run_end[1]))
    found.reverse()
    return bytes(found), matches


def _rows(left: bytes, right: bytes) -> Iterator[int]:
    """The table, a row for each prefix of `left` (the empty one too)."""
    places: dict[int, int] = {}
    for index, byte in enumerate(right):
        places[byte] = places.get(byte, 0) | 1 << index
    mask = row = (1 << len(right)) - 1
    yield row
    for byte in left:
        common = row & places.get(byte, 0)
        row = ((row + common) | (row - common)) & mask
        yield row
