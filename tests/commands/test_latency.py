"""LATENCY: events as they are recorded, and what is made of them."""

import hiredis
import pytest

from tests.support.inprocess import START_US, Harness

START_S = START_US // 10**6


@pytest.fixture
def harness() -> Harness:
    return Harness(latency_monitor_threshold=10)


def note(harness: Harness, event: str, *latencies_ms: int) -> None:
    """One spike a second."""
    for latency_ms in latencies_ms:
        harness.state.latency.note(event.encode(), latency_ms)
        harness.advance(1000)


def test_only_spikes_are_recorded(harness: Harness) -> None:
    note(harness, "command", 9, 10, 300, 20)
    assert harness.run("LATENCY HISTORY command") == [
        [START_S + 1, 10],
        [START_S + 2, 300],
        [START_S + 3, 20],
    ]
    assert harness.run("LATENCY LATEST") == [[b"command", START_S + 3, 20, 300]]
    harness.run("CONFIG SET latency-monitor-threshold 0")
    note(harness, "command", 1000)
    assert len(harness.run("LATENCY HISTORY command")) == 3


def test_of_one_second_the_worst_counts(harness: Harness) -> None:
    for latency_ms in (20, 50, 30):
        harness.state.latency.note(b"command", latency_ms)
    assert harness.run("LATENCY HISTORY command") == [[START_S, 50]]


def test_the_last_160_are_kept(harness: Harness) -> None:
    note(harness, "command", *range(100, 300))
    history = harness.run("LATENCY HISTORY command")
    assert len(history) == 160
    assert history[0][1] == 140


def test_reset_in_any_case_of_letters(harness: Harness) -> None:
    note(harness, "command", 20)
    note(harness, "fast-command", 20)
    note(harness, "expire-cycle", 20)
    assert harness.run("LATENCY RESET COMMAND nosuch") == 1
    assert harness.run("LATENCY RESET") == 2
    assert harness.run("LATENCY LATEST") == []


def test_graph(harness: Harness) -> None:
    note(harness, "command", 10, 40, 20)
    harness.advance(60_000)
    harness.state.latency.note(b"command", 16)
    rows = harness.run("LATENCY GRAPH command").decode().split("\n")
    assert rows == [
        "command - high 40 ms, low 10 ms (all time high 40 ms)",
        "-" * 80,
        " #  ",
        " |  ",
        " |o ",
        "_||#",
        "    ",
        "1110",
        "mmms",
        "",
    ]


def test_doctor_in_words(harness: Harness) -> None:
    assert b"no latency spike was observed" in harness.run("LATENCY DOCTOR")
    note(harness, "command", 10, 30)
    note(harness, "strange", 50)
    report = harness.run("LATENCY DOCTOR").decode()
    assert (
        "1. command: 2 latency spikes (average 20ms, mean deviation 10ms, period 1.50 sec). "
        "Worst all time event 30ms.\n"
    ) in report
    assert "2. strange: 1 latency spikes" in report
    assert "SLOWLOG GET" in report
    harness.run("LATENCY RESET command")
    assert "advice" not in harness.run("LATENCY DOCTOR").decode()
    harness.run("LATENCY RESET")
    harness.run("CONFIG SET latency-monitor-threshold 0")
    assert b"Latency monitoring is disabled" in harness.run("LATENCY DOCTOR")


def test_histogram_is_cumulative_and_covers_subcommands(harness: Harness) -> None:
    entry = harness.state.table.entries[b"get"]
    session = harness.client.session
    for elapsed_ns, calls in ((3_000, 3), (40_000, 1), (5_000_000_000, 1)):
        harness.state.account(session, entry, [b"GET", b"k"], elapsed_ns, calls)
    harness.run("CONFIG GET hz")
    harness.client.session.resp = 3
    assert harness.run("LATENCY HISTOGRAM get nosuch") == {
        b"get": {b"calls": 5, b"histogram_usec": {2: 3, 66: 4, 1073741: 5}}
    }
    assert list(harness.run("LATENCY HISTOGRAM config")) == [b"config|get"]
    assert list(harness.run("LATENCY HISTOGRAM config|get config|nosuch")) == [b"config|get"]
    assert {b"get", b"config|get"} <= set(harness.run("LATENCY HISTOGRAM"))


def test_commands_are_recorded_by_their_speed_class(harness: Harness) -> None:
    state = harness.state
    for argv, elapsed_ms in (([b"GET", b"k"], 12), ([b"SORT", b"k"], 30), ([b"GET", b"k"], 9)):
        state.note_slow(harness.client.session, argv, elapsed_ms * 1_000_000)
    assert {event: series.max_ms for event, series in state.latency.events.items()} == {
        b"fast-command": 12,
        b"command": 30,
    }


def test_graph_of_what_was_not_recorded(harness: Harness) -> None:
    reply = harness.run("LATENCY GRAPH nosuch")
    assert isinstance(reply, hiredis.ReplyError)
    assert str(reply) == "ERR No samples available for event 'nosuch'"
