"""SORT: what the conformance tests do not show."""

import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_effects(harness: Harness) -> None:
    harness.run("RPUSH l 3 1 2")
    assert harness.propagated("SORT l") == []
    assert harness.propagated("SORT l STORE d") == [b"SORT l STORE d"]
    assert harness.propagated("SORT missing STORE d") == [b"SORT missing STORE d"]
    assert harness.propagated("SORT missing STORE d") == []


def test_each_stored_element_counts_as_a_change(harness: Harness) -> None:
    harness.run("RPUSH l 3 1 2")
    dirty = harness.state.keyspace.dirty
    harness.run("SORT l STORE d")
    assert harness.state.keyspace.dirty == dirty + 3


def test_a_stored_set_is_in_the_same_order_everywhere(harness: Harness) -> None:
    harness.run("SADD s b a 10 9")
    harness.run("SORT s BY nosort STORE d")
    assert harness.run("LRANGE d 0 -1") == [b"10", b"9", b"a", b"b"]


def test_texts_are_compared_as_c_strings_unless_stored(harness: Harness) -> None:
    harness.run("RPUSH", "l", b"a\0z", b"a\0a", b"A")
    assert harness.run("SORT l ALPHA") == [b"A", b"a\0z", b"a\0a"]
    harness.run("SORT l ALPHA STORE d")
    assert harness.run("LRANGE d 0 -1") == [b"A", b"a\0a", b"a\0z"]


def test_sorting_converts_a_small_sorted_set(harness: Harness) -> None:
    harness.run("ZADD z 2 b 1 a")
    assert harness.run("OBJECT ENCODING z") == b"listpack"
    assert harness.run("SORT z ALPHA DESC") == [b"b", b"a"]
    assert harness.run("OBJECT ENCODING z") == b"skiplist"


def test_storing_over_the_sorted_key_itself(harness: Harness) -> None:
    harness.run("RPUSH l 3 1 2")
    harness.run("EXPIRE l 100")
    assert harness.run("SORT l DESC STORE l") == 3
    assert harness.run("LRANGE l 0 -1") == [b"3", b"2", b"1"]
    assert harness.run("TTL l") == -1


def test_storing_wakes_those_who_wait_for_the_list(harness: Harness) -> None:
    waiting = harness.connect()
    waiting.send("BLPOP d 0")
    harness.run("SADD s 2 1")
    harness.run("SORT s STORE d")
    assert waiting.read_all() == [[b"d", b"1"]]


def test_expired_keys_weigh_nothing(harness: Harness) -> None:
    harness.run("RPUSH l 1 2")
    harness.run("MSET w_1 10 w_2 5")
    assert harness.run("SORT l BY w_*") == [b"2", b"1"]
    harness.run("PEXPIRE w_1 10")
    harness.advance(10)
    assert harness.run("SORT l BY w_* GET # GET w_*") == [b"1", None, b"2", b"5"]
