"""What a file says there is, put into databases: expiry, indexes, accesses, duplicates, notes."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.persistence.loading import KeyspaceSink, ReplicationNote
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.protocol.slots import key_slot

NOW_MS = 1_700_000_000_000
NOW_S = NOW_MS // 1000


def made_keyspace(*, slotted: bool = False, lfu: bool = False) -> Keyspace:
    keyspace = Keyspace(4, random.Random(0), slotted=slotted)
    keyspace.now_ms, keyspace.lru_clock = NOW_MS, NOW_S
    keyspace.set_frequencies(lfu)
    return keyspace


def put(sink: KeyspaceSink, key: bytes, data: bytes = b"v", expire_ms: int | None = None) -> String:
    value = String(data)
    sink.entry(key, value, expire_ms, None, None)
    return value


def test_keys_go_to_their_databases() -> None:
    keyspace = made_keyspace()
    sink = KeyspaceSink(keyspace, drops_expired=True)
    first = put(sink, b"k")
    sink.select(3)
    second = put(sink, b"k")
    assert [db.values for db in keyspace.databases] == [{b"k": first}, {}, {}, {b"k": second}]
    assert (sink.keys_loaded, sink.keys_expired) == (2, 0)


def test_database_that_is_not_there() -> None:
    sink = KeyspaceSink(made_keyspace(), drops_expired=True)
    with pytest.raises(RdbError, match="configured to handle more than 4 databases"):
        sink.select(4)


@pytest.mark.parametrize("drops", [True, False])
def test_expired_keys_are_the_primary_s_to_drop(drops: bool) -> None:
    keyspace = made_keyspace()
    dropped: list[tuple[int, bytes]] = []
    sink = KeyspaceSink(
        keyspace, drops_expired=drops, on_expired=lambda database, key: dropped.append((database, key))
    )
    sink.select(1)
    put(sink, b"old", expire_ms=NOW_MS - 1)
    put(sink, b"due", expire_ms=NOW_MS)
    db = keyspace.databases[1]
    if drops:
        assert (list(db.values), dropped) == ([b"due"], [(1, b"old")])
    else:
        assert (list(db.values), dropped) == ([b"old", b"due"], [])
    assert (sink.keys_loaded, sink.keys_expired) == ((1, 1) if drops else (2, 0))
    assert db.expires[b"due"] == NOW_MS
    assert (NOW_MS, b"due") in db.deadlines


def test_cluster_knows_the_slots_of_loaded_keys() -> None:
    keyspace = made_keyspace(slotted=True)
    sink = KeyspaceSink(keyspace, drops_expired=True)
    for key in (b"{a}1", b"{a}2", b"b"):
        put(sink, key)
    db = keyspace.databases[0]
    assert db.keys_in_slot(key_slot(b"a"), 9) == [b"{a}1", b"{a}2"]
    assert db.count_keys_in_slot(key_slot(b"b")) == 1


def test_nobody_is_told() -> None:
    keyspace = made_keyspace()
    told: list[bytes] = []
    keyspace.observer = lambda db, key, event_class, event: told.append(key)
    keyspace.propagate = lambda database, argv: told.append(argv[1])
    sink = KeyspaceSink(keyspace, drops_expired=True)
    put(sink, b"k")
    put(sink, b"old", expire_ms=1)
    assert (told, keyspace.dirty) == ([], 0)


class TestDuplicates:
    def test_are_refused(self) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        put(sink, b"k")
        with pytest.raises(RdbError, match="Duplicated key found") as raised:
            put(sink, b"k")
        assert raised.value.line == "RDB has duplicated key 'k' in DB 0"

    def test_of_what_was_there_before_are_refused_too(self) -> None:
        keyspace = made_keyspace()
        keyspace.databases[0].add(b"k", String(b"old"))
        sink = KeyspaceSink(keyspace, drops_expired=True)
        put(sink, b"other")
        with pytest.raises(RdbError):
            put(sink, b"k")
        assert set(keyspace.databases[0].values) == {b"k", b"other"}

    def test_replace_where_they_may(self) -> None:
        keyspace = made_keyspace(slotted=True)
        db = keyspace.databases[0]
        db.add(b"k", String(b"old"))
        db.set_expire(b"k", NOW_MS + 1000)
        db.scan_index()
        sink = KeyspaceSink(keyspace, drops_expired=True, replaces=True)
        value = put(sink, b"k")
        put(sink, b"new")
        assert db.values[b"k"] is value
        assert db.expires == {}
        assert sorted(db.scan_index().order) == [b"k", b"new"]
        assert db.count_keys_in_slot(key_slot(b"new")) == 1


def test_index_of_an_empty_database_does_not_go_stale() -> None:
    keyspace = made_keyspace()
    db = keyspace.databases[0]
    db.add(b"gone", String(b""))
    db.scan_index()
    db.discard(b"gone")
    put(KeyspaceSink(keyspace, drops_expired=True), b"k")
    assert db.scan_index().order == [b"k"]


class TestAccess:
    def test_is_now_unless_noted(self) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        assert put(sink, b"k").lru == NOW_S

    @pytest.mark.parametrize(("idle_s", "lru"), [(0, NOW_S), (100, NOW_S - 100), (1 << 60, 0)])
    def test_was_as_long_ago_as_noted(self, idle_s: int, lru: int) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        value = String(b"v")
        sink.entry(b"k", value, None, idle_s, None)
        assert value.lru == lru

    def test_was_as_frequent_as_noted(self) -> None:
        keyspace = made_keyspace(lfu=True)
        sink = KeyspaceSink(keyspace, drops_expired=True)
        value = String(b"v")
        sink.entry(b"k", value, None, None, 200)
        assert keyspace.frequency.count(value.lru, NOW_S) == 200
        assert keyspace.frequency.count(put(sink, b"l").lru, NOW_S) == 5

    def test_of_the_other_kind_of_policy_means_nothing(self) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        value = String(b"v")
        sink.entry(b"k", value, None, None, 200)
        assert value.lru == NOW_S


class TestNotes:
    @pytest.mark.parametrize(
        ("name", "value", "line"),
        [
            (b"redis-ver", b"7.2.4", "Loading RDB produced by version 7.2.4"),
            (b"valkey-ver", b"9.1.0", "Loading RDB produced by valkey version 9.1.0"),
            (b"ctime", b"%d" % (NOW_S - 7), "RDB age 7 seconds"),
            (b"ctime", b"%d" % (NOW_S + 7), "RDB age 0 seconds"),
            (b"used-mem", b"1572864", "RDB memory usage when created 1.50 Mb"),
            (b"%memo", b"x", "RDB '%memo': x"),
            (b"aof-base", b"1", "RDB is base AOF"),
            (b"aof-preamble", b"1", "RDB has an AOF tail"),
        ],
    )
    def test_that_are_logged(self, name: bytes, value: bytes, line: str) -> None:
        lines: list[str] = []
        KeyspaceSink(made_keyspace(), drops_expired=True, log=lines.append).aux(name, value)
        assert lines == [line]

    @pytest.mark.parametrize(
        ("name", "value"),
        [(b"aof-base", b"0"), (b"redis-bits", b"64"), (b"unknown", b"1"), (b"lua", b"return 1")],
    )
    def test_that_are_passed_over(self, name: bytes, value: bytes) -> None:
        lines: list[str] = []
        KeyspaceSink(made_keyspace(), drops_expired=True, log=lines.append).aux(name, value)
        assert lines == []

    def test_of_a_history(self) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        for name, value in ((b"repl-stream-db", b"2"), (b"repl-id", b"a" * 40), (b"repl-offset", b"123")):
            assert sink.replication_note is None
            sink.aux(name, value)
        assert sink.replication_note == ReplicationNote("a" * 40, 123, 2)

    @pytest.mark.parametrize(
        ("name", "value"), [(b"repl-id", b"short"), (b"repl-offset", b"-1"), (b"repl-stream-db", b"-1")]
    )
    def test_of_a_history_that_is_none(self, name: bytes, value: bytes) -> None:
        notes = {b"repl-stream-db": b"2", b"repl-id": b"a" * 40, b"repl-offset": b"123", name: value}
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        for each in notes.items():
            sink.aux(*each)
        assert sink.replication_note is None

    @pytest.mark.parametrize("value", [b"", b"x", b"-", b"9" * 5000, b"\xff"])
    def test_whose_numbers_are_none(self, value: bytes) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        for name in (b"ctime", b"used-mem", b"repl-offset", b"repl-stream-db", b"aof-base"):
            sink.aux(name, value)
        assert sink.used_memory_bytes >= 0

    def test_of_functions_are_kept(self) -> None:
        sink = KeyspaceSink(made_keyspace(), drops_expired=True)
        sink.function(b"#!lua name=a")
        assert sink.function_codes == [b"#!lua name=a"]
