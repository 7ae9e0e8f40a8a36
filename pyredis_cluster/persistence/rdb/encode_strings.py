"""Lengths and strings as bytes; `strings` reads them and has the layout.

Source: rdbSaveLen and rdbSaveRawString of Redis 7.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.lzf_compress import MIN_BYTES as COMPRESS_MIN_BYTES
from pyredis_cluster.persistence.rdb.lzf_compress import compress as lzf_compress
from pyredis_cluster.protocol.numbers import integer_or_none

Bytes = bytes | bytearray

INTEGER_MAX_BYTES = 11
"""Longer strings are no integers of 32 bits."""
NO_INTEGER = b":"
"""What is greater than this, the character after `9`, does not begin as an integer does."""

_ZERO = ord("0")
_INT16 = struct.Struct("<Bh")
_INT32 = struct.Struct("<Bi")


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
    if data.isdigit():
        if data[0] == _ZERO and len(data) > 1:
            return None
        number = int(data)
    elif data[:1] == b"-" and (negative := integer_or_none(bytes(data))) is not None:
        number = negative
    else:
        return None
    if -128 <= number < 128:
        return bytes((opcodes.ENCODED_INT8, number & 0xFF))
    if -32768 <= number < 32768:
        return _INT16.pack(opcodes.ENCODED_INT16, number)
    if -(1 << 31) <= number < 1 << 31:
        return _INT32.pack(opcodes.ENCODED_INT32, number)
    return None


_SMALL_INTEGERS = {b"%d" % number: encode_integer(b"%d" % number) for number in range(-128, 1000)}


def encode_raw_string(data: Bytes) -> bytes:
    """A string as it is, after its length."""
    size = len(data)
    return (SHORT_LENGTHS[size] if size < 512 else encode_length(size)) + data


def encode_string(data: Bytes, compress: bool) -> bytes:
    """A string in its shortest form, as `rdbcompression` allows."""
    size = len(data)
    if size <= INTEGER_MAX_BYTES:
        if data > NO_INTEGER:
            return SHORT_LENGTHS[size] + data
        return _SMALL_INTEGERS.get(bytes(data)) or encode_integer(data) or SHORT_LENGTHS[size] + data
    if compress and size >= COMPRESS_MIN_BYTES:
        packed = lzf_compress(data)
        if packed is not None:
            return b"\xc3" + encode_length(len(packed)) + encode_length(size) + packed
    return encode_raw_string(data)


def encode_strings(strings: Iterable[bytes], compress: bool) -> list[bytes]:
    """Each of many strings; as `encode_string`, but faster for short ones."""
    lengths = SHORT_LENGTHS
    compress_from = COMPRESS_MIN_BYTES
    small = _SMALL_INTEGERS.get
    return [
        lengths[size] + each
        if (size := len(each)) < compress_from and (size > INTEGER_MAX_BYTES or each > NO_INTEGER)
        else encode_string(each, compress)
        if size > INTEGER_MAX_BYTES
        else small(each) or encode_integer(each) or lengths[size] + each
        for each in strings
    ]
