"""maxmemory as clients see it: refusals, evictions, their events and effects, and what it costs them."""

import pytest

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.memory_report import STARTUP_BYTES, used_bytes
from tests.support.inprocess import Harness

LIMIT = STARTUP_BYTES + (200 << 10)
OOM = "OOM command not allowed when used memory > 'maxmemory'."
POLICIES = ["allkeys-lru", "allkeys-lfu", "allkeys-random"]
VOLATILE = ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]


def _limited(policy: str) -> Harness:
    return Harness(maxmemory=LIMIT, maxmemory_policy=policy)


def _fill(harness: Harness, keys: int = 1000, *options: str) -> list[object]:
    return [harness.run("SET", f"key:{number}", "x" * 500, *options) for number in range(keys)]


@pytest.mark.parametrize("policy", POLICIES)
def test_memory_stays_within_the_limit(policy: str) -> None:
    harness = _limited(policy)
    assert set(_fill(harness)) == {b"OK"}
    assert harness.run("PING") == b"PONG"
    keyspace = harness.state.keyspace
    assert 200 < keyspace.key_count() < 400
    assert keyspace.evicted_keys == 1000 - keyspace.key_count()
    assert used_bytes(harness.state) <= LIMIT + 4096


@pytest.mark.parametrize("policy", VOLATILE)
def test_volatile_policies_refuse_when_nothing_expires(policy: str) -> None:
    harness = _limited(policy)
    harness.run("SET", "kept", "v")
    assert set(_fill(harness, 1000, "EX", "100")) == {b"OK"}
    assert harness.run("GET kept") == b"v"
    harness = _limited(policy)
    assert str(_fill(harness)[-1]) == OOM


def test_noeviction_refuses_what_may_need_memory_and_nothing_else() -> None:
    harness = _limited("noeviction")
    assert str(_fill(harness)[-1]) == OOM
    assert harness.run("GET key:0") == b"x" * 500
    assert harness.run("EXPIRE key:0 100") == 1
    for refused in ("SET k v", "INCR n", "RPUSH l x", "COPY key:0 k", "SORT key:0"):
        assert str(harness.run(refused)) == OOM, refused
    harness.run("DEL", *(f"key:{number}" for number in range(100)))
    assert harness.run("SET k v") == b"OK"


def test_queueing_is_refused_and_exec_too_if_it_needs_memory() -> None:
    harness = _limited("noeviction")
    harness.run("MULTI")
    harness.run("SET k v")
    other = harness.connect()
    for number in range(1000):
        other.run("SET", f"key:{number}", "x" * 500)
    assert str(harness.run("EXEC")).startswith("EXECABORT")
    assert harness.run("EXISTS k") == 0
    harness.run("MULTI")
    assert str(harness.run("GET k")) == OOM
    assert str(harness.run("EXEC")).startswith("EXECABORT")


def test_evictions_are_told_and_propagated_one_by_one() -> None:
    harness = _limited("allkeys-random")
    _fill(harness, 400)
    effects = harness.record_effects()
    listener = harness.connect()
    listener.session.resp = 3
    harness.run("CONFIG SET notify-keyspace-events Ee")
    harness.state.pubsub.subscribe(listener.session, b"__keyevent@0__:evicted")
    effects.clear()
    before = set(harness.state.keyspace.databases[0].values)
    harness.run("SET", "large", "x" * 10_000)
    harness.run("PING")
    evicted = before - set(harness.state.keyspace.databases[0].values)
    assert len(evicted) > 10
    listener.read_all()
    assert {key for _, _, key in listener.pushes} == evicted
    assert effects[0][0] == b"SET"
    assert {argv[1] for argv in effects[1:]} == evicted
    assert all(argv[0] == b"DEL" for argv in effects[1:])


def test_recently_used_keys_outlive_others() -> None:
    harness = Harness(maxmemory_policy="allkeys-lru")
    _fill(harness, 200)
    harness.advance(60_000)
    for number in range(100):
        harness.run("GET", f"key:{number}")
    used = used_bytes(harness.state)
    harness.run("CONFIG", "SET", "maxmemory", str(used - 40_000))
    harness.run("PING")
    left = {int(key[4:]) for key in harness.run("KEYS *")}
    assert sum(number < 100 for number in left) > 90
    assert sum(number >= 100 for number in left) < 60


def test_requests_pass_the_gate_only_near_the_limit() -> None:
    harness = _limited("allkeys-lru")
    harness.run("PING")
    assert not harness.state.gate & gate.GATE_MAXMEMORY
    _fill(harness)
    assert harness.client.session.gate & gate.GATE_MAXMEMORY
    assert harness.connect().session.gate & gate.GATE_MAXMEMORY
    harness.run("FLUSHALL")
    harness.run("PING")
    assert not harness.state.gate & gate.GATE_MAXMEMORY
    harness.run("CONFIG SET maxmemory 0")
    assert harness.state.keyspace.ledger is None
    assert harness.state.keyspace.observer is None


def test_a_limit_below_what_is_there_evicts_what_is_there() -> None:
    harness = Harness(maxmemory_policy="allkeys-random")
    _fill(harness, 1000)
    harness.run("CONFIG", "SET", "maxmemory", str(LIMIT))
    assert harness.state.keyspace.key_count() == 1000
    harness.advance(1)
    assert harness.state.keyspace.key_count() < 400


def test_nothing_is_evicted_in_a_pause_or_on_a_replica() -> None:
    harness = Harness(maxmemory_policy="allkeys-random")
    _fill(harness, 1000)
    harness.state.keyspace.expires_on_access = False
    harness.run("CONFIG", "SET", "maxmemory", str(LIMIT))
    harness.run("PING")
    assert harness.state.keyspace.key_count() == 1000
    harness.run("CLIENT PAUSE 1000 WRITE")
    harness.state.keyspace.expires_on_access = True
    harness.run("PING")
    assert harness.state.keyspace.key_count() == 1000


def test_a_long_eviction_goes_on_by_itself() -> None:
    harness = Harness(maxmemory_policy="allkeys-random", maxmemory_eviction_tenacity=0)
    _fill(harness, 1000)
    harness.state.config.set_many([(b"maxmemory", str(LIMIT).encode())])
    state = harness.state
    readings = iter(range(0, 1 << 40, 1000))
    state.monotonic_ns = lambda: next(readings)
    assert state.eviction.evict_to_limit()
    assert 900 < state.keyspace.key_count() < 1000
    assert state.eviction.currently_exceeded_ns > 0
    harness.advance(1000)
    assert state.keyspace.key_count() < 400
    assert state.eviction.currently_exceeded_ns == 0
    assert state.eviction.exceeded_ns > 0
