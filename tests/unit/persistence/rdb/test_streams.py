"""Streams: all that a file has of them."""

from __future__ import annotations

import struct

import pytest

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.stream import Stream
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.values import load_value
from tests.support.rdb import length, listpack, string
from tests.support.rdb_forms import ENTRIES, FORMS, NODES, group, stream

TIME_MS = 1_700_000_000_000


def read(value: bytes, form: int = 3) -> Stream:
    kind = {1: 15, 2: 19, 3: 21}[form]
    found, end = load_value(kind, value, 0, EncodingLimits())
    assert end == len(value)
    assert isinstance(found, Stream)
    found._check()
    return found


def fault(value: bytes) -> str:
    with pytest.raises(RdbError) as caught:
        read(value)
    return caught.value.message


def with_listpack(*entries: bytes | int, count: int = 3) -> bytes:
    key = string(struct.pack(">QQ", 100, 5))
    return length(1) + key + string(listpack(*entries)) + length(count) + length(120) + bytes(9)


@pytest.mark.parametrize("form", [1, 2, 3])
def test_entries(form: int) -> None:
    found = read(stream(form), form)
    assert list(found) == [
        ((100, 5), (b"f", b"v", b"g", b"7")),
        ((105, 6), (b"other", b"w")),
        ((109, 4), (b"f", b"", b"g", b"-5000")),
    ]
    assert len(found) == 3
    assert (found.first_id, found.last_id) == ((100, 5), (120, 0))
    node = found.nodes[0]
    assert (node.master_id, node.master_fields, node.deleted) == ((100, 5), (b"f", b"g"), 1)
    assert node.size_bytes == len(listpack(*ENTRIES))


def test_counters() -> None:
    assert (read(stream(3)).max_deleted_id, read(stream(3)).entries_added) == ((120, 0), 5)
    assert (read(stream(1), 1).max_deleted_id, read(stream(1), 1).entries_added) == ((0, 0), 3)


def test_groups() -> None:
    groups = length(2) + group(3, b"some", (105, 6), (1 << 64) - 1) + group(3, b"all", (120, 0), 5)
    found = read(stream(3, groups=groups))
    assert list(found.groups) == [b"all", b"some"]
    every = found.groups[b"all"]
    assert (every.last_id, every.entries_read) == ((120, 0), 5)
    assert found.groups[b"some"].entries_read is None
    anna, bert = every.consumers.values()
    assert (anna.name, anna.seen_ms, anna.active_ms) == (b"anna", TIME_MS, TIME_MS + 1)
    assert (bert.name, bert.seen_ms, bert.active_ms) == (b"bert", TIME_MS, None)
    assert list(every.pending) == list(anna.pending) == [(100, 5), (105, 6)]
    assert not bert.pending
    entry = every.pending[105, 6]
    assert (entry.consumer, entry.delivery_time_ms, entry.delivery_count) == (anna, TIME_MS, 3)


@pytest.mark.parametrize(
    ("last_id", "entries_read"),
    [((120, 0), 3), ((121, 0), None), ((99, 0), 0), ((100, 5), 1), ((105, 6), None)],
)
def test_form_1_says_what_was_read_where_that_is_certain(
    last_id: tuple[int, int], entries_read: int | None
) -> None:
    found = read(stream(1, groups=length(1) + group(1, b"g", last_id, 0)), 1)
    assert found.groups[b"g"].entries_read == entries_read


def test_form_2_takes_the_seen_time_for_the_active_one() -> None:
    found = read(stream(2, groups=length(1) + group(2, b"g", (105, 6), 2)), 2)
    assert [each.active_ms for each in found.groups[b"g"].consumers.values()] == [TIME_MS, TIME_MS]


