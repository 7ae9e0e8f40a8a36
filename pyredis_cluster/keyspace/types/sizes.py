"""What Redis would spend on the parts of a container, for estimates of memory.

Sources: `listpack.c` (entry = type byte(s) + data + back length), `dict.h`, `sds.h`; jemalloc's size classes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.protocol.numbers import integer_or_none

OBJECT_BYTES = 16
DICT_BYTES = 56
DICT_ENTRY_BYTES = 24
_POINTER_BYTES = 8
_LISTPACK_FRAME_BYTES = 7


def allocated_bytes(size: int) -> int:
    """What jemalloc sets aside for `size` bytes: 8, multiples of 16, above 128 four sizes a doubling."""
    if size <= 8:
        return 8
    step = 16 if size <= 128 else 1 << ((size - 1).bit_length() - 3)
    return (size + step - 1) // step * step


def listpack_bytes(elements: Iterable[bytes]) -> int:
    """Length of a listpack of `elements`. O(n)."""
    return _LISTPACK_FRAME_BYTES + sum(map(listpack_entry_bytes, elements))


def listpack_entry_bytes(element: bytes) -> int:
    """Length of one listpack entry: integers are packed, long strings have long headers."""
    number = integer_or_none(element)
    if number is not None:
        size = _integer_entry_bytes(number)
    else:
        length = len(element)
        size = length + (1 if length < 64 else 2 if length < 4096 else 5)
    return size + _back_length_bytes(size)


def _integer_entry_bytes(number: int) -> int:
    if 0 <= number <= 127:
        return 1
    if -4096 <= number <= 4095:
        return 2
    bits = (number if number >= 0 else ~number).bit_length() + 1
    return 1 + (2 if bits <= 16 else 3 if bits <= 24 else 4 if bits <= 32 else 8)


def _back_length_bytes(size: int) -> int:
    return 1 if size < 128 else 2 if size < 16384 else 3 if size < 2097152 else 4


def table_bytes(count: int) -> int:
    """A dict of `count` entries without its keys and values: buckets are a power of two, at least 4."""
    buckets = max(4, 1 << max(count - 1, 0).bit_length())
    return DICT_BYTES + _POINTER_BYTES * buckets + DICT_ENTRY_BYTES * count


def string_bytes(data: bytes) -> int:
    """A string outside an object: header by length, data, terminator."""
    length = len(data)
    return allocated_bytes(
        length + 1 + (1 if length < 32 else 3 if length < 256 else 5 if length < 65536 else 9)
    )
