"""Hashes: what is propagated and told, beside the replies that the conformance tests compare."""

import hiredis
import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def _large(harness: Harness, key: str = "h", count: int = 200) -> None:
    harness.run("HSET", key, *(word for n in range(count) for word in (f"f{n}", f"v{n}")))


def test_most_writes_are_propagated_as_they_came(harness: Harness) -> None:
    assert harness.propagated("HSET h a 1 b 2") == [b"HSET h a 1 b 2"]
    assert harness.propagated("HMSET h a 1 b 2") == [b"HMSET h a 1 b 2"]
    assert harness.propagated("HSETNX h c 3") == [b"HSETNX h c 3"]
    assert harness.propagated("HINCRBY h a 5") == [b"HINCRBY h a 5"]
    assert harness.propagated("HDEL h a nope") == [b"HDEL h a nope"]


def test_hincrbyfloat_is_propagated_as_the_value_it_made(harness: Harness) -> None:
    harness.run("HSET h f 10.5")
    assert harness.propagated("HINCRBYFLOAT h f 0.1") == [b"HSET h f 10.6"]
    assert harness.run("HGET h f") == b"10.6"


def test_what_changed_nothing_is_not_propagated(harness: Harness) -> None:
    harness.run("HSET h a 1")
    for request in ("HSETNX h a 2", "HDEL h nope", "HDEL missing a", "HGETALL h", "HINCRBY h a x"):
        assert harness.propagated(request) == [], request


def test_events(harness: Harness) -> None:
    assert harness.events("HSET h a 1 b 2") == [b"new h", b"hset h"]
    assert harness.events("HSETNX h c 1") == [b"hset h"]
    assert harness.events("HSETNX h c 1") == []
    assert harness.events("HINCRBY h a 1") == [b"hincrby h"]
    assert harness.events("HINCRBYFLOAT h a 1") == [b"hincrbyfloat h"]
    assert harness.events("HDEL h a") == [b"hdel h"]
    assert harness.events("HDEL h b c nope") == [b"hdel h", b"del h"]
    assert harness.events("HGET h a") == [b"keymiss h"]


def test_dirty_counts_the_pairs_set_and_the_fields_removed(harness: Harness) -> None:
    def changes(request: str) -> int:
        before = harness.state.keyspace.dirty
        harness.run(request)
        return harness.state.keyspace.dirty - before

    assert changes("HSET h a 1 b 2 c 3") == 3
    assert changes("HSET h a 1 b 2") == 2
    assert changes("HDEL h a b nope") == 2
    assert changes("HINCRBY h n 1") == 1


def test_an_error_leaves_no_empty_hash_behind(harness: Harness) -> None:
    for request in ("HINCRBY h f x", "HINCRBYFLOAT h f inf", "HSET h a", "HSET h a 1 b"):
        assert isinstance(harness.run(request), hiredis.ReplyError), request
    assert harness.run("EXISTS h") == 0


def test_a_watched_hash_that_changes_aborts_exec(harness: Harness) -> None:
    harness.run("HSET h a 1")
    other = harness.connect()
    for change, reply in (("HSET h a 2", None), ("HDEL h nope", [b"PONG"]), ("HDEL h a", None)):
        harness.run("WATCH h")
        other.run(change)
        harness.run("MULTI")
        harness.run("PING")
        assert harness.run("EXEC") == reply


def test_an_expired_hash_is_gone(harness: Harness) -> None:
    harness.run("HSET h a 1")
    harness.run("PEXPIRE h 100")
    harness.advance(101)
    assert harness.run("HLEN h") == 0
    assert harness.propagated("HSET h b 2") == [b"HSET h b 2"]
    assert harness.run("HGETALL h") == [b"b", b"2"]


def test_hscan_walks_over_a_large_hash_while_it_changes(harness: Harness) -> None:
    _large(harness)
    seen: list[bytes] = []
    cursor = b"0"
    for step in range(1000):
        cursor, found = harness.run("HSCAN", "h", cursor, "COUNT", "7", "MATCH", "f*")
        seen += found[::2]
        harness.run("HDEL", "h", f"f{step}")
        harness.run("HSET", "h", f"g{step}", "x")
        if cursor == b"0":
            break
    assert cursor == b"0"
    assert {field for field in harness.run("HKEYS h") if field.startswith(b"f")} <= set(seen)


def test_hrandfield_of_a_large_hash(harness: Harness) -> None:
    _large(harness)
    assert len(set(harness.run("HRANDFIELD h 150"))) == 150
    assert len(harness.run("HRANDFIELD h -500")) == 500
    pairs = harness.run("HRANDFIELD h 50 WITHVALUES")
    assert all(field[1:] == value[1:] for field, value in zip(pairs[::2], pairs[1::2], strict=True))


def test_a_count_that_no_memory_would_hold_is_refused(harness: Harness) -> None:
    harness.run("HSET h a 1")
    for request in ("HRANDFIELD h -9223372036854775807", "HRANDFIELD h -999999999999 WITHVALUES"):
        assert "out of range" in str(harness.run(request))


def test_limits_of_the_configuration_choose_the_encoding() -> None:
    harness = Harness(hash_max_listpack_entries=2, hash_max_listpack_value=3)
    for request, encoding in (
        ("HSET h a 1 b 2", b"listpack"),
        ("HSET h a 1 a 2 a 3", b"hashtable"),
        ("HSET h abcd 1", b"hashtable"),
        ("HINCRBY h a 1234", b"hashtable"),
        ("HSETNX h a 123", b"listpack"),
    ):
        harness.run("DEL h")
        harness.run(request)
        assert harness.run("OBJECT ENCODING h") == encoding, request
