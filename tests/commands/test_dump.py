"""What RESTORE tells replicas, and what it leaves as it was."""

from __future__ import annotations

import hiredis
import pytest

from tests.support.inprocess import START_US, Harness

START_MS = START_US // 1000


@pytest.fixture
def harness() -> Harness:
    made = Harness()
    made.run("SET source value")
    return made


def payload(harness: Harness) -> bytes:
    dumped = harness.run("DUMP source")
    assert isinstance(dumped, bytes)
    return dumped


def propagated(harness: Harness, *words: bytes) -> list[list[bytes]]:
    if not harness.state.propagation.sinks:
        harness.record_effects()
    harness.effects.clear()
    harness.run(*words)
    return list(harness.effects)


def test_a_key_without_expiry_is_propagated_as_it_came(harness: Harness) -> None:
    data = payload(harness)
    assert propagated(harness, b"restore", b"k", b"0", data) == [[b"restore", b"k", b"0", data]]
    command = [b"RESTORE", b"k", b"0", data, b"REPLACE", b"FREQ", b"1"]
    assert propagated(harness, *command) == [command]


@pytest.mark.parametrize("name", [b"RESTORE", b"restore-asking"])
def test_time_to_live_is_propagated_as_a_time(harness: Harness, name: bytes) -> None:
    data = payload(harness)
    when = b"%d" % (START_MS + 100)
    assert propagated(harness, name, b"k", b"100", data, b"REPLACE") == [
        [name, b"k", when, data, b"REPLACE", b"ABSTTL"]
    ]
    command = [name, b"k", when, data, b"REPLACE", b"ABSTTL"]
    assert propagated(harness, *command) == [command]


def test_what_is_expired_already_only_deletes(harness: Harness) -> None:
    data = payload(harness)
    past = b"%d" % (START_MS - 1)
    assert propagated(harness, b"RESTORE", b"k", past, data, b"ABSTTL") == []
    assert propagated(harness, b"RESTORE", b"source", past, data, b"ABSTTL", b"REPLACE") == [
        [b"DEL", b"source"]
    ]
    assert harness.run("DBSIZE") == 0


def test_a_replica_keeps_what_is_expired(harness: Harness) -> None:
    data = payload(harness)
    harness.state.keyspace.expires_on_access = False
    harness.run(b"RESTORE", b"k", b"%d" % (START_MS - 1), data, b"ABSTTL")
    assert b"k" in harness.state.keyspace.databases[0].values


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\0" * 19 + b"\1"])
def test_a_bad_payload_changes_nothing(harness: Harness, data: bytes) -> None:
    assert propagated(harness, b"RESTORE", b"source", b"0", data, b"REPLACE") == []
    assert isinstance(harness.run(b"RESTORE", b"source", b"0", data, b"REPLACE"), hiredis.ReplyError)
    assert harness.run("GET source") == b"value"


def test_replacing_forgets_expiry_and_wakes_watchers(harness: Harness) -> None:
    data = payload(harness)
    harness.run("SET k old PX 1000")
    watcher = harness.connect()
    watcher.run("WATCH k")
    assert harness.run(b"RESTORE", b"k", b"0", data, b"REPLACE") == b"OK"
    assert harness.run("PTTL k") == -1
    watcher.run("MULTI")
    assert watcher.run("EXEC") is None


def test_longest_time_to_live_does_not_overflow(harness: Harness) -> None:
    assert harness.run(b"RESTORE", b"k", b"9223372036854775807", payload(harness)) == b"OK"
    assert harness.run("GET k") == b"value"


def test_compression_follows_the_directive() -> None:
    sizes = []
    for compression in (True, False):
        harness = Harness(rdbcompression=compression)
        harness.run(b"SET", b"source", b"x" * 1000)
        sizes.append(len(payload(harness)))
    assert sizes[0] < 100 < 1000 < sizes[1]
