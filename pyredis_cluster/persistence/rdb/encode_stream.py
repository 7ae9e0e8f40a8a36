"""Streams as bytes; `streams` reads them and has the layout of the three forms.

Form 1 (type 15, before Redis 7.0) does not say what was deleted, how many entries were ever added and how
many each group has read; form 2 (type 19, before 7.2) says that, but not when consumers last got something.
Readers fill in what is missing by rule; the oldest form is taken with which that gives what this stream has.

Source: rdbSaveObject and streamAppendItem of Redis 7.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from pyredis_cluster.keyspace.types.stream import (
    MIN_ID,
    PendingEntry,
    Stream,
    StreamConsumer,
    StreamGroup,
    StreamId,
    StreamNode,
)
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.encode_strings import encode_length, encode_raw_string, encode_string
from pyredis_cluster.persistence.rdb.listpack import encode_listpack
from pyredis_cluster.persistence.rdb.streams import estimated_entries_read

_ID = struct.Struct(">QQ")
_TIME = struct.Struct("<q")
_UNKNOWN = (1 << 64) - 1
_NEVER_MS = -1
_SAME_FIELDS = 2
_NO_FLAGS = 0
_ENTRY_HEADER_ELEMENTS = 3
_TYPE_OF_FORM = {
    1: opcodes.TYPE_STREAM_LISTPACKS,
    2: opcodes.TYPE_STREAM_LISTPACKS_2,
    3: opcodes.TYPE_STREAM_LISTPACKS_3,
}


def encode_stream(stream: Stream, compress: bool) -> tuple[int, Iterator[bytes]]:
    """The type byte, and the bytes in pieces that are made as they are taken. O(n)."""
    form = _oldest_form(stream)
    return _TYPE_OF_FORM[form], _pieces(stream, form, compress)


def _oldest_form(stream: Stream) -> int:
    groups = stream.groups.values()
    if any(each.active_ms != each.seen_ms for group in groups for each in group.consumers.values()):
        return 3
    is_plain = stream.entries_added == stream.length and stream.max_deleted_id == MIN_ID
    if is_plain and all(
        group.entries_read == estimated_entries_read(stream, group.last_id) for group in groups
    ):
        return 1
    return 2


def _pieces(stream: Stream, form: int, compress: bool) -> Iterator[bytes]:
    yield encode_length(len(stream.nodes))
    for node in stream.nodes:
        yield encode_raw_string(_ID.pack(*node.master_id)) + encode_string(_encode_node(node), compress)
    parts = [encode_length(stream.length), _encode_id(stream.last_id)]
    if form >= 2:
        parts += _encode_id(stream.first_id), _encode_id(stream.max_deleted_id)
        parts.append(encode_length(stream.entries_added))
    parts.append(encode_length(len(stream.groups)))
    yield b"".join(parts)
    for name, group in stream.groups.items():
        yield b"".join(_encode_group(name, group, form, compress))


def _encode_node(node: StreamNode) -> bytes:
    """A node's listpack, without what was deleted from it."""
    fields = node.master_fields
    master_ms, master_seq = node.master_id
    elements: list[bytes | int] = [len(node.ids), 0, len(fields), *fields, 0]
    for (ms, seq), item in zip(node.ids, node.items, strict=True):
        has_same_fields = item[::2] == fields
        begin = len(elements)
        elements += (_SAME_FIELDS if has_same_fields else _NO_FLAGS, _signed(ms - master_ms))
        elements.append(_signed(seq - master_seq))
        if has_same_fields:
            elements += item[1::2]
        else:
            elements.append(len(item) // 2)
            elements += item
        elements.append(len(elements) - begin)
    return encode_listpack(elements)


def _signed(difference: int) -> int:
    """What two unsigned numbers of 64 bits differ by, as a signed one: it wraps around."""
    difference &= _UNKNOWN
    return difference - (1 << 64) if difference >> 63 else difference


def _encode_group(name: bytes, group: StreamGroup, form: int, compress: bool) -> Iterator[bytes]:
    yield encode_string(name, compress) + _encode_id(group.last_id)
    if form >= 2:
        yield encode_length(_UNKNOWN if group.entries_read is None else group.entries_read)
    yield encode_length(len(group.pending))
    yield from _encode_deliveries(group.pending.items())
    yield encode_length(len(group.consumers))
    for consumer in group.consumers.values():
        yield from _encode_consumer(consumer, form, compress)


def _encode_deliveries(pending: Iterable[tuple[StreamId, PendingEntry]]) -> Iterator[bytes]:
    for entry_id, entry in pending:
        yield _ID.pack(*entry_id) + _TIME.pack(entry.delivery_time_ms) + encode_length(entry.delivery_count)


def _encode_consumer(consumer: StreamConsumer, form: int, compress: bool) -> Iterator[bytes]:
    yield encode_string(consumer.name, compress) + _TIME.pack(consumer.seen_ms)
    if form >= 3:
        yield _TIME.pack(_NEVER_MS if consumer.active_ms is None else consumer.active_ms)
    yield encode_length(len(consumer.pending))
    yield from [_ID.pack(*entry_id) for entry_id in consumer.pending]


def _encode_id(entry_id: StreamId) -> bytes:
    return encode_length(entry_id[0]) + encode_length(entry_id[1])
