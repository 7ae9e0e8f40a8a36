"""One database: keys, values, expiry times, and the indexes over them."""

from __future__ import annotations

from heapq import heapify, heappush
from typing import TYPE_CHECKING, TypeVar

from pyredis_cluster.config.events import NOTIFY_EXPIRED, NOTIFY_GENERIC, NOTIFY_KEY_MISS, NOTIFY_NEW
from pyredis_cluster.keyspace.frequency import initial_frequency
from pyredis_cluster.keyspace.scan_index import ScanIndex
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import WRONG_TYPE
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot

if TYPE_CHECKING:
    from pyredis_cluster.keyspace.keyspace import Keyspace

V = TypeVar("V", bound=Value)

_STALE_DEADLINES = 64
"""So many entries of `deadlines` may always hold no more before it is made anew."""


class Database:
    """Keys and their values.

    Handlers use the methods; only a few hot ones read `values` and `expires` themselves. Every change to a
    key is told once through `changed`, after it was made.
    """

    __slots__ = (
        "_scan_index",
        "deadlines",
        "expires",
        "index",
        "keyspace",
        "measured_lengths",
        "sizes",
        "slot_keys",
        "unsaved",
        "values",
    )

    def __init__(self, keyspace: Keyspace, index: int) -> None:
        self.keyspace = keyspace
        self.index = index
        self.values: dict[bytes, Value] = {}
        self.expires: dict[bytes, int] = {}
        """Keys that expire → unix time in milliseconds."""
        self.deadlines: list[tuple[int, bytes]] = []
        """A heap of (unix time in milliseconds, key): all of `expires`, and some that hold no more."""
        self.slot_keys: list[dict[bytes, None] | None] | None = None
        """In cluster mode: slot → its keys (None: empty slot)."""
        self.sizes: dict[bytes, int] = {}
        self.measured_lengths: dict[bytes, int] = {}
        """What the ledger of memory knows of the keys, and of containers when it last looked at them."""
        self.unsaved: dict[bytes, Value | None] | None = None
        """While a snapshot is taken: what it has yet to write of these keys; see `Snapshot`."""
        self._scan_index: ScanIndex | None = None
        if keyspace.slotted:
            self.slot_keys = [None] * SLOT_COUNT

    def read(self, key: bytes, kind: type[V]) -> V | None:
        """The value at `key` for a command that only reads it, or None; counts a hit or a miss.

        Raises WRONG_TYPE unless it is a `kind`. O(1).
        """
        value = self.values.get(key)
        keyspace = self.keyspace
        if value is None or (key in self.expires and self.expire_if_due(key)):
            keyspace.misses += 1
            if keyspace.observer is not None:
                keyspace.observer(self, key, NOTIFY_KEY_MISS, b"keymiss")
            return None
        keyspace.hits += 1
        if keyspace.touch_lfu is None:
            value.lru = keyspace.lru_clock
        else:
            value.lru = keyspace.touch_lfu(value.lru)
        if value.__class__ is not kind:
            raise WRONG_TYPE
        return value

    def write(self, key: bytes, kind: type[V]) -> V | None:
        """The value at `key` for a command that will change it, or None. Hits and misses are not counted.

        Raises WRONG_TYPE unless it is a `kind`. O(1).
        """
        value = self.values.get(key)
        if value is None or (key in self.expires and self.expire_if_due(key)):
            return None
        keyspace = self.keyspace
        if keyspace.on_write is None:
            value.lru = keyspace.lru_clock
        else:
            keyspace.on_write(self, key, value)
        if value.__class__ is not kind:
            raise WRONG_TYPE
        return value

    def write_any(self, key: bytes) -> Value | None:
        """As `write`, for a value of any type."""
        value = self.peek(key)
        if value is not None:
            keyspace = self.keyspace
            if keyspace.on_write is None:
                value.lru = keyspace.lru_clock
            else:
                keyspace.on_write(self, key, value)
        return value

    def look(self, key: bytes) -> Value | None:
        """The value at `key`, or None; counted as a hit or a miss, but not touched (EXISTS, TTL, TYPE)."""
        value = self.values.get(key)
        keyspace = self.keyspace
        if value is None or (key in self.expires and self.expire_if_due(key)):
            keyspace.misses += 1
            if keyspace.observer is not None:
                keyspace.observer(self, key, NOTIFY_KEY_MISS, b"keymiss")
            return None
        keyspace.hits += 1
        return value

    def _touch(self, value: Value) -> None:
        keyspace = self.keyspace
        if keyspace.touch_lfu is None:
            value.lru = keyspace.lru_clock
        else:
            value.lru = keyspace.touch_lfu(value.lru)

    def read_any(self, key: bytes) -> Value | None:
        """As `read`, for a value of any type."""
        value = self.look(key)
        if value is not None:
            self._touch(value)
        return value

    def peek(self, key: bytes) -> Value | None:
        """The value at `key`, or None; neither counted nor touched."""
        value = self.values.get(key)
        if value is None or (key in self.expires and self.expire_if_due(key)):
            return None
        return value

    def expire_if_due(self, key: bytes) -> bool:
        """Whether `key`, which has an expiry time, is expired; if so it is removed.

        It stays on a replica, and while clients are paused. While a primary's stream is run it does not count
        as expired at all.
        """
        keyspace = self.keyspace
        if self.expires[key] > keyspace.now_ms or keyspace.keeps_expired:
            return False
        if keyspace.expires_on_access and not keyspace.expiry_paused:
            self.expire(key)
        return True

    def expire(self, key: bytes) -> None:
        """Remove a key because its time has come: count, notify, and have replicas delete it."""
        keyspace = self.keyspace
        self.discard(key)
        keyspace.expired_keys += 1
        if keyspace.propagate is not None:
            keyspace.propagate(self.index, [b"DEL", key])
        if keyspace.observer is not None:
            keyspace.observer(self, key, NOTIFY_EXPIRED, b"expired")

    def add(self, key: bytes, value: Value) -> None:
        """Put in a key that is not there. The caller tells of the change with `changed`."""
        keyspace = self.keyspace
        value.lru = keyspace.lru_clock if not keyspace.is_lfu else initial_frequency(keyspace.lru_clock)
        self.values[key] = value
        if self.slot_keys is not None:
            slot = key_slot(key)
            keys = self.slot_keys[slot]
            if keys is None:
                self.slot_keys[slot] = {key: None}
            else:
                keys[key] = None
        if self._scan_index is not None:
            self._scan_index.add(key)
        if self.keyspace.observer is not None:
            self.keyspace.observer(self, key, NOTIFY_NEW, b"new")

    def put(self, key: bytes, value: Value) -> None:
        """Make `value` the value of `key`, whatever was there; an expiry time there is forgotten."""
        if key in self.expires:
            self.expire_if_due(key)
            self.expires.pop(key, None)
        old = self.values.get(key)
        if old is None:
            self.add(key, value)
        else:
            # The history of accesses belongs to the key, and overwriting is one more of them.
            value.lru = old.lru
            self._touch(value)
            self.values[key] = value

    def set_expire(self, key: bytes, when_ms: int) -> None:
        """Have `key`, which must be there, expire at a unix time in milliseconds. O(log n) at the median.

        Nothing else writes `expires`: the queue of deadlines, by which the expiry cycle and eviction find
        keys, must know of each.
        """
        expires = self.expires
        expires[key] = when_ms
        deadlines = self.deadlines
        if len(deadlines) > 2 * len(expires) + _STALE_DEADLINES:
            # Most are of keys that were deleted or have another time by now.
            self.deadlines = deadlines = [(due_ms, each) for each, due_ms in expires.items()]
            heapify(deadlines)
        else:
            heappush(deadlines, (when_ms, key))

    def remove_expire(self, key: bytes) -> bool:
        """Have `key` expire no more; whether it would have. O(1)."""
        return self.expires.pop(key, None) is not None

    def discard(self, key: bytes) -> Value | None:
        """Remove `key` with its expiry time and return its value, or None. Nobody is told. O(1)."""
        value = self.values.pop(key, None)
        if value is None:
            return None
        self.expires.pop(key, None)
        if self.keyspace.ledger is not None:
            self.keyspace.ledger.forget(self, key)
        if self.slot_keys is not None:
            slot = key_slot(key)
            keys = self.slot_keys[slot]
            if keys is not None:
                keys.pop(key, None)
                if not keys:
                    self.slot_keys[slot] = None
        if self._scan_index is not None:
            self._scan_index.discard(key)
        return value

    def delete_if_empty(self, key: bytes, value: Value) -> bool:
        """Remove a container that has become empty, and tell `del`; whether it was."""
        if len(value):
            return False
        self.discard(key)
        observer = self.keyspace.observer
        if observer is not None:
            observer(self, key, NOTIFY_GENERIC, b"del")
        return True

    def changed(self, key: bytes, event_class: int, event: bytes, changes: int = 1) -> None:
        """Tell that `key` was changed: counts as `changes` changes and notifies `event`.

        For the one change of a command; further events of the same command go through `notify`.
        """
        keyspace = self.keyspace
        keyspace.dirty += changes
        if keyspace.observer is not None:
            keyspace.observer(self, key, event_class, event)

    def notify(self, key: bytes, event_class: int, event: bytes) -> None:
        """Notify an event without counting a change."""
        observer = self.keyspace.observer
        if observer is not None:
            observer(self, key, event_class, event)

    def clear(self) -> int:
        """Remove all keys; returns how many there were. O(1), but for freeing them."""
        count = len(self.values)
        if self.keyspace.ledger is not None:
            self.keyspace.ledger.forget_all(self)
        self.values = {}
        self.expires = {}
        self.deadlines = []
        self._scan_index = None
        if self.slot_keys is not None:
            self.slot_keys = [None] * SLOT_COUNT
        return count

    def swap_contents(self, other: Database) -> None:
        """Exchange all keys with another database, as SWAPDB does. O(1)."""
        for name in self.__slots__:
            if name not in ("index", "keyspace"):
                mine, theirs = getattr(self, name), getattr(other, name)
                setattr(self, name, theirs)
                setattr(other, name, mine)

    def scan_index(self) -> ScanIndex:
        """Index over the keys for SCAN and random picks. O(n) at the first call, then O(1)."""
        if self._scan_index is None:
            self._scan_index = ScanIndex(self.values)
        return self._scan_index

    def keys_in_slot(self, slot: int, count: int) -> list[bytes]:
        """At most `count` keys of a slot, in cluster mode. O(count)."""
        keys = self.slot_keys[slot] if self.slot_keys is not None else None
        return [key for key, _ in zip(keys or (), range(count), strict=False)]

    def occupied_slots(self) -> list[int]:
        """The slots that have keys, in cluster mode, ascending. O(slots) unless there are no keys."""
        if self.slot_keys is None or not self.values:
            return []
        return [slot for slot, keys in enumerate(self.slot_keys) if keys]

    def count_keys_in_slot(self, slot: int) -> int:
        """Number of keys of a slot, in cluster mode. O(1)."""
        keys = self.slot_keys[slot] if self.slot_keys is not None else None
        return len(keys or ())
