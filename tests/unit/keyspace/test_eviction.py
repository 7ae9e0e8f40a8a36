"""The choice of keys to evict: each policy prefers what it should, and never touches what it may not."""

import random

import pytest

from pyredis_cluster.keyspace.eviction import Evictor
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.string import String

KEYS = 200
POLICIES = ["lru", "lfu", "random"]


def _keyspace(databases: int = 1) -> Keyspace:
    keyspace = Keyspace(databases, random.Random(7))
    keyspace.now_ms = 1_700_000_000_000
    keyspace.lru_clock = keyspace.now_ms // 1000
    return keyspace


def _fill(keyspace: Keyspace, *, volatile: int = 0) -> None:
    """Keys 0 … KEYS-1, the later ones used later and oftener; the first `volatile` expire, in that order."""
    db = keyspace.databases[0]
    for number in range(KEYS):
        key = b"%d" % number
        db.add(key, String(b"v"))
        db.values[key].lru = number if keyspace.is_lfu else keyspace.lru_clock - KEYS + number
        if number < volatile:
            db.set_expire(key, keyspace.now_ms + 1000 * (number + 1))


def _evictor(keyspace: Keyspace, policy: str) -> Evictor:
    evictor = Evictor(keyspace)
    evictor.policy = policy
    keyspace.set_frequencies(policy.endswith("lfu"))
    if keyspace.is_lfu:
        keyspace.frequency.decay_time_min = 0
    return evictor


def _evict(evictor: Evictor, count: int) -> list[int]:
    evicted = []
    for _ in range(count):
        picked = evictor.pick()
        if picked is None:
            break
        db, key = picked
        db.discard(key)
        evicted.append(int(key))
    return evicted


@pytest.mark.parametrize(
    "policy", ["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu", "volatile-ttl"]
)
def test_the_worst_half_goes_first_mostly(policy: str) -> None:
    keyspace = _keyspace()
    evictor = _evictor(keyspace, policy)
    _fill(keyspace, volatile=KEYS)
    evicted = _evict(evictor, KEYS // 2)
    assert len(set(evicted)) == KEYS // 2
    assert sum(number < KEYS // 2 for number in evicted) > 0.8 * len(evicted)


@pytest.mark.parametrize("kind", [*POLICIES, "ttl"])
def test_volatile_policies_take_only_keys_that_expire(kind: str) -> None:
    keyspace = _keyspace()
    evictor = _evictor(keyspace, f"volatile-{kind}")
    _fill(keyspace, volatile=10)
    assert sorted(_evict(evictor, KEYS)) == list(range(10))
    assert evictor.pick() is None


@pytest.mark.parametrize("kind", POLICIES)
def test_allkeys_policies_empty_the_database(kind: str) -> None:
    keyspace = _keyspace()
    evictor = _evictor(keyspace, f"allkeys-{kind}")
    _fill(keyspace)
    assert sorted(_evict(evictor, KEYS + 1)) == list(range(KEYS))


def test_noeviction_takes_nothing() -> None:
    keyspace = _keyspace()
    _fill(keyspace, volatile=10)
    assert Evictor(keyspace).pick() is None


@pytest.mark.parametrize("policy", ["allkeys-random", "allkeys-lru", "volatile-random", "volatile-ttl"])
def test_every_database_is_looked_at(policy: str) -> None:
    keyspace = _keyspace(4)
    evictor = _evictor(keyspace, policy)
    for db in keyspace.databases[1:]:
        db.add(b"%d" % db.index, String(b"v"))
        db.set_expire(b"%d" % db.index, keyspace.now_ms + 1000)
    assert sorted(_evict(evictor, 4)) == [1, 2, 3]


def test_a_pooled_key_that_is_gone_is_passed_over() -> None:
    keyspace = _keyspace()
    evictor = _evictor(keyspace, "allkeys-lru")
    _fill(keyspace)
    assert evictor.pick() is not None
    db = keyspace.databases[0]
    survivors = {b"199", b"198"}
    for key in set(db.values) - survivors:
        db.discard(key)
    assert set(_evict(evictor, 10)) == {198, 199}


def test_few_volatile_keys_are_found_among_many_stale_deadlines() -> None:
    keyspace = _keyspace()
    evictor = _evictor(keyspace, "volatile-lru")
    db = keyspace.databases[0]
    for number in range(60):
        db.add(b"%d" % number, String(b"v"))
        db.set_expire(b"%d" % number, keyspace.now_ms + 1000)
        if number:
            db.remove_expire(b"%d" % number)
    assert _evict(evictor, 2) == [0]
