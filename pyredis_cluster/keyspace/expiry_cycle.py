"""Removal of expired keys that nobody asks for.

`Database.deadlines` is a heap, so that each cycle takes exactly the keys that are due, soonest first, however
many others will expire later. What a cycle may take is bounded by time; the rest is left for the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.keyspace import Keyspace

_KEYS_PER_LOOK = 16
"""Looking at the clock costs about as much as expiring a few keys."""
_SAMPLES = 20
_NEWEST_SHARE = 0.05


class ExpiryCycle:
    """The cycle of one server, and what INFO tells of it.

    `stale_percentage` estimates how many of the keys that expire are due but still there, averaged over many
    cycles.
    """

    def __init__(self, keyspace: Keyspace, monotonic_ns: Callable[[], int]) -> None:
        self._keyspace = keyspace
        self._monotonic_ns = monotonic_ns
        self._next_database = 0
        self.stale_percentage = 0.0
        self.time_cap_reached_count = 0
        self.elapsed_ns = 0

    def reset_statistics(self) -> None:
        """Forget what was counted, as CONFIG RESETSTAT does."""
        self.stale_percentage = 0.0
        self.time_cap_reached_count = 0

    def run(self, budget_ns: int, after_each: Callable[[], None]) -> None:
        """Expire keys that are due at `Keyspace.now_ms`, `after_each` of them settling what it leaves to do.

        Stops after about `budget_ns`; the next cycle begins with the database where this one stopped.
        O(d log n) for d keys that are due.
        """
        started_ns = self._monotonic_ns()
        deadline_ns = started_ns + budget_ns
        databases = self._keyspace.databases
        is_done = True
        for _ in databases:
            self._next_database %= len(databases)
            if not self._expire_due(databases[self._next_database], deadline_ns, after_each):
                is_done = False
                break
            self._next_database += 1
        if not is_done:
            self.time_cap_reached_count += 1
        current = 0.0 if is_done else self._sampled_percentage()
        self.stale_percentage += (current - self.stale_percentage) * _NEWEST_SHARE
        self.elapsed_ns += self._monotonic_ns() - started_ns

    def _expire_due(self, db: Database, deadline_ns: int, after_each: Callable[[], None]) -> bool:
        """Expire what is due in one database; whether that was all of it."""
        now_ms = self._keyspace.now_ms
        expires = db.expires
        taken = 0
        while db.deadlines and db.deadlines[0][0] <= now_ms:
            when_ms, key = heappop(db.deadlines)
            if expires.get(key) == when_ms:
                db.expire(key)
                after_each()
            taken += 1
            if taken % _KEYS_PER_LOOK == 0 and self._monotonic_ns() >= deadline_ns:
                return False
        return True

    def _sampled_percentage(self) -> float:
        keyspace = self._keyspace
        sampled = due = 0
        for db in keyspace.databases:
            for _ in range(_SAMPLES if db.deadlines else 0):
                when_ms, key = keyspace.random.choice(db.deadlines)
                if db.expires.get(key) == when_ms:
                    sampled += 1
                    due += when_ms <= keyspace.now_ms
        return 100 * due / sampled if sampled else 0.0
