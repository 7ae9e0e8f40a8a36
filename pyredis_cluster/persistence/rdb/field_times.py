"""Hashes whose fields expire: Valkey 9 and Redis 7.4 have commands for them, Redis 7.2 has not.

    HASH_2             number of fields, each: field, value, unix time in milliseconds (8 bytes, -1: never)
    HASH_METADATA      earliest time (8 bytes), number of fields, each: 0 for never or 1 + milliseconds after
                       the earliest time (a length), field, value
    HASH_LISTPACK_EX   earliest time (8 bytes), a listpack of field, value and time (0: never) by turns

Fields that are expired already are dropped; the times of the others stay with the hash (`Hash.field_times`),
so that saving it gives them to the next server.

Sources: rdb.c of Valkey 9 for the first, librdb's description of RDB 12 for the others.
"""

from __future__ import annotations

from collections.abc import Callable

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.errors import EmptyValueError, RdbError, short_read
from pyredis_cluster.persistence.rdb.packed import listpack_elements
from pyredis_cluster.persistence.rdb.strings import read_length, read_string
from pyredis_cluster.protocol.numbers import integer_or_none

_Fields = list[tuple[bytes, bytes, int | None]]
"""Field, value, unix time in milliseconds at which it expires."""


def read_hash_with_times(
    kind: int, data: bytes, position: int, limits: EncodingLimits, *, version: int, now_ms: int
) -> tuple[Hash, int]:
    """A hash of one of the types above 21, whose meaning depends on `version`, and the position behind it.

    Raises EmptyValueError if no field is left, RdbError, IndexError where the data ends.
    """
    is_valkey = version >= opcodes.VALKEY_VERSION
    if not is_valkey and version >= opcodes.NEWEST_REDIS_VERSION:
        if kind in (opcodes.TYPE_HASH_METADATA_PRE_GA, opcodes.TYPE_HASH_LISTPACK_EX_PRE_GA):
            raise RdbError("Pre-release format of hashes with fields that expire not supported", position)
        read = _REDIS_READERS.get(kind)
    else:
        read = _read_triples if is_valkey and kind == opcodes.TYPE_HASH_2 else None
    if read is None:
        raise RdbError(f"Unknown RDB encoding type {kind}", position)
    start = position
    found, position = read(data, position)
    fields = {field: value for field, value, _ in found}
    if len(fields) != len(found):
        raise RdbError("Duplicate hash fields detected", start)
    times: dict[bytes, int] = {}
    for field, _, when_ms in found:
        if when_ms is None:
            continue
        if when_ms <= now_ms:
            del fields[field]
        else:
            times[field] = when_ms
    if not fields:
        raise EmptyValueError(position)
    made = Hash.of_fields(fields, limits)
    if times:
        made.is_table = True
        made.set_field_times(times)
    return made, position


def _read_triples(data: bytes, position: int) -> tuple[_Fields, int]:
    count, position = read_length(data, position)
    found: _Fields = []
    for _ in range(_bounded(count, data, position)):
        field, position = read_string(data, position)
        value, position = read_string(data, position)
        when_ms, position = _time(data, position)
        found.append((field, value, None if when_ms < 0 else when_ms))
    return found, position


def _read_metadata(data: bytes, position: int) -> tuple[_Fields, int]:
    earliest_ms, position = _time(data, position)
    count, position = read_length(data, position)
    found: _Fields = []
    for _ in range(_bounded(count, data, position)):
        after_ms, position = read_length(data, position)
        field, position = read_string(data, position)
        value, position = read_string(data, position)
        found.append((field, value, earliest_ms + after_ms - 1 if after_ms else None))
    return found, position


def _read_listpack(data: bytes, position: int) -> tuple[_Fields, int]:
    _, position = _time(data, position)
    start = position
    blob, position = read_string(data, position)
    try:
        elements = listpack_elements(blob)
    except ValueError:
        elements = [b""]
    times = [integer_or_none(text) for text in elements[2::3]]
    if len(elements) % 3 or None in times:
        raise RdbError("Hash listpack integrity check failed.", start)
    return list(
        zip(elements[::3], elements[1::3], [when_ms or None for when_ms in times], strict=True)
    ), position


def _bounded(count: int, data: bytes, position: int) -> int:
    """`count`, which must not be more than the data could hold."""
    if count > len(data) - position:
        raise short_read(position)
    return count


def _time(data: bytes, position: int) -> tuple[int, int]:
    end = position + 8
    if end > len(data):
        raise short_read(position)
    return int.from_bytes(data[position:end], "little", signed=True), end


_REDIS_READERS: dict[int, Callable[[bytes, int], tuple[_Fields, int]]] = {
    opcodes.TYPE_HASH_METADATA: _read_metadata,
    opcodes.TYPE_HASH_LISTPACK_EX: _read_listpack,
}
