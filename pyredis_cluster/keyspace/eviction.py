"""Which key to evict next, by the policies of `maxmemory-policy`.

LRU, LFU and TTL are approximated as Redis does it: a few random keys are looked at each time, and the best
candidates seen so far are remembered in a pool. Random policies take turns over the databases.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from itertools import islice

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.keyspace import Keyspace

_POOL_SIZE = 16


class Evictor:
    """The choice of keys for one server. `policy` and `samples` are the directives."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._random = keyspace.random
        self._pool: list[tuple[int, int, bytes]] = []
        """(score, database, key), the best candidate, whose score is highest, last."""
        self._turn = 0
        self._policy = "noeviction"
        self._score: Callable[[Database, bytes], int] | None = None
        self._is_volatile = False
        self.samples = 5

    @property
    def policy(self) -> str:
        """One of the eight policies; `noeviction` never finds a key."""
        return self._policy

    @policy.setter
    def policy(self, policy: str) -> None:
        scores = {"lru": self._idleness, "lfu": self._rareness, "ttl": self._nearness}
        self._policy = policy
        self._is_volatile = policy.startswith("volatile-")
        self._score = scores.get(policy.rpartition("-")[2])
        self._pool.clear()

    def pick(self) -> tuple[Database, bytes] | None:
        """The key to evict next, or None where the policy allows none."""
        if self._policy == "noeviction":
            return None
        return self._pick_at_random() if self._score is None else self._pick_best()

    def _pick_at_random(self) -> tuple[Database, bytes] | None:
        databases = self._keyspace.databases
        for _ in databases:
            self._turn = (self._turn + 1) % len(databases)
            db = databases[self._turn]
            keys = self._sample(db, 1)
            if keys:
                return db, keys[0]
        return None

    def _pick_best(self) -> tuple[Database, bytes] | None:
        databases = self._keyspace.databases
        pool = self._pool
        while True:
            found = False
            for db in databases:
                if db.values:
                    keys = self._sample(db, self.samples)
                    found = found or bool(keys)
                    self._add_to_pool(db, keys)
            if not found:
                return None
            while pool:
                _, index, key = pool.pop()
                db = databases[index]
                if key in (db.expires if self._is_volatile else db.values):
                    return db, key

    def _add_to_pool(self, db: Database, keys: list[bytes]) -> None:
        score = self._score
        assert score is not None
        pool = self._pool
        for key in keys:
            candidate = (score(db, key), db.index, key)
            if len(pool) >= _POOL_SIZE:
                if candidate <= pool[0]:
                    continue
                del pool[0]
            insort(pool, candidate)

    def _sample(self, db: Database, count: int) -> list[bytes]:
        """Up to `count` random keys among those that may be evicted, not necessarily different ones."""
        # Twice as fast as randrange, and this is where an eviction spends its time.
        random = self._random.random
        if not self._is_volatile:
            order = db.scan_index().order if db.values else []
            size = len(order)
            return [order[int(random() * size)] for _ in range(count)] if order else []
        expires = db.expires
        if not expires:
            return []
        deadlines = db.deadlines
        size = len(deadlines)
        picks = [deadlines[int(random() * size)] for _ in range(2 * count)]
        # Where most deadlines hold no more there are few keys left: any of them will do.
        return [key for when_ms, key in picks if expires.get(key) == when_ms][:count] or list(
            islice(expires, count)
        )

    def _idleness(self, db: Database, key: bytes) -> int:
        return self._keyspace.idle_s(db.values[key])

    def _rareness(self, db: Database, key: bytes) -> int:
        keyspace = self._keyspace
        return 255 - keyspace.frequency.count(db.values[key].lru, keyspace.lru_clock)

    def _nearness(self, db: Database, key: bytes) -> int:
        return -db.expires[key]
