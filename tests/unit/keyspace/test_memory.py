"""The running estimate of memory."""

import random

from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.memory import MemoryLedger, key_bytes
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.string import String


def _keyspace() -> Keyspace:
    return Keyspace(2, random.Random(1))


def test_keys_that_are_there_count_from_the_start() -> None:
    keyspace = _keyspace()
    for db in keyspace.databases:
        db.add(b"k", String(b"x" * 1000))
    ledger = MemoryLedger(keyspace, lambda: None)
    assert ledger.total == sum(key_bytes(db, b"k", db.values[b"k"]) for db in keyspace.databases)
    assert ledger.total > 2000


def test_a_growing_container_is_followed_closely_enough() -> None:
    keyspace = _keyspace()
    ledger = keyspace.ledger = MemoryLedger(keyspace, lambda: None)
    db = keyspace.databases[0]
    value = Hash()
    db.add(b"h", value)
    for number in range(3000):
        value.set(b"field:%d" % number, b"x" * 50, keyspace.limits)
        ledger.note(db, b"h")
        if number % 16 == 15:
            exact = key_bytes(db, b"h", value)
            assert abs(ledger.total - exact) <= 0.15 * exact + 200
    db.discard(b"h")
    assert ledger.total == 0


def test_the_alarm_rings_above_its_mark_only() -> None:
    keyspace = _keyspace()
    rings: list[int] = []
    ledger = keyspace.ledger = MemoryLedger(keyspace, lambda: rings.append(1))
    ledger.alarm_bytes = 2000
    db = keyspace.databases[0]
    db.add(b"a", String(b"x" * 1500))
    ledger.note(db, b"a")
    assert rings == []
    db.add(b"b", String(b"x" * 1500))
    ledger.note(db, b"b")
    assert rings == [1]
