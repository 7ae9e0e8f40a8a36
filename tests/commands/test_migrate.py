"""MIGRATE up to what the shell is asked for, and from what it says on."""

from __future__ import annotations

from collections.abc import Callable

import hiredis
import pytest

from pyredis_cluster.execution.migration import READING_FAILED, Migration, Outcome
from tests.support.inprocess import Client, Harness

OK = b"+OK"


@pytest.fixture
def harness() -> Harness:
    made = Harness()
    made.run("MSET a 1 b 2 c 3")
    return made


def begin(
    harness: Harness, words: str, client: Client | None = None
) -> tuple[Migration, Callable[[Outcome], None]]:
    """Send a MIGRATE that has something to do."""
    (client or harness.client).send(words)
    kind, request, done = harness.host.asked.pop()
    assert kind == "migrate"
    return request, done


def answer(harness: Harness, done: Callable[[Outcome], None], outcome: Outcome) -> list[object]:
    """What the client is told once that came of it."""
    done(outcome)
    harness.state.flush_outboxes()
    return harness.client.read_all()


def test_asks_for_what_the_keys_hold(harness: Harness) -> None:
    harness.run("PEXPIRE b 5000")
    request, _ = begin(harness, "MIGRATE host 70 z 3 250 AUTH2 user word REPLACE".replace(" z ", " a "))
    assert (request.host, request.port, request.database, request.timeout_ms) == (b"host", 70, 3, 250)
    assert request.auth == (b"user", b"word")
    (restore,) = request.restores
    assert restore[:3] == [b"RESTORE", b"a", b"0"]
    assert restore[4:] == [b"REPLACE"]
    assert harness.client.read_all() == []


def test_asks_for_each_key_that_is_there(harness: Harness) -> None:
    harness.run("PEXPIRE b 5000")
    harness.client.send("MIGRATE", "h", "70", "", "0", "0", "KEYS", "a", "nope", "b")
    _, request, _ = harness.host.asked.pop()
    assert [each[:3] for each in request.restores] == [[b"RESTORE", b"a", b"0"], [b"RESTORE", b"b", b"5000"]]
    assert request.timeout_ms == 1000
    assert request.auth == ()


def test_a_cluster_node_asks_for_a_slot_that_is_imported() -> None:
    harness = Harness(cluster_enabled=True)
    harness.state.cluster = object()  # type: ignore[assignment]
    harness.run("SET a 1")
    request, _ = begin(harness, "MIGRATE h 70 a 0 100")
    assert request.restores[0][0] == b"RESTORE-ASKING"


def test_what_arrived_is_deleted_told_and_propagated_as_one_command(harness: Harness) -> None:
    effects = harness.record_effects()
    listener = harness.connect()
    listener.session.resp = 3
    harness.state.config.set_many([(b"notify-keyspace-events", b"EA")])
    harness.state.pubsub.psubscribe(listener.session, b"*")
    harness.client.send("MIGRATE", "h", "70", "", "0", "0", "KEYS", "a", "b", "c")
    _, _, done = harness.host.asked.pop()
    replies = answer(harness, done, Outcome(replies=[OK, b"-BUSYKEY there", OK]))
    assert [str(reply) for reply in replies] == ["ERR Target instance replied with error: BUSYKEY there"]
    assert effects == [[b"DEL", b"a", b"c"]]
    assert harness.run("MGET a b c") == [None, b"2", None]
    listener.read_all()
    assert [(push[2], push[3]) for push in listener.pushes] == [
        (b"__keyevent@0__:del", b"a"),
        (b"__keyevent@0__:del", b"c"),
    ]


def test_with_copy_nothing_is_deleted(harness: Harness) -> None:
    effects = harness.record_effects()
    _, done = begin(harness, "MIGRATE h 70 a 0 100 COPY")
    assert answer(harness, done, Outcome(replies=[OK])) == [b"OK"]
    assert effects == []
    assert harness.run("GET a") == b"1"


@pytest.mark.parametrize(
    ("outcome", "told", "left"),
    [
        (
            Outcome(replies=[OK], failure=READING_FAILED),
            "IOERR error or timeout reading to target instance",
            2,
        ),
        (Outcome(failure=READING_FAILED), "IOERR error or timeout reading to target instance", 3),
        (
            Outcome(refusal=b"-WRONGPASS no", replies=[OK, OK]),
            "ERR Target instance replied with error: WRONGPASS no",
            3,
        ),
        (Outcome(refusal=b"-NOPE no", failure=READING_FAILED), READING_FAILED.message.decode(), 3),
        (
            Outcome(replies=[b"-A b"], failure=READING_FAILED),
            "ERR Target instance replied with error: A b",
            3,
        ),
    ],
)
def test_only_what_is_acknowledged_is_deleted(
    harness: Harness, outcome: Outcome, told: str, left: int
) -> None:
    harness.client.send("MIGRATE", "h", "70", "", "0", "0", "KEYS", "a", "b")
    _, _, done = harness.host.asked.pop()
    (reply,) = answer(harness, done, outcome)
    assert isinstance(reply, hiredis.ReplyError)
    assert str(reply) == told
    assert harness.run("DBSIZE") == left


