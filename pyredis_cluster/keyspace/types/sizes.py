"""What Redis would spend on the parts of a container, for estimates of memory.

Sources: `dict.h` and `sds.h` of Redis 7.2; jemalloc's size classes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.keyspace.types.listpack import EMPTY_LISTPACK_BYTES, entries_bytes

OBJECT_BYTES = 16
DICT_BYTES = 56
DICT_ENTRY_BYTES = 24
SLOT_ENTRY_BYTES = 16
"""What the index of keys by slot takes for each."""
_POINTER_BYTES = 8


def allocated_bytes(size: int) -> int:
    """What jemalloc sets aside for `size` bytes: 8, multiples of 16, above 128 four sizes a doubling."""
    if size <= 8:
        return 8
    step = 16 if size <= 128 else 1 << ((size - 1).bit_length() - 3)
    return (size + step - 1) // step * step


def listpack_bytes(elements: Iterable[bytes]) -> int:
    """Length of a listpack of `elements`. O(n)."""
    return EMPTY_LISTPACK_BYTES + entries_bytes(elements)


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
