"""A database: what its methods keep right."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.memory import MemoryLedger, key_bytes
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.protocol.slots import key_slot

_keys = st.sampled_from([b"a", b"b", b"c", b"d{b}"])
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _keys, st.integers(0, 50)),
        st.tuples(st.just("discard"), _keys, st.just(0)),
        st.tuples(st.just("expire"), _keys, st.integers(1, 60)),
        st.tuples(st.just("persist"), _keys, st.just(0)),
        st.tuples(st.just("read"), _keys, st.just(0)),
        st.tuples(st.just("pass"), st.just(b""), st.integers(0, 20)),
    ),
    max_size=60,
)


def _keyspace(databases: int = 1, *, slotted: bool = True) -> Keyspace:
    keyspace = Keyspace(databases, random.Random(1), slotted=slotted)
    keyspace.now_ms = 1000
    return keyspace


def _check(db: Database) -> None:
    """Every index agrees with the keys."""
    assert set(db.expires) <= set(db.values)
    assert {(when, key) for key, when in db.expires.items()} <= set(db.deadlines)
    assert len(db.deadlines) <= 2 * len(db.expires) + 66
    assert sorted(db.scan_index().order) == sorted(db.values)
    assert db.slot_keys is not None
    in_slots = {key: slot for slot, keys in enumerate(db.slot_keys) for key in keys or ()}
    assert in_slots == {key: key_slot(key) for key in db.values}
    assert db.occupied_slots() == sorted(set(in_slots.values()))
    ledger = db.keyspace.ledger
    assert ledger is not None
    assert db.sizes == {key: key_bytes(db, key, value) for key, value in db.values.items()}
    assert ledger.total == sum(db.sizes.values())


@settings(max_examples=50, deadline=None)
@given(_steps)
def test_indexes_agree_with_the_keys(steps: list[tuple[str, bytes, int]]) -> None:
    keyspace = _keyspace()
    db = keyspace.databases[0]
    ledger = keyspace.ledger = MemoryLedger(keyspace, lambda: None)
    ledger.alarm_bytes = 1 << 40
    db.scan_index()
    for step, key, number in steps:
        if step == "put":
            db.put(key, String(b"x" * number))
        elif step == "discard":
            db.discard(key)
        elif step == "expire" and key in db.values:
            db.set_expire(key, keyspace.now_ms + number)
        elif step == "persist":
            db.remove_expire(key)
        elif step == "read":
            db.read(key, String)
        elif step == "pass":
            keyspace.now_ms += number
        ledger.note(db, key)
    _check(db)
    for key, when_ms in list(db.expires.items()):
        assert (db.peek(key) is None) == (when_ms <= keyspace.now_ms)
    db.clear()
    _check(db)


def test_a_replica_hides_an_expired_key_and_keeps_it() -> None:
    keyspace = _keyspace()
    keyspace.expires_on_access = False
    db = keyspace.databases[0]
    db.add(b"k", String(b"v"))
    db.set_expire(b"k", keyspace.now_ms)
    assert db.read(b"k", String) is None
    assert b"k" in db.values
    assert keyspace.expired_keys == 0


def test_hits_and_misses() -> None:
    keyspace = _keyspace()
    db = keyspace.databases[0]
    db.add(b"k", String(b"v"))
    for method in (db.look, db.read_any):
        method(b"k")
        method(b"missing")
    db.peek(b"k")
    db.write_any(b"k")
    db.write(b"missing", String)
    assert (keyspace.hits, keyspace.misses) == (2, 2)


def test_looking_does_not_count_as_an_access() -> None:
    keyspace = _keyspace()
    db = keyspace.databases[0]
    value = String(b"v")
    db.add(b"k", value)
    keyspace.lru_clock = 100
    db.peek(b"k")
    db.look(b"k")
    assert keyspace.idle_s(value) == 100
    db.read_any(b"k")
    assert keyspace.idle_s(value) == 0


@pytest.mark.parametrize("used", [False, True])
def test_overwriting_is_an_access_and_keeps_the_frequency(used: bool) -> None:
    keyspace = _keyspace()
    keyspace.set_frequencies(True)
    keyspace.frequency.log_factor = 0
    db = keyspace.databases[0]
    db.add(b"k", String(b"v"))
    if used:
        db.read_any(b"k")
    db.put(b"k", String(b"w"))
    assert keyspace.frequency.count(db.values[b"k"].lru, 0) == 6 + used


def test_swapped_databases_keep_their_indexes() -> None:
    keyspace = _keyspace(2)
    first, second = keyspace.databases
    keyspace.ledger = MemoryLedger(keyspace, lambda: None)
    first.add(b"k", String(b"v"))
    first.set_expire(b"k", 5000)
    keyspace.ledger.note(first, b"k")
    first.swap_contents(second)
    assert (first.index, second.index) == (0, 1)
    _check(second)
    second.discard(b"k")
    _check(first)
    _check(second)
