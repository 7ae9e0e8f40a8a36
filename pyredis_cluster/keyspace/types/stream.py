"""Streams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Self

from pyredis_cluster.keyspace.types.sizes import OBJECT_BYTES, string_bytes, table_bytes
from pyredis_cluster.keyspace.types.value import Value

StreamId = tuple[int, int]
"""Milliseconds and sequence number, both unsigned and of 64 bits: tuples compare as Redis orders."""

MIN_ID: StreamId = (0, 0)

_STREAM_BYTES = 80
_NODE_BYTES = 48
"""Of the index: key, pointer, and its share of the inner nodes."""
_GROUP_BYTES = 88
_CONSUMER_BYTES = 88
_PENDING_BYTES = 88


class StreamNode:
    """Entries that share a listpack in Redis, which XTRIM with `~` removes together.

    `ids` is ascending, and `items` has the fields and values of each by turns. `master_id` and
    `master_fields` are those of the first entry the node ever had: Redis stores the others by their
    difference from it. `deleted` counts entries that were removed from it and still take room there,
    `size_bytes` is that of the listpack.
    """

    __slots__ = ("deleted", "ids", "items", "master_fields", "master_id", "size_bytes")

    def __init__(self, master_id: StreamId, master_fields: tuple[bytes, ...]) -> None:
        self.master_id = master_id
        self.master_fields = master_fields
        self.ids: list[StreamId] = []
        self.items: list[tuple[bytes, ...]] = []
        self.deleted = 0
        self.size_bytes = 0

    def copy(self) -> StreamNode:
        """An independent copy. O(n)."""
        made = StreamNode(self.master_id, self.master_fields)
        made.ids = self.ids.copy()
        made.items = self.items.copy()
        made.deleted = self.deleted
        made.size_bytes = self.size_bytes
        return made


class StreamConsumer:
    """A consumer of a group, times in unix milliseconds.

    `seen_ms` is when it last asked, `active_ms` when it last got something (None: never). `pending`,
    ascending by id, has those entries of its group's that are its own: the same objects.
    """

    __slots__ = ("active_ms", "name", "pending", "seen_ms")

    def __init__(self, name: bytes, seen_ms: int, active_ms: int | None = None) -> None:
        self.name = name
        self.seen_ms = seen_ms
        self.active_ms = active_ms
        self.pending: dict[StreamId, PendingEntry] = {}


class PendingEntry:
    """An entry that was delivered to `consumer` and not acknowledged."""

    __slots__ = ("consumer", "delivery_count", "delivery_time_ms")

    def __init__(self, consumer: StreamConsumer, delivery_time_ms: int, delivery_count: int) -> None:
        self.consumer = consumer
        self.delivery_time_ms = delivery_time_ms
        self.delivery_count = delivery_count


class StreamGroup:
    """A consumer group.

    `entries_read` counts the entries up to `last_id` since the stream was made, None where that is not known.
    `pending` is ascending by id.
    """

    __slots__ = ("consumers", "entries_read", "last_id", "pending")

    def __init__(self, last_id: StreamId, entries_read: int | None) -> None:
        self.last_id = last_id
        self.entries_read = entries_read
        self.pending: dict[StreamId, PendingEntry] = {}
        self.consumers: dict[bytes, StreamConsumer] = {}

    def copy(self) -> StreamGroup:
        """An independent copy. O(pending)."""
        made = StreamGroup(self.last_id, self.entries_read)
        for name, consumer in self.consumers.items():
            made.consumers[name] = StreamConsumer(name, consumer.seen_ms, consumer.active_ms)
        for entry_id, entry in self.pending.items():
            owner = made.consumers[entry.consumer.name]
            owner.pending[entry_id] = made.pending[entry_id] = PendingEntry(
                owner, entry.delivery_time_ms, entry.delivery_count
            )
        return made


class Stream(Value):
    """A stream: entries in ascending order of their ids, divided among `nodes`, none of which is empty.

    `length` counts the entries. `last_id` is the greatest id there ever was, `first_id` that of the first
    entry (0-0 if there is none), `max_deleted_id` the greatest of the removed ones;
    `entries_added` counts all entries ever added. `groups` are in the order of their names, and so are a
    group's consumers.
    """

    __slots__ = ("entries_added", "first_id", "groups", "last_id", "length", "max_deleted_id", "nodes")

    type_name = b"stream"

    def __init__(self) -> None:
        self.lru = 0
        self.nodes: list[StreamNode] = []
        self.length = 0
        self.last_id = MIN_ID
        self.first_id = MIN_ID
        self.max_deleted_id = MIN_ID
        self.entries_added = 0
        self.groups: dict[bytes, StreamGroup] = {}

    def __len__(self) -> int:
        """Number of entries; a stream may be empty. O(1)."""
        return self.length

    def __iter__(self) -> Iterator[tuple[StreamId, tuple[bytes, ...]]]:
        """Each entry: its id, and its fields and values by turns."""
        for node in self.nodes:
            yield from zip(node.ids, node.items, strict=True)

    def encoding(self) -> bytes:
        """`stream`, always."""
        return b"stream"

    def copy(self) -> Self:
        """An independent copy, groups and all. O(n)."""
        made = type(self)()
        made.nodes = [node.copy() for node in self.nodes]
        made.length = self.length
        made.last_id = self.last_id
        made.first_id = self.first_id
        made.max_deleted_id = self.max_deleted_id
        made.entries_added = self.entries_added
        made.groups = {name: group.copy() for name, group in self.groups.items()}
        return made

    def memory_bytes(self, samples: int = 5) -> int:
        """Listpacks, averaged over `samples` of them (0: all), their index, and the groups."""
        nodes = self.nodes
        sampled = nodes[: samples or len(nodes)]
        listpacks = sum(node.size_bytes for node in sampled) * len(nodes) // max(len(sampled), 1)
        used = OBJECT_BYTES + _STREAM_BYTES + listpacks + _NODE_BYTES * len(nodes)
        for name, group in self.groups.items():
            used += _GROUP_BYTES + string_bytes(name) + table_bytes(len(group.consumers))
            used += sum(_CONSUMER_BYTES + string_bytes(consumer) for consumer in group.consumers)
            # In the group's list and in the consumer's.
            used += (_PENDING_BYTES + _NODE_BYTES) * len(group.pending)
        return used

    def _check(self) -> None:
        """Assert all invariants. O(n)."""
        ids = [entry_id for entry_id, _ in self]
        assert self.length == len(ids)
        assert all(low < high for low, high in pairwise(ids))
        assert not ids or (ids[0] == self.first_id and ids[-1] <= self.last_id)
        for node in self.nodes:
            assert node.ids
            assert node.master_id <= node.ids[0]
            assert len(node.items) == len(node.ids)
            assert all(len(item) % 2 == 0 for item in node.items)
        for group in self.groups.values():
            owned = [each for consumer in group.consumers.values() for each in consumer.pending.items()]
            assert sorted(owned, key=lambda each: each[0]) == list(group.pending.items())
            for name, consumer in group.consumers.items():
                assert consumer.name == name
                assert all(entry.consumer is consumer for entry in consumer.pending.values())
