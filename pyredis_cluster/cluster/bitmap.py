"""Slot bitmaps as the bus carries them: 2048 bytes, slot n is bit `n & 7` of byte `n >> 3`.

Differences are taken on whole bitmaps as integers, so that their cost is that of what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyredis_cluster.cluster.wire import SLOT_BITMAP_BYTES


def to_int(bitmap: bytes | bytearray) -> int:
    """The bitmap as an integer whose bit n is slot n."""
    return int.from_bytes(bitmap, "little")


def from_slots(slots: Iterable[int]) -> bytes:
    """The bitmap with the bits of `slots` set."""
    bitmap = bytearray(SLOT_BITMAP_BYTES)
    for slot in slots:
        bitmap[slot >> 3] |= 1 << (slot & 7)
    return bytes(bitmap)


def bits(value: int) -> Iterator[int]:
    """The numbers of the set bits of `value`, ascending. O(bytes of value + bits set)."""
    for index, byte in enumerate(value.to_bytes((value.bit_length() + 7) // 8, "little")):
        if byte:
            base = index << 3
            for bit in range(8):
                if byte >> bit & 1:
                    yield base + bit


def ranges(bitmap: bytes | bytearray) -> list[tuple[int, int]]:
    """The runs of slots as (first, last), ascending."""
    return runs(to_int(bitmap))


def runs(value: int) -> list[tuple[int, int]]:
    """The runs of set bits as (first, last), ascending."""
    found: list[tuple[int, int]] = []
    start = 0
    while value:
        zeros = (value & -value).bit_length() - 1
        value >>= zeros
        start += zeros
        ones = (~value & (value + 1)).bit_length() - 1
        value >>= ones
        found.append((start, start + ones - 1))
        start += ones
    return found
