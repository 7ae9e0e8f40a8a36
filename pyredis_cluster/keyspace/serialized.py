"""How long values are in the form in which RDB files and DUMP hold them, before compression."""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import INTSET, LISTPACK, Set
from pyredis_cluster.keyspace.types.sizes import listpack_bytes
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.stream import Stream, StreamGroup, StreamId
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.doubles import format_double
from pyredis_cluster.protocol.numbers import integer_or_none

_INTSET_FRAME_BYTES = 8
_SCORE_BYTES = 8
_TIME_BYTES = 8
_ID_BYTES = 16
_UNKNOWN = 2**64 - 1


def serialized_bytes(value: Value) -> int:
    """Bytes of the value without its type byte. O(n)."""
    if isinstance(value, String):
        return _string(bytes(value.data))
    if isinstance(value, List):
        return _list(value)
    if isinstance(value, Set):
        return _set(value)
    if isinstance(value, Hash):
        flat = [part for pair in value.fields.items() for part in pair]
        return _table(flat, len(value)) if value.is_table else _blob(listpack_bytes(flat))
    if isinstance(value, SortedSet):
        return _sorted_set(value)
    if isinstance(value, Stream):
        return _stream(value)
    raise TypeError(f"no serialized form of {value.type_name!r}")


def _list(value: List) -> int:
    if value.quicklist is None:
        sizes = [listpack_bytes(value)]
    else:
        sizes = [size for _, size in value.quicklist.nodes]
    # Each node says of what kind it is.
    return _length(len(sizes)) + sum(1 + _blob(size) for size in sizes)


def _set(value: Set) -> int:
    if value.kind is INTSET:
        widest = max(
            (abs(int(member) + (int(member) < 0)).bit_length() for member in value.members), default=0
        )
        return _blob(_INTSET_FRAME_BYTES + len(value) * (2 if widest < 16 else 4 if widest < 32 else 8))
    if value.kind is LISTPACK:
        return _blob(listpack_bytes(value.members))
    return _table(value.members, len(value))


def _sorted_set(value: SortedSet) -> int:
    if value.is_listpack:
        flat = [part for member, score in value.scores.items() for part in (member, format_double(score))]
        return _blob(listpack_bytes(flat))
    return _table(value.scores, len(value)) + _SCORE_BYTES * len(value)


def _stream(value: Stream) -> int:
    size = _length(len(value.nodes)) + sum(_blob(_ID_BYTES) + _blob(node.size_bytes) for node in value.nodes)
    size += _length(value.length) + _length(value.entries_added) + _length(len(value.groups))
    size += sum(map(_id, (value.last_id, value.first_id, value.max_deleted_id)))
    return size + sum(_string(name) + _group(group) for name, group in value.groups.items())


def _group(group: StreamGroup) -> int:
    entries_read = _UNKNOWN if group.entries_read is None else group.entries_read
    size = _id(group.last_id) + _length(entries_read)
    size += _length(len(group.pending)) + _length(len(group.consumers))
    size += sum(_ID_BYTES + _TIME_BYTES + _length(each.delivery_count) for each in group.pending.values())
    for name, consumer in group.consumers.items():
        size += _string(name) + 2 * _TIME_BYTES + _length(len(consumer.pending))
        size += _ID_BYTES * len(consumer.pending)
    return size


def _id(entry_id: StreamId) -> int:
    return sum(map(_length, entry_id))


def _table(strings: Iterable[bytes], count: int) -> int:
    return _length(count) + sum(map(_string, strings))


def _string(data: bytes) -> int:
    number = integer_or_none(data) if len(data) <= 11 else None
    if number is not None and -(2**31) <= number < 2**31:
        bits = (number if number >= 0 else ~number).bit_length() + 1
        return 2 if bits <= 8 else 3 if bits <= 16 else 5
    return _blob(len(data))


def _blob(size: int) -> int:
    return _length(size) + size


def _length(number: int) -> int:
    return 1 if number < 64 else 2 if number < 16384 else 5 if number < 2**32 else 9
