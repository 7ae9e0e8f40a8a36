"""Lists: what is propagated and told, beside the replies that the conformance tests compare."""

import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_most_writes_are_propagated_as_they_came(harness: Harness) -> None:
    for request in (
        "LPUSH l a b c",
        "RPUSH l d e f",
        "LPUSHX l g",
        "RPUSHX l h",
        "LSET l 0 x",
        "LINSERT l BEFORE x y",
        "LREM l 0 d",
        "LTRIM l 1 -1",
        "LPOP l",
        "RPOP l 1",
        "LMOVE l m LEFT RIGHT",
        "RPOPLPUSH l m",
    ):
        assert harness.propagated(request) == [request.encode()]


def test_what_changed_nothing_is_not_propagated(harness: Harness) -> None:
    harness.run("RPUSH l a b")
    for request in (
        "LPUSHX none a",
        "LPOP none",
        "LPOP l 0",
        "LREM l 0 nope",
        "LINSERT l BEFORE nope x",
        "LSET l 7 x",
        "LTRIM l 0 -1",
        "LTRIM none 0 0",
        "LMOVE none l LEFT LEFT",
        "LMPOP 1 none LEFT",
        "LRANGE l 0 -1",
    ):
        assert harness.propagated(request) == [], request
    assert harness.run("LRANGE l 0 -1") == [b"a", b"b"]


def test_pops_of_several_keys_are_propagated_as_the_pop_of_one(harness: Harness) -> None:
    harness.run("RPUSH l a b c d e f g h")
    assert harness.propagated("LMPOP 2 none l LEFT") == [b"LPOP l 1"]
    assert harness.propagated("LMPOP 1 l RIGHT COUNT 2") == [b"RPOP l 2"]
    assert harness.propagated("BLMPOP 0 2 none l LEFT") == [b"LPOP l 1"]
    assert harness.propagated("BLPOP none l 0") == [b"LPOP l"]
    assert harness.propagated("BRPOP none l 0") == [b"RPOP l"]
    assert harness.propagated("BLMOVE l m left Right 0") == [b"LMOVE l m left Right"]
    assert harness.propagated("BRPOPLPUSH m l 0") == [b"RPOPLPUSH m l"]
    assert harness.propagated("LMPOP 1 l LEFT COUNT 100") == [b"LPOP l 2"]


def test_events(harness: Harness) -> None:
    assert harness.events("RPUSH l a b c") == [b"new l", b"rpush l"]
    assert harness.events("LPUSH l x") == [b"lpush l"]
    assert harness.events("LSET l 0 y") == [b"lset l"]
    assert harness.events("LINSERT l AFTER y z") == [b"linsert l"]
    assert harness.events("LREM l 0 z") == [b"lrem l"]
    assert harness.events("LREM l 0 nope") == []
    assert harness.events("LTRIM l 0 -1") == [b"ltrim l"]
    assert harness.events("LPOP l") == [b"lpop l"]
    assert harness.events("RPOP l 0") == []
    assert harness.events("RPOP l 2") == [b"rpop l"]
    assert harness.events("LMOVE l m LEFT RIGHT") == [b"new m", b"rpush m", b"lpop l", b"del l"]
    assert harness.events("LMOVE m m LEFT RIGHT") == [b"rpush m", b"lpop m"]
    assert harness.events("BLPOP m 0") == [b"lpop m", b"del m"]
    harness.run("RPUSH l a b")
    assert harness.events("LTRIM l 5 9") == [b"ltrim l", b"del l"]
    harness.run("RPUSH l a a")
    assert harness.events("LREM l 0 a") == [b"lrem l", b"del l"]
    harness.run("RPUSH l a b")
    assert harness.events("LMPOP 1 l RIGHT COUNT 5") == [b"rpop l", b"del l"]


def test_a_trim_of_nothing_still_fails_a_transaction_that_watches(harness: Harness) -> None:
    harness.run("RPUSH l a b")
    harness.run("WATCH l")
    harness.connect().run("LTRIM l 0 -1")
    harness.run("MULTI")
    harness.run("PING")
    assert harness.run("EXEC") is None


def test_a_pop_of_nothing_does_not(harness: Harness) -> None:
    harness.run("RPUSH l a b")
    harness.run("WATCH l")
    other = harness.connect()
    other.run("LPOP l 0")
    other.run("LREM l 0 nope")
    harness.run("MULTI")
    harness.run("PING")
    assert harness.run("EXEC") == [b"PONG"]


def test_the_expiry_time_outlives_a_push_and_goes_with_the_last_element(harness: Harness) -> None:
    harness.run("RPUSH l a")
    harness.run("PEXPIRE l 1000")
    harness.run("RPUSH l b")
    assert harness.run("PTTL l") == 1000
    harness.run("LPOP l 2")
    harness.run("RPUSH l c")
    assert harness.run("PTTL l") == -1


def test_dirty_counts_elements(harness: Harness) -> None:
    keyspace = harness.state.keyspace
    for request, changes in (
        ("RPUSH l a b c d e f", 6),
        ("LPOP l 2", 2),
        ("LTRIM l 1 1", 3),
        ("LMOVE l m LEFT LEFT", 1),
        ("LSET m 0 x", 1),
        ("LREM m 0 x", 1),
    ):
        before = keyspace.dirty
        harness.run(request)
        assert keyspace.dirty - before == changes, request
