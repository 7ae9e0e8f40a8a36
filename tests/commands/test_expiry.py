"""Expiry: lazily, by the cycle, and what others see of it."""

import pytest

from tests.support.inprocess import START_US, Harness

NOW_MS = START_US // 1000


@pytest.fixture
def harness() -> Harness:
    return Harness()


def _tick(harness: Harness) -> None:
    harness.state.run_expiry_cycle(harness.state.keyspace.now_ms)
    harness.state.flush_outboxes()


def test_the_cycle_removes_what_nobody_asks_for(harness: Harness) -> None:
    for number in range(100):
        harness.run("SET", f"k{number}", "v", "PX", str(number + 1))
    effects = harness.record_effects()
    harness.advance(50)
    _tick(harness)
    assert harness.run("DBSIZE") == 50
    assert effects == [[b"DEL", b"k%d" % number] for number in range(50)]
    assert harness.state.keyspace.expired_keys == 50


def test_debug_set_active_expire() -> None:
    harness = Harness(enable_debug_command="yes")
    harness.run("SET k v PX 10")
    harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
    harness.advance(10)
    _tick(harness)
    assert harness.run("DBSIZE") == 1
    harness.run("DEBUG SET-ACTIVE-EXPIRE 1")
    _tick(harness)
    assert harness.run("DBSIZE") == 0


def test_nothing_expires_by_itself_on_a_replica_or_in_a_pause(harness: Harness) -> None:
    keyspace = harness.state.keyspace
    harness.run("SET k v PX 10")
    keyspace.expires_on_access = False
    harness.advance(10)
    _tick(harness)
    assert keyspace.key_count() == 1
    keyspace.expires_on_access = True
    harness.run("CLIENT PAUSE 1000 WRITE")
    _tick(harness)
    assert keyspace.key_count() == 1
    harness.advance(1000)
    _tick(harness)
    assert keyspace.key_count() == 0


def test_an_expired_key_is_hidden_but_stays_in_a_pause(harness: Harness) -> None:
    harness.run("SET k v PX 10")
    harness.run("CLIENT PAUSE 1000 WRITE")
    harness.advance(10)
    assert harness.run("GET k") is None
    assert harness.run("DBSIZE") == 1
    harness.advance(1000)
    assert harness.run("GET k") is None
    assert harness.run("DBSIZE") == 0


def test_effort_and_hz_bound_the_cycle(harness: Harness) -> None:
    assert harness.state.expiry_budget_ns == 25_000_000
    harness.state.config.set_many([(b"active-expire-effort", b"10"), (b"hz", b"100")])
    assert harness.state.expiry_budget_ns == 4_300_000


def test_expired_events_come_from_reads_and_from_the_cycle(harness: Harness) -> None:
    listener = harness.connect()
    listener.session.resp = 3
    harness.run("CONFIG SET notify-keyspace-events Ex")
    harness.state.pubsub.subscribe(listener.session, b"__keyevent@0__:expired")
    harness.run("SET read v PX 10")
    harness.run("SET cycled v PX 10")
    harness.advance(10)
    assert harness.run("GET read") is None
    _tick(harness)
    listener.read_all()
    assert [message for _, _, message in listener.pushes] == [b"read", b"cycled"]


@pytest.mark.parametrize("request_", ["EXPIRE k 1 {}", "PEXPIRE k 1 {}", "EXPIREAT k 9999999999 {}"])
def test_conditions_hold_for_keys_without_expiry_as_if_it_were_never(harness: Harness, request_: str) -> None:
    for condition, is_set in (("XX", 0), ("GT", 0), ("NX", 1), ("LT", 1)):
        harness.run("SET k v")
        assert harness.run(request_.format(condition)) == is_set, condition


def test_the_queue_of_deadlines_does_not_grow_without_bound(harness: Harness) -> None:
    for number in range(1000):
        harness.run("SET", "k", "v", "EX", str(100 + number))
    assert len(harness.state.keyspace.databases[0].deadlines) < 100


def test_flushing_and_swapping_take_deadlines_along(harness: Harness) -> None:
    harness.run("SET k v PX 10")
    harness.run("SWAPDB 0 1")
    harness.run("SET stays v")
    harness.advance(10)
    _tick(harness)
    assert [len(db.values) for db in harness.state.keyspace.databases[:2]] == [1, 0]
    harness.run("SET k v PX 10")
    harness.run("FLUSHALL")
    harness.run("SET k v")
    harness.advance(10)
    _tick(harness)
    assert harness.run("GET k") == b"v"


@pytest.mark.parametrize(
    "request_",
    [
        "SINTERSTORE k none",
        "SUNIONSTORE k none",
        "ZDIFFSTORE k 1 none",
        "ZRANGESTORE k none 0 1",
        "SORT none STORE k",
    ],
)
def test_an_empty_result_deletes_what_had_expired_without_a_word_of_that(request_: str) -> None:
    harness = Harness()
    harness.run("SET k v PX 1")
    harness.advance(1)
    assert harness.events(request_)[-1:] == [b"del k"]
    assert harness.state.keyspace.expired_keys == 0


def test_a_result_replaces_what_had_expired(harness: Harness) -> None:
    harness.run("SADD s a")
    harness.run("SET k v PX 1")
    harness.advance(1)
    assert harness.events("SUNIONSTORE k s") == [b"expired k", b"new k", b"sunionstore k"]
