from __future__ import annotations

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.serialized import serialized_bytes
from pyredis_cluster.keyspace.types.stream import (
    PendingEntry,
    Stream,
    StreamConsumer,
    StreamGroup,
    StreamId,
    StreamNode,
)
from pyredis_cluster.persistence.rdb.encode import encode_value
from pyredis_cluster.persistence.rdb.values import load_value

LIMITS = EncodingLimits()
HIGHEST = 2**64 - 1


def add(stream: Stream, *entries: tuple[StreamId, tuple[bytes, ...]]) -> StreamNode:
    """A node of these entries."""
    first_id, first_item = entries[0]
    node = StreamNode(first_id, first_item[::2])
    for entry_id, item in entries:
        node.ids.append(entry_id)
        node.items.append(item)
    stream.nodes.append(node)
    stream.length += len(entries)
    stream.entries_added += len(entries)
    stream.first_id = stream.nodes[0].ids[0]
    stream.last_id = node.ids[-1]
    return node


def make_stream() -> Stream:
    stream = Stream()
    add(
        stream,
        ((1000, 5), (b"name", b"a", b"age", b"17")),
        ((1000, 6), (b"name", b"b", b"age", b"-4096")),
        ((1001, 0), (b"other", b"x" * 5000)),
        ((HIGHEST, 1), ()),
    )
    return stream


def add_group(stream: Stream, last_id: StreamId, entries_read: int | None) -> StreamGroup:
    group = stream.groups[b"group"] = StreamGroup(last_id, entries_read)
    return group


def encoded(stream: Stream) -> tuple[int, bytes]:
    kind, pieces = encode_value(stream, True)
    return kind, b"".join(pieces)


def facts(stream: Stream) -> object:
    """All there is to a stream, as plain values."""
    groups = [
        (
            name,
            group.last_id,
            group.entries_read,
            [(i, e.consumer.name, e.delivery_time_ms, e.delivery_count) for i, e in group.pending.items()],
            [(c.name, c.seen_ms, c.active_ms, list(c.pending)) for c in group.consumers.values()],
        )
        for name, group in stream.groups.items()
    ]
    bounds = (stream.first_id, stream.last_id, stream.max_deleted_id, stream.entries_added, stream.length)
    return list(stream), [node.master_id for node in stream.nodes], bounds, groups


def check(stream: Stream, kind: int) -> None:
    """It is written as that type, and reads back as it is."""
    written, data = encoded(stream)
    assert written == kind
    back, end = load_value(kind, data, 0, LIMITS)
    assert end == len(data)
    assert isinstance(back, Stream)
    back._check()
    assert facts(back) == facts(stream)


def test_plain_stream_has_the_oldest_form() -> None:
    check(make_stream(), 15)


def test_empty_streams() -> None:
    check(Stream(), 15)
    stream = Stream()
    stream.last_id = stream.max_deleted_id = (5, 5)
    stream.entries_added = 1
    check(stream, 19)


def test_several_nodes() -> None:
    stream = make_stream()
    stream.nodes[0].ids.pop()
    stream.nodes[0].items.pop()
    stream.length -= 1
    stream.entries_added -= 1
    add(
        stream,
        ((2000, 0), (b"f", b"v")),
        ((2001, 2**63), (b"f", b"w")),
        ((2002, 0), (b"f", b"x", b"g", b"y")),
    )
    check(stream, 15)


def test_what_was_deleted_is_left_out_and_the_node_keeps_its_id() -> None:
    stream = make_stream()
    node = stream.nodes[0]
    del node.ids[0], node.items[0]
    node.deleted = 1
    stream.length -= 1
    stream.first_id = node.ids[0]
    stream.max_deleted_id = (1000, 5)
    check(stream, 19)


@pytest.mark.parametrize(
    ("last_id", "entries_read", "kind"),
    [
        ((HIGHEST, 1), 4, 15),
        ((HIGHEST, 1), 3, 19),
        ((0, 0), 0, 15),
        ((1000, 5), 1, 15),
        ((1000, 6), None, 15),
        ((1000, 6), 2, 19),
        ((HIGHEST, 1), None, 19),
    ],
)
def test_form_follows_what_readers_would_guess(
    last_id: StreamId, entries_read: int | None, kind: int
) -> None:
    stream = make_stream()
    add_group(stream, last_id, entries_read)
    check(stream, kind)


@pytest.mark.parametrize(("active_ms", "kind"), [(500, 15), (499, 21), (None, 21)])
def test_times_of_consumers(active_ms: int | None, kind: int) -> None:
    stream = make_stream()
    group = add_group(stream, (1000, 5), 1)
    consumer = group.consumers[b"anna"] = StreamConsumer(b"anna", 500, active_ms)
    entry = PendingEntry(consumer, 1_700_000_000_000, 70)
    group.pending[(1000, 5)] = consumer.pending[(1000, 5)] = entry
    group.consumers[b"bert"] = StreamConsumer(b"bert", 7, 7)
    check(stream, kind)


def test_serialized_length_is_that_of_the_newest_form() -> None:
    stream = make_stream()
    group = add_group(stream, (1000, 5), 1)
    consumer = group.consumers[b"anna"] = StreamConsumer(b"anna", 500, None)
    group.pending[(1000, 5)] = consumer.pending[(1000, 5)] = PendingEntry(consumer, 1, 2)
    kind, pieces = encode_value(stream, False)
    assert kind == 21
    data = b"".join(pieces)
    back, _ = load_value(kind, data, 0, LIMITS)
    assert serialized_bytes(back) == len(data)
