"""Sets: what is propagated and told, beside the replies that the conformance tests compare."""

import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def _large(harness: Harness, key: str = "s", count: int = 2000) -> set[bytes]:
    members = {b"m%d" % n for n in range(count)}
    harness.run("SADD", key, *members)
    return members


def test_most_writes_are_propagated_as_they_came(harness: Harness) -> None:
    for request in (
        "SADD s a b c",
        "SREM s a nope",
        "SMOVE s t b",
        "SUNIONSTORE u s t",
        "SINTERSTORE u u s",
        "SDIFFSTORE u t s",
    ):
        assert harness.propagated(request) == [request.encode()]


def test_spop_is_propagated_as_srem_of_what_it_took(harness: Harness) -> None:
    harness.run("SADD s a b")
    for _ in range(2):
        (effect,) = harness.propagated("SPOP s")
        assert effect in (b"SREM s a", b"SREM s b")
    assert harness.propagated("SPOP s") == []
    assert harness.run("EXISTS s") == 0


def test_spop_of_many_is_propagated_as_srem_in_pieces(harness: Harness) -> None:
    members = _large(harness)
    harness.record_effects().clear()
    popped = set(harness.run("SPOP s 1500"))
    assert [effect[0] for effect in harness.effects] == [b"MULTI", b"SREM", b"SREM", b"EXEC"]
    pieces = [effect[2:] for effect in harness.effects[1:3]]
    assert list(map(len, pieces)) == [1024, 476]
    assert {member for piece in pieces for member in piece} == popped
    assert set(harness.run("SMEMBERS s")) == members - popped


def test_spop_of_all_is_propagated_as_removal_of_the_key(harness: Harness) -> None:
    for count in (3, 100):
        harness.run("SADD s a b c")
        assert harness.propagated("SPOP", "s", str(count)) == [b"DEL s"]
    lazy = Harness(lazyfree_lazy_server_del=True)
    lazy.run("SADD s a")
    assert lazy.propagated("SPOP s 1") == [b"UNLINK s"]


def test_what_changed_nothing_is_not_propagated(harness: Harness) -> None:
    harness.run("SADD s a")
    for request in (
        "SADD s a",
        "SREM s nope",
        "SPOP s 0",
        "SPOP missing 5",
        "SMOVE s t nope",
        "SMOVE s s a",
        "SINTERSTORE t s missing",
        "SDIFFSTORE t s s",
        "SMEMBERS s",
    ):
        assert harness.propagated(request) == [], request


def test_events(harness: Harness) -> None:
    assert harness.events("SADD s a b c d") == [b"new s", b"sadd s"]
    assert harness.events("SADD s a") == []
    assert harness.events("SREM s a nope") == [b"srem s"]
    assert harness.events("SPOP s") == [b"spop s"]
    assert harness.events("SPOP s 1") == [b"spop s"]
    assert harness.events("SPOP s") == [b"spop s", b"del s"]
    harness.run("SADD s a b")
    assert harness.events("SPOP s 2") == [b"spop s", b"del s"]
    harness.run("SADD s a")
    assert harness.events("SREM s a") == [b"srem s", b"del s"]


def test_events_of_smove(harness: Harness) -> None:
    harness.run("SADD s a b c")
    assert harness.events("SMOVE s t a") == [b"srem s", b"new t", b"sadd t"]
    harness.run("SADD t b")
    assert harness.events("SMOVE s t b") == [b"srem s"]
    assert harness.events("SMOVE s t c") == [b"srem s", b"del s", b"sadd t"]


def test_events_of_stored_results(harness: Harness) -> None:
    harness.run("SADD a 1 2")
    harness.run("SADD b 2 3")
    assert harness.events("SUNIONSTORE t a b") == [b"new t", b"sunionstore t"]
    assert harness.events("SINTERSTORE t a b") == [b"sinterstore t"]
    assert harness.events("SDIFFSTORE t a b") == [b"sdiffstore t"]
    assert harness.events("SDIFFSTORE t a a") == [b"del t"]
    assert harness.events("SINTERSTORE t a missing") == [b"keymiss missing"]


