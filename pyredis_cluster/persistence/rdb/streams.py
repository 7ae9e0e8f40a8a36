"""Streams from their RDB form.

    number of listpacks, each: id (a string of 16 bytes, big endian), listpack (a string)
    length, last id (two numbers)
    form 2 and 3: first id, greatest deleted id, number of entries ever added
    number of groups, each:
        name, last id; form 2 and 3: number of entries read, 2**64 - 1 if not known
        number of pending entries, each: id (16 bytes), delivery time (8 bytes), delivery count
        number of consumers, each:
            name, seen time (8 bytes); form 3: active time (8 bytes, -1: never)
            number of its pending entries, each: id (16 bytes)

A listpack has the fields of its first entry, then the entries:

    number of entries, number of deleted ones, number of fields, fields, 0
    each entry: flags (1: deleted, 2: the same fields), milliseconds and sequence after the listpack's id,
                values, or else number of fields and field and value by turns; number of these elements

Source: rdbLoadObject and streamIteratorGetID of Redis 7.2.
"""

from __future__ import annotations

from itertools import chain, pairwise
from struct import Struct

from pyredis_cluster.keyspace.types.stream import (
    MIN_ID,
    PendingEntry,
    Stream,
    StreamConsumer,
    StreamGroup,
    StreamId,
    StreamNode,
)
from pyredis_cluster.persistence.rdb.errors import RdbError, short_read
from pyredis_cluster.persistence.rdb.packed import listpack_elements
from pyredis_cluster.persistence.rdb.strings import read_length, read_string

_ID = Struct(">QQ")
_TIME = Struct("<q")
_MASK = (1 << 64) - 1
_DELETED = 1
_SAME_FIELDS = 2
_NODE_CHECK_FAILED = "Stream listpack integrity check failed."


def read_stream(data: bytes, position: int, form: int) -> tuple[Stream, int]:
    """A stream in form 1, 2 or 3, and the position behind it. Raises RdbError, IndexError.

    What the file says of the length must be true: Redis believes it.
    """
    start = position
    stream = Stream()
    count, position = read_length(data, position)
    nodes: dict[StreamId, StreamNode] = {}
    for _ in range(_bounded(count, data, position)):
        node_start = position
        node, position = _read_node(data, position)
        if node.master_id in nodes:
            raise RdbError("Listpack re-added with existing key", node_start)
        nodes[node.master_id] = node
    length, position = read_length(data, position)
    stream.last_id, position = _read_id(data, position)
    if form >= 2:
        stream.first_id, position = _read_id(data, position)
        stream.max_deleted_id, position = _read_id(data, position)
        stream.entries_added, position = read_length(data, position)
    else:
        stream.entries_added = length
    _fill(stream, nodes, length, start)
    count, position = read_length(data, position)
    groups: dict[bytes, StreamGroup] = {}
    for _ in range(_bounded(count, data, position)):
        group_start = position
        name, position = read_string(data, position)
        group, position = _read_group(data, position, form, stream)
        if name in groups:
            raise RdbError(
                f"Duplicated consumer group name {name.decode(errors='backslashreplace')}", group_start
            )
        groups[name] = group
    stream.groups = dict(sorted(groups.items()))
    return stream, position


def _fill(stream: Stream, nodes: dict[StreamId, StreamNode], length: int, start: int) -> None:
    stream.nodes = [node for _, node in sorted(nodes.items()) if node.ids]
    ids = list(chain.from_iterable(node.ids for node in stream.nodes))
    stream.length = len(ids)
    if length != len(ids):
        raise RdbError("Stream length inconsistent with rax entries", start)
    if any(low >= high for low, high in pairwise(ids)) or (ids and ids[-1] > stream.last_id):
        raise RdbError(_NODE_CHECK_FAILED, start)
    stream.first_id = ids[0] if ids else MIN_ID


def _read_node(data: bytes, position: int) -> tuple[StreamNode, int]:
    start = position
    key, position = read_string(data, position)
    if len(key) != _ID.size:
        raise RdbError("Stream node key entry is not the size of a stream ID", start)
    master: StreamId = _ID.unpack(key)
    blob, position = read_string(data, position)
    try:
        elements = listpack_elements(blob)
        if not elements:
            raise RdbError("Empty listpack inside stream", start)
        node = _node_of(master, elements)
    except (ValueError, IndexError):
        # What is missing is missing within the listpack: more data would not help.
        raise RdbError(_NODE_CHECK_FAILED, start) from None
    node.size_bytes = len(blob)
    return node, position


