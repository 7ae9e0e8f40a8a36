"""Expiry on a replica that takes writes (`replica-read-only no`).

A replica leaves expired keys to its primary. But what its own clients have expire, the primary does not know:
the replica remembers these keys and removes them itself. And a client that writes to an expired key begins
anew, as if it were not there.

Source: expireSlaveKeys, rememberSlaveKeyWithExpire and EXPIRE_FORCE_DELETE_EXPIRED of Redis 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.keyspace.database import Database

_KEYS_PER_CYCLE = 1000


class LocalExpiry:
    """Keys of one replica that nobody else removes. Costs are O(keys of the request)."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._keys: dict[tuple[int, bytes], None] = {}
        self._before: dict[bytes, int | None] = {}

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._keys)

    def begin(self, db: Database, keys: list[bytes]) -> None:
        """A client is about to write to `keys`."""
        self._server.keyspace.expires_on_access = True
        self._before = {key: db.expires.get(key) for key in keys}

    def end(self, db: Database) -> None:
        """It has written; called whatever came of it."""
        self._server.keyspace.expires_on_access = False
        for key, before_ms in self._before.items():
            expires_ms = db.expires.get(key)
            if expires_ms is not None and expires_ms != before_ms:
                self._keys[(db.index, key)] = None

    def expire_due(self) -> None:
        """Remove what is expired of these keys, some at a time; forget those that do not expire any more."""
        server = self._server
        keyspace = server.keyspace
        for place in list(self._keys)[:_KEYS_PER_CYCLE]:
            database, key = place
            db = keyspace.databases[database]
            expires_ms = db.expires.get(key)
            del self._keys[place]
            if expires_ms is None:
                continue
            if expires_ms > keyspace.now_ms:
                self._keys[place] = None  # at the end: others have their turn before it
                continue
            db.expire(key)
            server.settle_alone()

    def forget_all(self) -> None:
        """The keys are gone, or this is no such replica any more."""
        self._keys.clear()
