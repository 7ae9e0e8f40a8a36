"""What SINTERSTORE, ZUNIONSTORE, SORT ... STORE and their kin do with a result."""

from __future__ import annotations

from pyredis_cluster.config.events import NOTIFY_GENERIC
from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.types.value import Value


def store(
    db: Database, key: bytes, result: Value | None, event_class: int, event: bytes, changes: int = 1
) -> int:
    """Make `result` the value of `key`, or delete that key where there is nothing; returns the length.

    Tells `event`, counted as so many changes, or `del`: this for a key too that had expired.
    """
    if result:
        db.put(key, result)
        db.changed(key, event_class, event, changes)
        return len(result)
    if db.discard(key) is not None:
        db.changed(key, NOTIFY_GENERIC, b"del")
    return 0