def _node_of(master: StreamId, elements: list[bytes]) -> StreamNode:
    """The entries of a listpack that are not deleted. Raises ValueError, IndexError."""
    entries, deleted, width = int(elements[0]), int(elements[1]), int(elements[2])
    place = 3 + width
    if not 0 <= width <= len(elements) or entries < 0 or deleted < 0 or int(elements[place]) != 0:
        raise ValueError("no master entry")
    fields = elements[3:place]
    node = StreamNode(master, tuple(fields))
    master_ms, master_seq = master
    size = len(elements)
    place += 1
    while place < size:
        flags = int(elements[place])
        entry_id = (
            (master_ms + int(elements[place + 1])) & _MASK,
            (master_seq + int(elements[place + 2])) & _MASK,
        )
        begin = place
        place += 3
        if flags & _SAME_FIELDS:
            values = elements[place : place + width]
            item = tuple(chain.from_iterable(zip(fields, values, strict=True)))
            place += width
        else:
            count = int(elements[place])
            if not 0 <= count <= size:
                raise ValueError("no number of fields")
            item = tuple(elements[place + 1 : place + 1 + 2 * count])
            place += 1 + 2 * count
        if int(elements[place]) != place - begin:
            raise ValueError("another number of elements than the entry says")
        place += 1
        if flags & _DELETED:
            node.deleted += 1
        else:
            node.ids.append(entry_id)
            node.items.append(item)
    if len(node.ids) != entries or node.deleted != deleted:
        raise ValueError("another number of entries than the master entry says")
    return node


def _read_group(data: bytes, position: int, form: int, stream: Stream) -> tuple[StreamGroup, int]:
    start = position
    last_id, position = _read_id(data, position)
    entries_read: int | None
    if form >= 2:
        entries_read, position = read_length(data, position)
        if entries_read == _MASK:
            entries_read = None
    else:
        entries_read = estimated_entries_read(stream, last_id)
    group = StreamGroup(last_id, entries_read)
    deliveries, position = _read_deliveries(data, position)
    count, position = read_length(data, position)
    for _ in range(_bounded(count, data, position)):
        position = _read_consumer(data, position, form, group, deliveries)
    if len(group.pending) != len(deliveries):
        raise RdbError("Stream CG PEL entry without consumer", start)
    group.pending = dict(sorted(group.pending.items()))
    group.consumers = dict(sorted(group.consumers.items()))
    return group, position


def _read_deliveries(data: bytes, position: int) -> tuple[dict[StreamId, tuple[int, int]], int]:
    """Pending entries → time and number of deliveries; whose they are is not known yet."""
    count, position = read_length(data, position)
    found: dict[StreamId, tuple[int, int]] = {}
    for _ in range(_bounded(count, data, position)):
        start = position
        entry_id, position = _read_raw_id(data, position)
        time_ms, position = _read_time(data, position)
        times, position = read_length(data, position)
        if entry_id in found:
            raise RdbError("Duplicated global PEL entry loading stream consumer group", start)
        found[entry_id] = time_ms, times
    return found, position


def _read_consumer(
    data: bytes, position: int, form: int, group: StreamGroup, deliveries: dict[StreamId, tuple[int, int]]
) -> int:
    start = position
    name, position = read_string(data, position)
    if name in group.consumers:
        raise RdbError("Duplicate stream consumer detected.", start)
    seen_ms, position = _read_time(data, position)
    active_ms: int | None = seen_ms
    if form >= 3:
        active_ms, position = _read_time(data, position)
        if active_ms == -1:
            active_ms = None
    consumer = group.consumers[name] = StreamConsumer(name, seen_ms, active_ms)
    count, position = read_length(data, position)
    for _ in range(_bounded(count, data, position)):
        start = position
        entry_id, position = _read_raw_id(data, position)
        delivery = deliveries.get(entry_id)
        if delivery is None:
            raise RdbError("Consumer entry not found in group global PEL", start)
        if entry_id in group.pending:
            raise RdbError("Duplicated consumer PEL entry  loading a stream consumer group", start)
        entry = PendingEntry(consumer, *delivery)
        consumer.pending[entry_id] = group.pending[entry_id] = entry
    consumer.pending = dict(sorted(consumer.pending.items()))
    return position


def estimated_entries_read(stream: Stream, last_id: StreamId) -> int | None:
    """What older files do not say: how many entries a group has read, where that can be known.

    Source: streamEstimateDistanceFromFirstEverEntry of Redis 7.2, for a stream of which nothing is known but
    its entries.
    """
    if not stream.entries_added or (not stream.length and last_id <= stream.last_id):
        return stream.entries_added
    if last_id >= stream.last_id:
        return stream.entries_added if last_id == stream.last_id else None
    if last_id < stream.first_id:
        return stream.entries_added - stream.length
    return stream.entries_added - stream.length + 1 if last_id == stream.first_id else None


def _read_id(data: bytes, position: int) -> tuple[StreamId, int]:
    ms, position = read_length(data, position)
    seq, position = read_length(data, position)
    return (ms, seq), position


def _read_raw_id(data: bytes, position: int) -> tuple[StreamId, int]:
    end = position + _ID.size
    if end > len(data):
        raise short_read(position)
    found: StreamId = _ID.unpack_from(data, position)
    return found, end


def _read_time(data: bytes, position: int) -> tuple[int, int]:
    end = position + _TIME.size
    if end > len(data):
        raise short_read(position)
    return _TIME.unpack_from(data, position)[0], end


def _bounded(count: int, data: bytes, position: int) -> int:
    """`count` things, which the data must be large enough for."""
    if count > len(data) - position:
        raise short_read(position)
    return count
