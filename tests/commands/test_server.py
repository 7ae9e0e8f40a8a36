"""Databases as a whole, shutdown, role and time: what is propagated, told and asked of the host."""

import hiredis
import pytest

from tests.support.inprocess import START_US, Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def error_of(reply: object) -> str:
    assert isinstance(reply, hiredis.ReplyError)
    return str(reply)


@pytest.mark.parametrize("request_", ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB SYNC"])
def test_flushing_is_propagated_even_where_there_is_nothing(harness: Harness, request_: str) -> None:
    assert harness.propagated(request_) == [request_.encode()]
    harness.run("SET k v")
    assert harness.propagated(request_) == [request_.encode()]
    assert harness.run("DBSIZE") == 0


def test_flushing_counts_every_key_as_a_change(harness: Harness) -> None:
    harness.run("MSET a 1 b 2 c 3")
    before = harness.state.keyspace.dirty
    harness.run("FLUSHALL")
    assert harness.state.keyspace.dirty == before + 3


def test_flushdb_leaves_the_other_databases(harness: Harness) -> None:
    harness.run("SET k 0")
    harness.run("SELECT 1")
    harness.run("SET k 1")
    harness.run("FLUSHDB")
    harness.run("SELECT 0")
    assert harness.run("GET k") == b"0"


def test_flushing_tells_no_keyspace_event(harness: Harness) -> None:
    harness.run("SET k v")
    assert harness.events("FLUSHALL") == []


def test_flushed_keys_never_expire_later(harness: Harness) -> None:
    harness.run("SET k v PX 10")
    harness.run("FLUSHALL")
    harness.record_effects().clear()
    harness.advance(100)
    harness.state.run_expiry_cycle(harness.state.keyspace.now_ms)
    assert harness.effects == []
    assert harness.state.keyspace.expired_keys == 0


def test_flush_fails_exec_only_where_a_watched_key_was_there(harness: Harness) -> None:
    other = harness.connect()
    for key, expected in (("there", None), ("missing", [b"PONG"])):
        harness.run("SET there 1")
        harness.run("WATCH", key)
        other.run("FLUSHALL")
        harness.run("MULTI")
        harness.run("PING")
        assert harness.run("EXEC") == expected


def test_asynchronous_flush_counts_freed_objects(harness: Harness) -> None:
    harness.run("MSET a 1 b 2")
    harness.run("FLUSHALL SYNC")
    assert harness.state.statistics.lazyfreed_objects == 0
    harness.run("MSET a 1 b 2")
    harness.run("FLUSHALL ASYNC")
    assert harness.state.statistics.lazyfreed_objects == 2


def test_swapdb_is_propagated_and_serves_who_waits(harness: Harness) -> None:
    waiting = harness.connect()
    waiting.send("BLPOP list 0")
    harness.run("SELECT 1")
    harness.run("RPUSH list x")
    assert harness.propagated("SWAPDB 0 1") == [b"SWAPDB 0 1", b"SELECT 0", b"LPOP list"]
    assert waiting.read_all() == [[b"list", b"x"]]


def test_swapdb_exchanges_expiry_times_too(harness: Harness) -> None:
    harness.run("SET k v PX 50")
    harness.run("SWAPDB 0 3")
    harness.advance(60)
    harness.run("SELECT 3")
    assert harness.run("GET k") is None


def test_time_is_that_of_the_clock(harness: Harness) -> None:
    harness.advance(1.5)
    now_us = START_US + 1500
    assert harness.run("TIME") == [b"%d" % (now_us // 10**6), b"%d" % (now_us % 10**6)]


def test_role_of_a_primary_without_replicas(harness: Harness) -> None:
    assert harness.run("ROLE") == [b"master", 0, []]


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        ("SHUTDOWN", ("shutdown", None, False, False)),
        ("SHUTDOWN NOSAVE", ("shutdown", False, False, False)),
        ("shutdown nosave now force", ("shutdown", False, True, True)),
        ("SHUTDOWN SAVE FORCE", ("shutdown", True, False, True)),
    ],
)
def test_shutdown_asks_the_host_and_answers_nothing(
    harness: Harness, request_: str, asked: tuple[object, ...]
) -> None:
    harness.client.send(request_)
    assert harness.client.read_all() == []
    assert harness.host.asked == [asked]


def test_shutdown_that_would_lose_data_is_refused(harness: Harness) -> None:
    harness.host.can_end = False
    assert error_of(harness.run("SHUTDOWN SAVE")) == "ERR Errors trying to SHUTDOWN. Check logs."
    assert error_of(harness.run("SHUTDOWN ABORT")) == "ERR No shutdown in progress."
    assert harness.host.asked == [("shutdown", True, False, False)]


@pytest.mark.parametrize("version", ["5", "6"])
def test_lolwut_draws_as_many_columns_and_rows_as_asked(harness: Harness, version: str) -> None:
    text = harness.run("LOLWUT", "VERSION", version, "7", "3").decode()
    *picture, empty, last, end = text.split("\n")
    assert [len(line) for line in picture] == [7, 7, 7]
    assert (empty, last, end) == ("", "Redis ver. 7.2.5", "")


def test_lolwut_bounds_its_picture(harness: Harness) -> None:
    text = harness.run("LOLWUT VERSION 5 1000000000 -1").decode()
    assert len(text.split("\n")[0]) == 1000
