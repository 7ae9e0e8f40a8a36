"""Sizes of listpacks, the packed form of Redis's small containers: nothing is packed here, only counted.

Layout of an entry: encoding and data, then the length of both again, for walking backwards.

    element                      encoding and data
    integer 0..127               1 byte
    integer of 13 bits           2
    of 16, 24, 32, 64 bits       3, 4, 5, 9
    string below 64 bytes        1 + length
    string below 4096 bytes      2 + length
    longer string                5 + length

A listpack has a header of 6 bytes and an end mark of 1.

Source: https://github.com/antirez/listpack/blob/master/listpack.md
"""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.protocol.numbers import integer_or_none

EMPTY_LISTPACK_BYTES = 7

_MINUS, _NINE = b"-9"
"""What does not begin with a character from one to the other is no integer: `-`, `.`, `/` and digits."""


def entry_bytes(element: bytes) -> int:
    """Bytes that `element` takes in a listpack."""
    length = len(element)
    if 0 < length <= 20 and _MINUS <= element[0] <= _NINE:
        number = integer_or_none(element)
        if number is not None:
            return _integer_bytes(number)
    if length < 64:
        return length + 2
    body = length + (2 if length < 4096 else 5)
    return body + _back_length_bytes(body)


def entries_bytes(elements: Iterable[bytes]) -> int:
    """Bytes that all `elements` take. O(n)."""
    return sum(map(entry_bytes, elements))


def _integer_bytes(number: int) -> int:
    if 0 <= number <= 127:
        return 2
    if -4096 <= number <= 4095:
        return 3
    magnitude = number if number >= 0 else -number - 1
    if magnitude < 1 << 15:
        return 4
    if magnitude < 1 << 23:
        return 5
    if magnitude < 1 << 31:
        return 6
    return 10


def _back_length_bytes(body: int) -> int:
    if body <= 127:
        return 1
    if body < 16383:
        return 2
    if body < 2097151:
        return 3
    return 4 if body < 268435455 else 5