def test_copies_are_independent() -> None:
    form = FORMS["stream 3"]
    found, _ = load_value(form.kind, form.value, 0, EncodingLimits())
    assert isinstance(found, Stream)
    copied = found.copy()
    copied._check()
    assert list(copied) == list(found)
    assert copied.memory_bytes() == found.memory_bytes() > 400
    copied.nodes[0].ids.pop()
    copied.nodes[0].items.pop()
    mine, theirs = found.groups[b"all"], copied.groups[b"all"]
    assert theirs.pending.keys() == mine.pending.keys()
    assert theirs.pending[100, 5].consumer is theirs.consumers[b"anna"]
    theirs.pending.clear()
    assert len(list(found)) == 3
    assert len(mine.pending) == 2


def test_a_stream_may_be_empty() -> None:
    found = read(FORMS["stream empty"].value)
    assert (len(found), found.nodes, found.entries_added) == (0, [], 1)
    assert found.max_deleted_id == found.last_id == (7, 0)


@pytest.mark.parametrize(
    "entries",
    [
        (4, 0, 1, b"f", 0, 2, 0, 0, b"v", 4),
        (1, 1, 1, b"f", 0, 2, 0, 0, b"v", 4),
        (1, 0, 9, b"f", 0, 2, 0, 0, b"v", 4),
        (1, 0, -1, b"f", 0, 2, 0, 0, b"v", 4),
        (1, 0, 1, b"f", 1, 2, 0, 0, b"v", 4),
        (1, 0, 1, b"f", 0, 2, 0, 0, b"v", 5),
        (1, 0, 1, b"f", 0, 2, 0, b"x", b"v", 4),
        (1, 0, 1, b"f", 0, 0, 0, 0, 99, b"g", b"v", 4),
        (1, 0, 1, b"f", 0, 0, 0, 0, -1, b"g", b"v", 4),
        (1, 0, 1, b"f", 0, 2, 0, 0, b"v"),
        (2, 0, 1, b"f", 0, 2, 5, 0, b"v", 4, 2, 5, 0, b"v", 4),
        (1, 0, 1, b"f", 0, 2, 50, 0, b"v", 4),
        (b"9" * 5000, 0, 1, b"f", 0),
        (1,),
    ],
)
def test_listpacks_that_contradict_themselves(entries: tuple[bytes | int, ...]) -> None:
    count = 2 if entries[0] == 2 else 1
    assert fault(with_listpack(*entries, count=count)) == "Stream listpack integrity check failed."


def test_faults() -> None:
    key = string(struct.pack(">QQ", 100, 5))
    blob = string(listpack(*ENTRIES))
    rest = stream(3)[len(NODES) :]
    one = group(3, b"g", (105, 6), 2)
    assert fault(length(1) + string(b"short")) == "Stream node key entry is not the size of a stream ID"
    assert fault(length(1) + key + string(listpack())) == "Empty listpack inside stream"
    assert fault(length(1) + key + string(b"junk")) == "Stream listpack integrity check failed."
    assert fault(length(2) + 2 * (key + blob)) == "Listpack re-added with existing key"
    assert fault(with_listpack(*ENTRIES, count=4)) == "Stream length inconsistent with rax entries"
    assert fault(NODES + rest[:-1] + length(2) + one + one) == "Duplicated consumer group name g"
    pending = struct.pack(">QQq", 100, 5, TIME_MS) + length(1)
    head = NODES + rest[:-1] + length(1) + string(b"g") + bytes(3)
    assert fault(head + length(2) + pending + pending) == (
        "Duplicated global PEL entry loading stream consumer group"
    )
    assert fault(head + length(1) + pending + length(0)) == "Stream CG PEL entry without consumer"
    consumer = string(b"c") + struct.pack("<qq", 0, 0)
    owned = length(1) + struct.pack(">QQ", 100, 5)
    assert fault(head + length(0) + length(1) + consumer + owned) == (
        "Consumer entry not found in group global PEL"
    )
    assert fault(head + length(1) + pending + length(2) + consumer + owned + consumer + owned) == (
        "Duplicate stream consumer detected."
    )
    other = string(b"d") + struct.pack("<qq", 0, 0)
    assert fault(head + length(1) + pending + length(2) + consumer + owned + other + owned) == (
        "Duplicated consumer PEL entry  loading a stream consumer group"
    )
