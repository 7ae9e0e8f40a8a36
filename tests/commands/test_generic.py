"""Keys of any type: effects, containers, walks over the keys."""

import pytest

from tests.support.inprocess import START_US, Harness

NOW_MS = START_US // 1000

CONTAINERS = {
    "list": "RPUSH k a b c",
    "set": "SADD k a b c",
    "intset": "SADD k 1 2 3",
    "hash": "HSET k a 1 b 2",
    "zset": "ZADD k 1 a 2 b",
    "string": "APPEND k abc",
}


@pytest.fixture
def harness() -> Harness:
    return Harness()


@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_every_type_is_renamed_moved_and_copied_whole(harness: Harness, make: str) -> None:
    harness.run(make)
    harness.run("EXPIRE k 100")
    assert harness.run("COPY k copy") == 1
    assert harness.run("RENAME k new") == b"OK"
    assert harness.run("MOVE new 1") == 1
    kept = harness.state.keyspace.databases[0].values[b"copy"]
    moved = harness.state.keyspace.databases[1].values[b"new"]
    assert type(kept) is type(moved)
    assert kept.encoding() == moved.encoding()
    assert len(kept) == len(moved)
    assert harness.run("TTL copy") == 100
    harness.run("SELECT 1")
    assert harness.run("TTL new") == 100


@pytest.mark.parametrize(
    ("request_", "effects"),
    [
        ("DEL a missing", [b"DEL a missing"]),
        ("DEL missing", []),
        ("UNLINK a", [b"UNLINK a"]),
        ("RENAME a b", [b"RENAME a b"]),
        ("RENAME a a", []),
        ("RENAMENX a b", []),
        ("COPY a b", []),
        ("COPY a b REPLACE", [b"COPY a b REPLACE"]),
        ("MOVE a 1", [b"MOVE a 1"]),
        ("EXPIRE a 100", [b"PEXPIREAT a %d" % (NOW_MS + 100_000)]),
        ("PEXPIRE a 100000 NX", [b"PEXPIREAT a %d NX" % (NOW_MS + 100_000)]),
        ("EXPIREAT a 9999999999", [b"PEXPIREAT a 9999999999000"]),
        ("EXPIRE a 0", [b"DEL a"]),
        ("PEXPIREAT a 1", [b"DEL a"]),
        ("EXPIRE a 100 XX", []),
        ("PERSIST a", []),
        ("TOUCH a", []),
    ],
)
def test_effects(harness: Harness, request_: str, effects: list[bytes]) -> None:
    harness.run("MSET a 1 b 2")
    assert harness.propagated(request_) == effects


def test_effects_of_a_walk_over_expired_keys_are_each_by_itself(harness: Harness) -> None:
    harness.run("MSET a 1 b 2 c 3")
    harness.record_effects()
    for key in "abc":
        harness.run(f"PEXPIRE {key} 10")
    harness.advance(10)
    assert sorted(harness.propagated("SCAN 0 COUNT 100")) == [b"DEL a", b"DEL b", b"DEL c"]


def test_rename_touches_both_watched_keys(harness: Harness) -> None:
    other = harness.connect()
    for watched in ("a", "b"):
        harness.run("SET a 1")
        harness.run("WATCH", watched)
        other.run("RENAME a b")
        harness.run("MULTI")
        assert harness.run("EXEC") is None, watched


def test_rename_wakes_those_who_wait_for_the_new_name(harness: Harness) -> None:
    waiting = harness.connect()
    waiting.send("BLPOP new 0")
    assert waiting.read_all() == []
    harness.run("RPUSH old x")
    harness.run("RENAME old new")
    assert waiting.read_all() == [[b"new", b"x"]]


def test_scan_returns_what_stays_all_the_time(harness: Harness) -> None:
    stable = {b"stable:%d" % number for number in range(200)}
    for key in stable:
        harness.run("SET", key, b"v")
    found: set[bytes] = set()
    cursor = b"0"
    for step in range(1000):
        cursor, keys = harness.run("SCAN", cursor, "COUNT", "7")
        found.update(keys)
        harness.run("SET", f"passing:{step}", "v")
        if step % 2:
            harness.run("DEL", f"passing:{step - 1}")
        if cursor == b"0":
            break
    assert cursor == b"0"
    assert stable <= found


def test_scan_leaves_out_and_removes_expired_keys(harness: Harness) -> None:
    harness.run("SET gone v PX 10")
    harness.run("SET stays v")
    harness.advance(10)
    assert harness.run("KEYS *") == [b"stays"]
    assert harness.run("DBSIZE") == 2
    assert harness.run("SCAN 0 TYPE string") == [b"0", [b"stays"]]
    assert harness.run("DBSIZE") == 1


def test_randomkey_finds_every_key_and_no_expired_one(harness: Harness) -> None:
    for key in "abc":
        harness.run("SET", key, "v")
    harness.run("SET gone v PX 10")
    harness.advance(10)
    assert {harness.run("RANDOMKEY") for _ in range(100)} == {b"a", b"b", b"c"}
    assert harness.run("FLUSHALL") == b"OK"
    harness.run("SET gone v PX 10")
    harness.advance(10)
    assert harness.run("RANDOMKEY") is None


def test_randomkey_of_a_replica_ends_where_all_are_expired(harness: Harness) -> None:
    harness.run("SET gone v PX 10")
    harness.advance(10)
    harness.state.keyspace.expires_on_access = False
    assert harness.run("RANDOMKEY") == b"gone"


def test_idle_time(harness: Harness) -> None:
    harness.run("SET k v")
    harness.advance(30_000)
    assert harness.run("OBJECT IDLETIME k") == 30
    harness.run("TOUCH k")
    assert harness.run("OBJECT IDLETIME k") == 0


def test_a_client_that_does_not_touch(harness: Harness) -> None:
    harness.run("SET k v")
    harness.advance(30_000)
    assert harness.run("CLIENT NO-TOUCH on") == b"OK"
    for request in ("GET k", "STRLEN k", "MGET k", "APPEND k x"):
        harness.run(request)
    assert harness.run("OBJECT IDLETIME k") == 30
    harness.run("TOUCH k")
    assert harness.run("OBJECT IDLETIME k") == 0


def test_small_integers_are_shared_unless_each_has_its_access_time() -> None:
    harness = Harness()
    harness.run("SET k 9999")
    harness.run("SET large 10000")
    assert harness.run("OBJECT REFCOUNT k") == 2**31 - 1
    assert harness.run("OBJECT REFCOUNT large") == 1
    harness.state.config.set_many([(b"maxmemory", b"1gb"), (b"maxmemory-policy", b"allkeys-lru")])
    assert harness.run("OBJECT REFCOUNT k") == 1


def test_encodings_follow_the_directives(harness: Harness) -> None:
    harness.run("HSET small a 1 b 2")
    harness.state.config.set_many([(b"hash-max-listpack-entries", b"1"), (b"set-max-intset-entries", b"1")])
    assert harness.state.keyspace.limits.set_max_intset_entries == 1
    harness.run("HSET large a 1 b 2")
    assert harness.run("OBJECT ENCODING small") == b"listpack"
    assert harness.run("OBJECT ENCODING large") == b"hashtable"
