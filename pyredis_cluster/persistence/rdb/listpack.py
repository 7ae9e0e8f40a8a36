"""Listpacks as bytes; `packed` reads them and has the layout.

    encoding             element
    0nnnnnnn             an integer from 0 to 127
    10llllll data        a string of up to 63 bytes
    110nnnnn n8          an integer of 13 bits
    1110llll l8 data     a string of up to 4095 bytes
    0xf1 … 0xf4          an integer of 2, 3, 4, 8 bytes, little endian
    0xf0 l32 data        a longer string; its length is little endian

Source: listpack.c of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.persistence.rdb.packed import back_length
from pyredis_cluster.protocol.numbers import integer_or_none

_HEADER_BYTES = 6
_COUNT_UNKNOWN = 0xFFFF
_WIDTHS = ((2, 0xF1), (3, 0xF2), (4, 0xF3), (8, 0xF4))


def encode_listpack(elements: Iterable[bytes | int]) -> bytes:
    """A listpack of strings and integers of 64 bits; strings that spell such integers are stored as these.

    O(n).
    """
    count = 0
    parts = [b""]
    for element in elements:
        body = _encode_integer(element) if isinstance(element, int) else _encode_string(element)
        parts.append(body)
        parts.append(back_length(len(body)))
        count += 1
    parts.append(b"\xff")
    size = _HEADER_BYTES + sum(map(len, parts))
    parts[0] = size.to_bytes(4, "little") + min(count, _COUNT_UNKNOWN).to_bytes(2, "little")
    return b"".join(parts)


def _encode_string(element: bytes) -> bytes:
    number = integer_or_none(element)
    if number is not None:
        return _encode_integer(number)
    length = len(element)
    if length < 64:
        return bytes((0x80 | length,)) + element
    if length < 4096:
        return (0xE000 | length).to_bytes(2, "big") + element
    return b"\xf0" + length.to_bytes(4, "little") + element


def _encode_integer(number: int) -> bytes:
    if 0 <= number < 128:
        return bytes((number,))
    if -4096 <= number < 4096:
        return (0xC000 | number & 0x1FFF).to_bytes(2, "big")
    for width, code in _WIDTHS[:-1]:
        if -1 << 8 * width - 1 <= number < 1 << 8 * width - 1:
            return bytes((code,)) + number.to_bytes(width, "little", signed=True)
    return b"\xf4" + number.to_bytes(8, "little", signed=True)