def test_a_stored_result_forgets_the_expiry_of_what_was_there(harness: Harness) -> None:
    harness.run("SADD a 1 2")
    harness.run("SET t x PX 100")
    harness.run("SUNIONSTORE t a")
    assert harness.run("PTTL t") == -1


def test_what_is_stored_over_an_expired_key_tells_of_both(harness: Harness) -> None:
    harness.run("SADD a 1 2")
    harness.run("SET t x PX 100")
    harness.advance(101)
    assert harness.events("SUNIONSTORE t a") == [b"expired t", b"new t", b"sunionstore t"]


def test_dirty_counts_members(harness: Harness) -> None:
    def changes(request: str) -> int:
        before = harness.state.keyspace.dirty
        harness.run(request)
        return harness.state.keyspace.dirty - before

    assert changes("SADD s a b c d e") == 5
    assert changes("SADD s a f") == 1
    assert changes("SREM s a nope") == 1
    assert changes("SPOP s") == 1
    assert changes("SPOP s 2") == 2
    assert changes("SMOVE s t nope") == 0
    assert changes("SUNIONSTORE t s") == 1
    assert changes("SPOP s 10") == 2


def test_a_watched_set_that_changes_aborts_exec(harness: Harness) -> None:
    harness.run("SADD s a b c")
    other = harness.connect()
    changes = (("SADD s a", [b"PONG"]), ("SADD s d", None), ("SPOP s", None), ("SPOP s 9", None))
    for change, reply in changes:
        harness.run("WATCH s")
        other.run(change)
        harness.run("MULTI")
        harness.run("PING")
        assert harness.run("EXEC") == reply


def test_sscan_walks_over_a_large_set_while_it_changes(harness: Harness) -> None:
    members = _large(harness, count=300)
    seen: list[bytes] = []
    popped: set[bytes] = set()
    cursor = b"0"
    for step in range(1000):
        cursor, found = harness.run("SSCAN", "s", cursor, "COUNT", "7", "MATCH", "m*")
        seen += found
        popped.add(harness.run("SPOP s"))
        harness.run("SADD", "s", f"new{step}")
        if cursor == b"0":
            break
    assert cursor == b"0"
    assert members - popped <= set(seen)


def test_large_sets_are_combined(harness: Harness) -> None:
    harness.run("SADD", "a", *map(str, range(3000)))
    harness.run("SADD", "b", *map(str, range(1000, 5000)))
    assert set(map(int, harness.run("SINTER a b"))) == set(range(1000, 3000))
    assert set(map(int, harness.run("SUNION a b"))) == set(range(5000))
    assert set(map(int, harness.run("SDIFF a b"))) == set(range(1000))
    assert harness.run("SINTERCARD 2 a b LIMIT 5") == 5
    assert harness.run("SINTERSTORE c a b") == 2000


def test_a_difference_made_by_removal_keeps_the_encoding_of_the_copy(harness: Harness) -> None:
    """Many small sets to subtract: Redis then removes them from a copy, which is a table already."""
    harness.run("SADD", "big", *(f"m{n}" for n in range(200)))
    small = [f"s{n}" for n in range(9)]
    for n, key in enumerate(small):
        harness.run("SADD", key, *(f"m{22 * n + place}" for place in range(22)))
    assert harness.run("SDIFFSTORE", "left", "big", *small) == 2
    assert harness.run("OBJECT ENCODING left") == b"hashtable"


def test_a_count_that_no_memory_would_hold_is_refused(harness: Harness) -> None:
    harness.run("SADD s a")
    assert "out of range" in str(harness.run("SRANDMEMBER s -9223372036854775807"))


def test_limits_of_the_configuration_choose_the_encoding() -> None:
    harness = Harness(set_max_intset_entries=3, set_max_listpack_entries=4, set_max_listpack_value=3)
    for request, encoding in (
        ("SADD s 1 2 3", b"intset"),
        ("SADD s 1 2 3 4", b"listpack"),
        ("SADD s a b c d", b"listpack"),
        ("SADD s a b c d e", b"hashtable"),
        ("SADD s a a a a a", b"hashtable"),
        ("SADD s abcd", b"hashtable"),
    ):
        harness.run("DEL s")
        harness.run(request)
        assert harness.run("OBJECT ENCODING s") == encoding, request
