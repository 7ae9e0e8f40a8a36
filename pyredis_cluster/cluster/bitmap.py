"""Slot bitmaps as the bus carries them: 2048 bytes, slot n is bit `n & 7` of byte `n >> 3`.

Differences are taken on whole bitmaps as integers, so that their cost is that of what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyredis_cluster.cluster.wire import SLOT_BITMAP_BYTES

_MANY_RUNS = 24
"""From so many on, each run by arithmetic on the whole bitmap costs more than a text of all of its digits."""


def to_int(bitmap: bytes | bytearray) -> int:
    """The bitmap as an integer whose bit n is slot n."""
    return int.from_bytes(bitmap, "little")


def from_slots(slots: Iterable[int]) -> bytes:
    """The bitmap with the bits of `slots` set."""
    bitmap = bytearray(SLOT_BITMAP_BYTES)
    for slot in slots:
        bitmap[slot >> 3] |= 1 << (slot & 7)
    return bytes(bitmap)


def of_few(slots: Iterable[int]) -> int:
    """The integer with the bits of `slots`, of which there are few. O(slots * bits)."""
    value = 0
    for slot in slots:
        value |= 1 << slot
    return value


def bits(value: int) -> Iterator[int]:
    """The numbers of the set bits of `value`, ascending. O(bits of `value` + bits set)."""
    for first, last in runs(value):
        yield from range(first, last + 1)


def ranges(bitmap: bytes | bytearray) -> list[tuple[int, int]]:
    """The runs of slots as (first, last), ascending."""
    return runs(to_int(bitmap))


def runs(value: int) -> list[tuple[int, int]]:
    """The runs of set bits as (first, last), ascending. O(bits of `value` + runs)."""
    found: list[tuple[int, int]] = []
    start = 0
    while value:
        if len(found) == _MANY_RUNS:
            return found + _runs_of_digits(f"{value:b}"[::-1], start)
        zeros = (value & -value).bit_length() - 1
        value >>= zeros
        start += zeros
        ones = (~value & (value + 1)).bit_length() - 1
        value >>= ones
        found.append((start, start + ones - 1))
        start += ones
    return found


def _runs_of_digits(digits: str, base: int) -> list[tuple[int, int]]:
    """The runs of ones, the first digit being bit `base`."""
    found = []
    first = digits.find("1")
    while first >= 0:
        behind = digits.find("0", first)
        if behind < 0:
            behind = len(digits)
        found.append((base + first, base + behind - 1))
        first = digits.find("1", behind)
    return found
