"""MEMORY: estimates and reports."""

import hiredis
import pytest

from tests.support.inprocess import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_usage_samples_the_elements_of_large_values(harness: Harness) -> None:
    harness.run("HSET", "h", *[word for n in range(1000) for word in (b"f%d" % n, b"v" * 100)])
    sampled = harness.run("MEMORY USAGE h")
    exact = harness.run("MEMORY USAGE h SAMPLES 0")
    assert exact > 100_000
    assert abs(sampled - exact) < exact / 10


def test_usage_of_an_expired_key_that_is_still_there(harness: Harness) -> None:
    harness.run("SET k v PX 10")
    harness.advance(20)
    assert harness.run("MEMORY USAGE k") > 0
    assert harness.run("GET k") is None
    assert harness.run("MEMORY USAGE k") is None


def test_usage_refuses_what_it_does_not_take(harness: Harness) -> None:
    for request, message in (
        ("MEMORY USAGE k SAMPLES -1", "ERR syntax error"),
        ("MEMORY USAGE k SAMPLES x", "ERR value is not an integer or out of range"),
        ("MEMORY USAGE k SAMPLES", "ERR syntax error"),
    ):
        reply = harness.run(request)
        assert isinstance(reply, hiredis.ReplyError)
        assert str(reply) == message


def test_stats_add_up(harness: Harness) -> None:
    harness.client.session.resp = 3
    harness.run("SET", "a", b"x" * 5000)
    harness.run("SELECT 2")
    harness.run("SET b 1 EX 100")
    stats = harness.run("MEMORY STATS")
    assert stats[b"keys.count"] == 2
    assert stats[b"overhead.total"] + stats[b"dataset.bytes"] == stats[b"total.allocated"]
    assert stats[b"db.0"][b"overhead.hashtable.expires"] == 0
    assert stats[b"db.2"][b"overhead.hashtable.expires"] > 0
    assert b"db.1" not in stats
    assert stats[b"peak.allocated"] >= stats[b"total.allocated"]


def test_doctor_names_what_is_unusual(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"empty or is using very little memory" in harness.run("MEMORY DOCTOR")
    harness.run("SET", "k", b"x" * 20_000_000)
    assert b"can't find any memory issue" in harness.run("MEMORY DOCTOR")
    monkeypatch.setattr(harness.host, "information", lambda: {"used_memory_rss": "90000000"})
    assert b" * High total RSS" in harness.run("MEMORY DOCTOR")
    harness.run("SET", "k", b"x" * 8_000_000)
    assert b" * Peak memory" in harness.run("MEMORY DOCTOR")


@pytest.mark.parametrize("keys", [64, 65, 128, 1000])
def test_estimate_of_all_data_looks_at_old_and_new_keys(harness: Harness, keys: int) -> None:
    before = harness.run("MEMORY STATS")
    for number in range(keys):
        harness.run("SET", b"k%d" % number, b"x" * (100 if number < keys // 2 else 1100))
    after = harness.run("MEMORY STATS")
    added = after[after.index(b"dataset.bytes") + 1] - before[before.index(b"dataset.bytes") + 1]
    assert 0.9 * 600 * keys < added < 1.1 * 620 * keys
