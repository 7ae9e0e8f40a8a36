"""Lengths and strings of RDB data.

    00nnnnnn                            length of 6 bits
    01nnnnnn nnnnnnnn                   of 14 bits
    10000000 + 4 bytes                  of 32 bits, big endian
    10000001 + 8 bytes                  of 64 bits, big endian
    11000000 + 1, ..01 + 2, ..10 + 4    an integer, little endian, that stands for its decimal text
    11000011 + length + length + data   LZF: compressed length, plain length, compressed data

A string is a length and so many bytes, or one of the last two. Functions take data and a position and return
what they read with the position behind it; IndexError means that the data ended, and `values` and
`reader` make `RdbError` of it.
"""

from __future__ import annotations

from pyredis_cluster.persistence.rdb.errors import RdbError, short_read
from pyredis_cluster.persistence.rdb.lzf import decompress
from pyredis_cluster.persistence.rdb.opcodes import (
    ENCODED_INT8,
    ENCODED_INT16,
    ENCODED_INT32,
    ENCODED_LZF,
    LENGTH_32_BITS,
    LENGTH_64_BITS,
)

SMALL_INTEGERS = tuple(b"%d" % number for number in (*range(128), *range(-128, 0)))
"""The text of each integer of 8 bits, by its byte."""


def read_length(data: bytes, position: int) -> tuple[int, int]:
    """A length, or any other unsigned number of up to 64 bits. Raises RdbError, IndexError."""
    head = data[position]
    if head < 64:
        return head, position + 1
    if head < 128:
        return (head & 63) << 8 | data[position + 1], position + 2
    if head == LENGTH_32_BITS:
        end = position + 5
    elif head == LENGTH_64_BITS:
        end = position + 9
    else:
        raise RdbError(f"Unknown length encoding {head >> 6} in rdbLoadLen()", position)
    if end > len(data):
        raise short_read(position)
    return int.from_bytes(data[position + 1 : end], "big"), end


def read_string(data: bytes, position: int) -> tuple[bytes, int]:
    """A string of any form. Raises RdbError, IndexError."""
    head = data[position]
    if head < 64:
        start = position + 1
        end = start + head
    elif head < 128:
        start = position + 2
        end = start + ((head & 63) << 8 | data[position + 1])
    elif head >= ENCODED_INT8:
        return _read_encoded(data, position, head)
    else:
        length, start = read_length(data, position)
        end = start + length
    if end > len(data):
        raise short_read(start)
    return data[start:end], end


def _read_encoded(data: bytes, position: int, head: int) -> tuple[bytes, int]:
    if head == ENCODED_INT8:
        return SMALL_INTEGERS[data[position + 1]], position + 2
    if head <= ENCODED_INT32:
        end = position + (3 if head == ENCODED_INT16 else 5)
        if end > len(data):
            raise short_read(position)
        return b"%d" % int.from_bytes(data[position + 1 : end], "little", signed=True), end
    if head != ENCODED_LZF:
        raise RdbError(f"Unknown RDB string encoding type {head & 63}", position)
    packed_length = data[position + 1]
    length = data[position + 2]
    start = position + 3
    if packed_length >= 64 or length >= 64:
        packed_length, start = read_length(data, position + 1)
        length, start = read_length(data, start)
    end = start + packed_length
    if end > len(data):
        raise short_read(start)
    try:
        return decompress(data[start:end], length), end
    except ValueError:
        raise RdbError("Invalid LZF compressed string", start) from None


def read_strings(data: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    """`count` strings, one after the other. O(count). Raises RdbError, IndexError."""
    size = len(data)
    if count > size - position:
        # Each takes a byte at least.
        raise short_read(position)
    strings: list[bytes] = []
    append = strings.append
    for _ in range(count):
        head = data[position]
        if head < 64:
            start = position + 1
            position = start + head
        elif head < 128:
            start = position + 2
            position = start + ((head & 63) << 8 | data[position + 1])
        else:
            string, position = read_string(data, position)
            append(string)
            continue
        append(data[start:position])
    if position > size:
        raise short_read(size)
    return strings, position
