"""The expiry cycle: exact, bounded, and fair to all databases."""

import random
from collections.abc import Callable, Iterator
from itertools import count

from pyredis_cluster.keyspace.expiry_cycle import ExpiryCycle
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.string import String

FOREVER_NS = 1 << 62


def _keyspace(databases: int = 1) -> Keyspace:
    keyspace = Keyspace(databases, random.Random(1))
    keyspace.now_ms = 1000
    return keyspace


def _fill(keyspace: Keyspace, keys: int, when_ms: int, database: int = 0) -> None:
    db = keyspace.databases[database]
    for number in range(keys):
        key = b"%d:%d" % (when_ms, number)
        db.add(key, String(b"v"))
        db.set_expire(key, when_ms)


def _still() -> int:
    return 0


def _ticking() -> Callable[[], int]:
    """A clock that advances by 1 ns at each look."""
    readings: Iterator[int] = count()
    return lambda: next(readings)


def test_all_keys_that_are_due_go_and_no_others() -> None:
    keyspace = _keyspace(2)
    _fill(keyspace, 500, 900)
    _fill(keyspace, 300, 1000, database=1)
    _fill(keyspace, 200, 1001)
    settled: list[int] = []
    ExpiryCycle(keyspace, _still).run(FOREVER_NS, lambda: settled.append(1))
    assert [len(db.values) for db in keyspace.databases] == [200, 0]
    assert keyspace.expired_keys == len(settled) == 800


def test_a_key_with_a_later_time_or_none_stays() -> None:
    keyspace = _keyspace()
    _fill(keyspace, 3, 900)
    db = keyspace.databases[0]
    db.set_expire(b"900:0", 2000)
    db.remove_expire(b"900:1")
    db.discard(b"900:2")
    db.add(b"900:2", String(b"another"))
    ExpiryCycle(keyspace, _still).run(FOREVER_NS, lambda: None)
    assert sorted(db.values) == [b"900:0", b"900:1", b"900:2"]


def test_time_bounds_a_cycle_and_the_next_one_goes_on() -> None:
    keyspace = _keyspace(2)
    _fill(keyspace, 1000, 900)
    _fill(keyspace, 1000, 900, database=1)
    cycle = ExpiryCycle(keyspace, _ticking())
    cycle.run(10, lambda: None)
    left = keyspace.key_count()
    assert 0 < left < 2000
    assert cycle.time_cap_reached_count == 1
    assert cycle.stale_percentage > 0
    while keyspace.key_count():
        cycle.run(10, lambda: None)
        assert keyspace.key_count() < left
        left = keyspace.key_count()


def test_events_and_deletions_are_told() -> None:
    keyspace = _keyspace()
    _fill(keyspace, 1, 900)
    told: list[object] = []
    keyspace.propagate = lambda database, argv: told.append((database, argv))
    keyspace.observer = lambda db, key, event_class, event: told.append((key, event))
    ExpiryCycle(keyspace, _still).run(FOREVER_NS, lambda: told.append("settled"))
    assert told == [(0, [b"DEL", b"900:0"]), (b"900:0", b"expired"), "settled"]
