"""Values as bytes: what follows the type byte in RDB files and DUMP payloads.

Each value gets the oldest form that holds all of it, so that as many servers as can be read what is written:

    type  value                                         layout; strings and lengths: see `strings`
    0     string                                        string
    1     list                                          length, string for each element
    2     set, but for intsets                          length, string for each member
    4     hash                                          length, string and string for each field
    5     sorted set                                    length, string and double for each, the last one first
    11    intset                                        string of: width, count (4 bytes each), integers
    15    stream                                        see `encode_stream`; 19 and 21 hold more
    22    hash with fields that expire (Valkey 9)       length, string, string and time for each field

Servers that load these forms give containers the encodings that they would have if they were made there.

Source: rdb.c of Redis 7.2, and of Valkey 9 for type 22.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import INTSET, Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.stream import Stream
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.encode_stream import encode_stream
from pyredis_cluster.persistence.rdb.encode_strings import encode_length, encode_string, encode_strings

_BATCH = 512
"""So many elements are made into one piece."""

_DOUBLE = struct.Struct("<d")
_TIME = struct.Struct("<q")
_NEVER = _TIME.pack(-1)


def encode_value(value: Value, compress: bool) -> tuple[int, Iterable[bytes]]:
    """The type byte, and the bytes in pieces, which for large containers are made as they are taken.

    A container must not change meanwhile. Raises TypeError for a value of no known type.
    """
    if isinstance(value, String):
        return opcodes.TYPE_STRING, (encode_string(value.data, compress),)
    if isinstance(value, Hash):
        times = value.field_times()
        if times:
            return opcodes.TYPE_HASH_2, _timed(value, times, compress)
        return opcodes.TYPE_HASH, _flat(len(value), chain.from_iterable(value.fields.items()), compress)
    if isinstance(value, List):
        return opcodes.TYPE_LIST, _flat(len(value), value, compress)
    if isinstance(value, Set):
        if value.kind is INTSET:
            return opcodes.TYPE_SET_INTSET, (encode_string(_intset(value), compress),)
        return opcodes.TYPE_SET, _flat(len(value), value.ordered(), compress)
    if isinstance(value, SortedSet):
        return opcodes.TYPE_ZSET_2, _scored(value, compress)
    if isinstance(value, Stream):
        return encode_stream(value, compress)
    raise TypeError(f"no serialized form of {value.type_name!r}")


def _flat(count: int, strings: Iterable[bytes], compress: bool) -> Iterable[bytes]:
    """A number of elements and all their strings."""
    if count > _BATCH:
        return _in_batches(count, strings, compress)
    return encode_length(count), *encode_strings(strings, compress)


def _in_batches(count: int, strings: Iterable[bytes], compress: bool) -> Iterator[bytes]:
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


def _timed(value: Hash, times: dict[bytes, int], compress: bool) -> Iterator[bytes]:
    yield encode_length(len(value))
    for field, data in value.fields.items():
        when_ms = times.get(field)
        time = _NEVER if when_ms is None else _TIME.pack(when_ms)
        yield b"".join((*encode_strings((field, data), compress), time))