def test_requests_behind_it_wait_for_it(harness: Harness) -> None:
    _, done = begin(harness, "MIGRATE h 70 a 0 100")
    harness.client.send("EXISTS a")
    assert harness.client.read_all() == []
    assert answer(harness, done, Outcome(replies=[OK])) == [b"OK", 0]


def test_a_client_that_is_gone_leaves_its_keys_moved(harness: Harness) -> None:
    effects = harness.record_effects()
    other = harness.connect()
    _, done = begin(harness, "MIGRATE h 70 a 0 100", other)
    other.session.leave()
    done(Outcome(replies=[OK]))
    harness.state.flush_outboxes()
    assert effects == [[b"DEL", b"a"]]
    assert harness.run("EXISTS a") == 0


def test_it_counts_one_call_with_all_its_time(harness: Harness) -> None:
    _, done = begin(harness, "MIGRATE h 70 a 0 100")
    harness.advance(70)
    answer(harness, done, Outcome(failure=READING_FAILED))
    entry = harness.state.table.entries[b"migrate"]
    assert (entry.calls, entry.failed_calls) == (1, 1)
    assert entry.elapsed_ns >= 70_000_000


def test_inside_a_transaction_the_rest_waits_for_it(harness: Harness) -> None:
    effects = harness.record_effects()
    for words in (
        *("MULTI", "SET x 1", "MIGRATE h 70 nope 0 100", "MIGRATE h 70 a 0 100"),
        *("EXISTS a", "SET y 1", "MIGRATE h 70 b 0 100", "GET b"),
    ):
        harness.run(words)
    harness.client.send("EXEC")
    harness.client.send("PING")
    _, _, first = harness.host.asked.pop()
    assert harness.client.read_all() == []
    first(Outcome(replies=[OK]))
    harness.state.flush_outboxes()
    assert harness.client.read_all() == []
    assert harness.state.keyspace.databases[0].peek(b"y") is not None
    _, _, second = harness.host.asked.pop()
    replies, pong = answer(harness, second, Outcome(replies=[b"-BUSYKEY there"]))
    assert isinstance(replies, list)
    refusal = replies.pop(5)
    assert replies == [b"OK", b"NOKEY", b"OK", 0, b"OK", b"2"]
    assert str(refusal) == "ERR Target instance replied with error: BUSYKEY there"
    assert pong == b"PONG"
    assert [b" ".join(argv) for argv in effects] == [
        *(b"SET x 1", b"MULTI", b"DEL a", b"SET y 1", b"EXEC"),
    ]
    calls = {name: harness.state.table.entries[name].calls for name in (b"exec", b"migrate")}
    assert calls == {b"exec": 1, b"migrate": 3}


def test_a_transaction_goes_on_without_its_client(harness: Harness) -> None:
    other = harness.connect()
    for words in ("MULTI", "MIGRATE h 70 a 0 100", "MIGRATE h 70 b 0 100", "SET after 1"):
        other.run(words)
    other.send("EXEC")
    _, _, first = harness.host.asked.pop()
    other.session.leave()
    first(Outcome(replies=[OK]))
    _, _, second = harness.host.asked.pop()
    second(Outcome(replies=[OK]))
    harness.state.flush_outboxes()
    assert harness.run("EXISTS a b after") == 1


def test_after_a_transaction_blocking_is_allowed_again(harness: Harness) -> None:
    for words in ("MULTI", "MIGRATE h 70 a 0 100"):
        harness.run(words)
    harness.client.send("EXEC")
    _, _, done = harness.host.asked.pop()
    assert answer(harness, done, Outcome(replies=[OK])) == [[b"OK"]]
    harness.client.send("BLPOP l 0")
    assert harness.client.session.blocked is not None


def test_monitors_and_slow_log_do_not_show_passwords(harness: Harness) -> None:
    harness.run("CONFIG SET slowlog-log-slower-than 0")
    _, done = begin(
        harness, "MIGRATE h 70 a 0 100 COPY AUTH2 me secret AUTH secret REPLACE KEYS".replace(" KEYS", "")
    )
    answer(harness, done, Outcome(replies=[OK]))
    shown = [b" ".join(entry[3]) for entry in harness.run("SLOWLOG GET")]
    assert b"MIGRATE h 70 a 0 100 COPY AUTH2 (redacted) (redacted) AUTH (redacted) REPLACE" in shown
    assert not any(b"secret" in text for text in shown)
