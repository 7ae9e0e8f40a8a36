"""A running estimate of the memory that data takes, kept only while a limit is set.

Each key counts with what Redis would use for it: its name, its value, and its share of the tables. The size
of a container is found by looking at some of its elements, and not at every change of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.keyspace.types.sizes import DICT_ENTRY_BYTES, SLOT_ENTRY_BYTES, string_bytes
from pyredis_cluster.keyspace.types.string import String

if TYPE_CHECKING:
    from pyredis_cluster.keyspace.database import Database
    from pyredis_cluster.keyspace.keyspace import Keyspace
    from pyredis_cluster.keyspace.types.value import Value

_BUCKET_BYTES = 12
"""A table has between one and two buckets of 8 bytes for each entry."""
_TABLE_SHARE_BYTES = DICT_ENTRY_BYTES + _BUCKET_BYTES
_LOOK_EVERY = 16


def key_bytes(db: Database, key: bytes, value: Value) -> int:
    """What `key` takes with `value` and its entries in the tables of `db`."""
    size = _TABLE_SHARE_BYTES + string_bytes(key) + value.memory_bytes()
    if key in db.expires:
        size += _TABLE_SHARE_BYTES
    if db.slot_keys is not None:
        size += SLOT_ENTRY_BYTES
    return size


class MemoryLedger:
    """Bytes per key of one keyspace, and their sum `total`.

    `when_above` is called whenever a change leaves the sum above `alarm_bytes`.
    """

    def __init__(self, keyspace: Keyspace, when_above: Callable[[], None]) -> None:
        """Count all keys that are there. O(n)."""
        self._when_above = when_above
        self._notes = 0
        self.alarm_bytes = 0
        self.total = 0
        for db in keyspace.databases:
            db.sizes = {key: key_bytes(db, key, value) for key, value in db.values.items()}
            db.measured_lengths = {}
            self.total += sum(db.sizes.values())

    def note(self, db: Database, key: bytes) -> None:
        """`key` was made or changed. O(1), but for measuring a container now and then."""
        value = db.values.get(key)
        if value is None:
            return
        if value.__class__ is not String and not self._is_time_to_measure(db, key, len(value)):
            return
        size = key_bytes(db, key, value)
        self.total += size - db.sizes.get(key, 0)
        db.sizes[key] = size
        if self.total > self.alarm_bytes:
            self._when_above()

    def forget(self, db: Database, key: bytes) -> None:
        """`key` was removed."""
        self.total -= db.sizes.pop(key, 0)
        db.measured_lengths.pop(key, None)

    def forget_all(self, db: Database) -> None:
        """All keys of `db` were removed. O(n)."""
        self.total -= sum(db.sizes.values())
        db.sizes = {}
        db.measured_lengths = {}

    def _is_time_to_measure(self, db: Database, key: bytes, length: int) -> bool:
        """Whether a container is new, grew or shrank by an eighth, or was not looked at for long."""
        self._notes += 1
        measured = db.measured_lengths.get(key)
        if measured is not None and abs(length - measured) <= measured >> 3 and self._notes % _LOOK_EVERY:
            return False
        db.measured_lengths[key] = length
        return True
