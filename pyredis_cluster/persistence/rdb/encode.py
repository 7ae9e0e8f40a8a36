"""Values as bytes: what follows the type byte in RDB files and DUMP payloads.

Each value gets the oldest form that holds all of it, so that as many servers as can be read what is written:

    type  value                                         layout; `string` is below, `length` a number
    0     string                                        string
    1     list                                          length, string for each element
    2     set, but for intsets                          length, string for each member
    4     hash                                          length, string and string for each field
    5     sorted set                                    length, string and double for each, the last one first
    11    intset                                        string of: width, count (4 bytes each), integers
    15    stream                                        see `encode_stream`; 19 and 21 hold more
    22    hash with fields that expire (Valkey 9)       length, string, string and time for each field

A length has 1 byte up to 63, 2 (big endian, the highest two bits 01) up to 16383, 5 (0x80 first) in 32 bits
and 9 (0x81 first) above. A string is a length and that many bytes, or 0xc0, 0xc1, 0xc2 and an integer of 1, 2
or 4 bytes that it spells, or 0xc3, compressed length, length and LZF data. Numbers but lengths are little
endian; times are unix milliseconds.

Servers that load these forms give containers the encodings that they would have if they were made there.

Source: rdb.c of Redis 7.2, and of Valkey 9 for type 22.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import INTSET, Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.lzf_compress import MIN_BYTES as COMPRESS_MIN_BYTES
from pyredis_cluster.persistence.rdb.lzf_compress import compress as lzf_compress
from pyredis_cluster.protocol.numbers import integer_or_none

if TYPE_CHECKING:
    from pyredis_cluster.keyspace.types.value import Value

Bytes = bytes | bytearray

INTEGER_MAX_BYTES = 11
"""Longer strings are no integers of 32 bits."""
NO_INTEGER = b":"
"""What is greater than this, the character after `9`, does not begin as an integer does."""
_ZERO = ord("0")
_BATCH = 512
"""So many elements are made into one piece."""

_DOUBLE = struct.Struct("<d")
_INT16 = struct.Struct("<Bh")
_INT32 = struct.Struct("<Bi")
_INT64 = struct.Struct("<q")
_NO_TIME = _INT64.pack(-1)


def _encode_short_length(number: int) -> bytes:
    return bytes((number,)) if number < 64 else (opcodes.LENGTH_14_BITS << 8 | number).to_bytes(2, "big")


SHORT_LENGTHS = tuple(map(_encode_short_length, range(512)))
"""The lengths that come most."""


def encode_length(number: int) -> bytes:
    """A number from 0 to 2**64 - 1 as a length."""
    if number < 512:
        return SHORT_LENGTHS[number]
    if number < 16384:
        return (opcodes.LENGTH_14_BITS << 8 | number).to_bytes(2, "big")
    if number < 1 << 32:
        return b"\x80" + number.to_bytes(4, "big")
    return b"\x81" + number.to_bytes(8, "big")


def encode_integer(data: Bytes) -> bytes | None:
    """A string of at most 11 bytes as an integer, or None where it does not spell one of 32 bits."""
    # Few of these reach the exact test: it takes longer than all else here.
    is_natural = data.isdigit() and (data[0] != _ZERO or len(data) == 1)
    number = int(data) if is_natural else integer_or_none(bytes(data))
    if number is None:
        return None
    if -128 <= number < 128:
        return bytes((opcodes.ENCODED_INT8, number & 0xFF))
    if -32768 <= number < 32768:
        return _INT16.pack(opcodes.ENCODED_INT16, number)
    if -(1 << 31) <= number < 1 << 31:
        return _INT32.pack(opcodes.ENCODED_INT32, number)
    return None


def encode_raw_string(data: Bytes) -> bytes:
    """A string as it is, after its length."""
    size = len(data)
    return (SHORT_LENGTHS[size] if size < 512 else encode_length(size)) + data


def encode_string(data: Bytes, compress: bool) -> bytes:
    """A string in its shortest form, as `rdbcompression` allows."""
    size = len(data)
    if size <= INTEGER_MAX_BYTES:
        return (None if data > NO_INTEGER else encode_integer(data)) or SHORT_LENGTHS[size] + data
    if compress and size >= COMPRESS_MIN_BYTES:
        packed = lzf_compress(data)
        if packed is not None:
            return b"\xc3" + encode_length(len(packed)) + encode_length(size) + packed
    return encode_raw_string(data)


def encode_strings(strings: Iterable[bytes], compress: bool) -> list[bytes]:
    """Each of many strings; as `encode_string`, but faster for short ones."""
    lengths = SHORT_LENGTHS
    compress_from = COMPRESS_MIN_BYTES
    return [
        lengths[size] + each
        if (size := len(each)) < compress_from and (size > INTEGER_MAX_BYTES or each > NO_INTEGER)
        else encode_string(each, compress)
        for each in strings
    ]


def encode_value(value: Value, compress: bool) -> tuple[int, Iterator[bytes]]:
    """The type byte, and the bytes in pieces that are made as they are taken.

    A container must not change meanwhile. Raises TypeError for a value of no known type.
    """
    if isinstance(value, String):
        return opcodes.TYPE_STRING, iter((encode_string(value.data, compress),))
    if isinstance(value, Hash):
        return opcodes.TYPE_HASH, _flat(len(value), chain.from_iterable(value.fields.items()), compress)
    if isinstance(value, List):
        return opcodes.TYPE_LIST, _flat(len(value), value, compress)
    if isinstance(value, Set):
        if value.kind is INTSET:
            return opcodes.TYPE_SET_INTSET, iter((encode_string(_intset(value), compress),))
        return opcodes.TYPE_SET, _flat(len(value), value.ordered(), compress)
    if isinstance(value, SortedSet):
        return opcodes.TYPE_ZSET_2, _scored(value, compress)
    raise TypeError(f"no serialized form of {value.type_name!r}")


def _flat(count: int, strings: Iterable[bytes], compress: bool) -> Iterator[bytes]:
    """A number of elements and all their strings."""
    yield encode_length(count)
    remaining = iter(strings)
    while batch := encode_strings(islice(remaining, _BATCH), compress):
        yield b"".join(batch)


def _intset(value: Set) -> bytes:
    numbers = list(map(int, value.ordered()))
    # Ordered: the widest is first or last.
    widest = max(numbers[-1], ~numbers[0]) if numbers else 0
    width, code = (2, "h") if widest < 1 << 15 else (4, "i") if widest < 1 << 31 else (8, "q")
    return struct.pack(f"<II{len(numbers)}{code}", width, len(numbers), *numbers)


def _scored(value: SortedSet, compress: bool) -> Iterator[bytes]:
    count = len(value)
    yield encode_length(count)
    pack = _DOUBLE.pack
    for stop in range(count, 0, -_BATCH):
        # From the end: Redis inserts each at the head of its skip list then.
        batch = value.range(max(stop - _BATCH, 0), stop)[::-1]
        members = encode_strings([member for _, member in batch], compress)
        scores = [pack(score) for score, _ in batch]
        yield b"".join(chain.from_iterable(zip(members, scores, strict=True)))
