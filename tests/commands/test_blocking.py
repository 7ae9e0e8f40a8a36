"""Clients that wait for keys: order, time, effects, and what ends a wait."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.inprocess import Client, Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def _waiting(harness: Harness, request: str) -> Client:
    client = harness.connect()
    client.send(request)
    assert client.read_all() == []
    return client


def _only(client: Client) -> Any:
    replies = client.read_all()
    assert len(replies) == 1, replies
    return replies[0]


def test_first_come_first_served(harness: Harness) -> None:
    clients = [_waiting(harness, "BLPOP l 0") for _ in range(3)]
    harness.run("RPUSH l a b")
    assert [client.read_all() for client in clients] == [[[b"l", b"a"]], [[b"l", b"b"]], []]
    harness.run("RPUSH l c")
    assert _only(clients[2]) == [b"l", b"c"]


def test_a_wait_ends_at_its_time_and_not_before(harness: Harness) -> None:
    client = _waiting(harness, "BLPOP l 0.25")
    harness.advance(249)
    assert client.read_all() == []
    harness.advance(1)
    assert _only(client) is None
    harness.run("RPUSH l a")
    assert harness.run("LLEN l") == 1


def test_who_was_served_is_not_timed_out(harness: Harness) -> None:
    client = _waiting(harness, "BLPOP l 1")
    harness.run("RPUSH l a")
    assert _only(client) == [b"l", b"a"]
    harness.advance(5000)
    assert client.read_all() == []
    assert client.run("PING") == b"PONG"


def test_requests_sent_while_waiting_run_after_it_in_order(harness: Harness) -> None:
    client = _waiting(harness, "BLPOP l 0")
    client.send("RPUSH mine x")
    client.send("LLEN mine")
    assert harness.run("EXISTS mine") == 0
    harness.run("RPUSH l a")
    assert client.read_all() == [[b"l", b"a"], 1, 1]


def test_a_chain_of_moves_is_served_to_its_end(harness: Harness) -> None:
    first = _waiting(harness, "BLMOVE a b LEFT RIGHT 0")
    second = _waiting(harness, "BLMOVE b c LEFT RIGHT 0")
    third = _waiting(harness, "BLPOP c 0")
    harness.run("RPUSH a x")
    assert [_only(client) for client in (first, second, third)] == [b"x", b"x", [b"c", b"x"]]
    assert harness.run("DBSIZE") == 0


def test_each_client_served_is_a_command_of_its_own_to_replicas(harness: Harness) -> None:
    effects = harness.record_effects()
    for request in ("BLPOP l 0", "BLMOVE l m LEFT RIGHT 0", "BLMPOP 0 1 l RIGHT COUNT 5"):
        _waiting(harness, request)
    harness.run("RPUSH l a b c d")
    assert [b" ".join(effect) for effect in effects] == [
        b"RPUSH l a b c d",
        b"LPOP l",
        b"LMOVE l m LEFT RIGHT",
        b"RPOP l 2",
    ]


def test_serving_after_exec_is_not_part_of_the_transaction(harness: Harness) -> None:
    effects = harness.record_effects()
    client = _waiting(harness, "BZPOPMIN z 0")
    for request in ("MULTI", "ZADD z 1 a", "ZADD z 2 b", "EXEC"):
        harness.run(request)
    assert _only(client) == [b"z", b"a", b"1"]
    assert [b" ".join(effect) for effect in effects] == [
        b"MULTI",
        b"ZADD z 1 a",
        b"ZADD z 2 b",
        b"EXEC",
        b"ZPOPMIN z",
    ]


def test_what_is_gone_at_the_end_of_a_transaction_serves_nobody(harness: Harness) -> None:
    client = _waiting(harness, "BLPOP l 0")
    for request in ("MULTI", "RPUSH l a", "DEL l", "EXEC"):
        harness.run(request)
    assert client.read_all() == []
    for request in ("MULTI", "RPUSH l a", "PEXPIREAT l 1", "EXEC"):
        harness.run(request)
    assert client.read_all() == []


def test_another_type_does_not_end_a_wait(harness: Harness) -> None:
    lists = _waiting(harness, "BLPOP k 0")
    sorted_sets = _waiting(harness, "BZPOPMIN k 0")
    for request in ("SET k v", "DEL k", "SADD k m", "DEL k", "ZADD k 1 m"):
        harness.run(request)
    assert _only(sorted_sets) == [b"k", b"m", b"1"]
    assert lists.read_all() == []
    harness.run("RPUSH k a")
    assert _only(lists) == [b"k", b"a"]


def test_an_overwritten_key_does_not_end_a_wait(harness: Harness) -> None:
    client = _waiting(harness, "BZPOPMIN k 0")
    harness.run("SET k v")
    harness.run("ZADD src 1 a")
    harness.run("ZUNIONSTORE k 1 src")
    assert client.read_all() == []
    harness.run("DEL k")
    harness.run("ZADD k 2 b")
    assert _only(client) == [b"k", b"b", b"2"]


def test_client_unblock(harness: Harness) -> None:
    client = _waiting(harness, "BLMOVE a b LEFT LEFT 100")
    assert harness.run("CLIENT", "UNBLOCK", str(client.session.id)) == 1
    assert _only(client) is None
    client.send("BLPOP a 100")
    assert harness.run("CLIENT", "UNBLOCK", str(client.session.id), "ERROR") == 1
    assert str(_only(client)) == "UNBLOCKED client unblocked via CLIENT UNBLOCK"
    assert harness.run("CLIENT", "UNBLOCK", str(client.session.id)) == 0
    harness.advance(200_000)
    assert client.read_all() == []


def test_a_client_that_left_is_served_nothing(harness: Harness) -> None:
    gone = _waiting(harness, "BLPOP l 5")
    stays = _waiting(harness, "BLPOP l 0")
    gone.session.leave()
    harness.run("RPUSH l a")
    assert _only(stays) == [b"l", b"a"]
    blocking = harness.state.blocking
    assert not blocking.waiting
    assert not blocking.sessions
    harness.advance(10_000)


def test_nothing_is_left_behind_by_waits(harness: Harness) -> None:
    clients = [_waiting(harness, f"BLPOP a b c {n}") for n in (0, 1, 2)]
    blocking = harness.state.blocking
    assert len(blocking.sessions) == 3
    assert blocking.timed_count == 2
    assert len(blocking.waiting) == 3
    harness.run("RPUSH b x y")
    harness.advance(3000)
    assert [len(client.read_all()) for client in clients] == [1, 1, 1]
    assert not blocking.waiting
    assert not blocking.sessions
    assert harness.state.keyspace.observer is None, "changes cost nothing more once nobody waits"


def test_watch_sees_what_a_waiting_client_took(harness: Harness) -> None:
    harness.run("WATCH l")
    client = _waiting(harness, "BLPOP l 0")
    harness.connect().run("RPUSH l a")
    assert _only(client) == [b"l", b"a"]
    harness.run("MULTI")
    harness.run("PING")
    assert harness.run("EXEC") is None


def test_a_replica_serves_nobody(harness: Harness) -> None:
    client = _waiting(harness, "BLPOP l 0")
    harness.state.blocking.disconnect_all()
    harness.state.flush_outboxes()
    assert str(_only(client)).startswith("UNBLOCKED force unblock from blocking operation")
    assert client.closed


def test_a_failure_while_serving_concerns_only_who_is_served(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[object] = []
    monkeypatch.setattr(harness.host, "handler_failed", lambda session, error: failed.append(session))
    client = _waiting(harness, "BLPOP l 0")
    other = _waiting(harness, "BLPOP l 0")

    assert client.session.blocked is not None
    monkeypatch.setattr(client.session.blocked, "argv", [b"BLPOP", ["unhashable"], b"0"])
    assert harness.run("RPUSH l a") == 1
    assert failed == [client.session]
    assert _only(other) == [b"l", b"a"]


def test_in_another_database(harness: Harness) -> None:
    client = harness.connect()
    client.run("SELECT 1")
    client.send("BLPOP l 0")
    harness.run("RPUSH l zero")
    assert client.read_all() == []
    harness.run("MOVE l 1")
    assert _only(client) == [b"l", b"zero"]
    client.send("BLPOP l 0")
    harness.run("RPUSH l again")
    harness.run("SWAPDB 0 1")
    assert _only(client) == [b"l", b"again"]


def test_an_error_served_counts_as_one_of_its_command(harness: Harness) -> None:
    client = _waiting(harness, "BLMOVE a b LEFT LEFT 0")
    harness.run("SET b v")
    harness.run("RPUSH a x")
    assert str(_only(client)).startswith("WRONGTYPE")
    assert harness.run("LRANGE a 0 -1") == [b"x"]
    entry = harness.state.table.find([b"blmove"])
    assert entry is not None
    assert entry.failed_calls == 1


def _calls(harness: Harness, name: bytes) -> tuple[int, int, int]:
    """Calls, rejected and failed calls as INFO tells them."""
    entry = harness.state.table.entries[name]
    return entry.calls, entry.rejected_calls, entry.failed_calls


def test_a_call_counts_when_its_wait_is_over(harness: Harness) -> None:
    clients = [_waiting(harness, request) for request in ("BLPOP l 0", "BLPOP l 1", "BLPOP l 0", "BLPOP l 0")]
    assert _calls(harness, b"blpop") == (0, 0, 0)
    harness.run("RPUSH l a")
    assert _calls(harness, b"blpop") == (1, 0, 0)
    harness.advance(1000)
    assert _calls(harness, b"blpop") == (2, 0, 0)
    harness.run(f"CLIENT UNBLOCK {clients[2].session.id} ERROR")
    assert _calls(harness, b"blpop") == (3, 0, 1)
    clients[3].session.leave()
    assert _calls(harness, b"blpop") == (3, 0, 1)


def test_a_client_that_is_woken_without_memory_is_refused(harness: Harness) -> None:
    mover = _waiting(harness, "BLMOVE source destination LEFT RIGHT 0")
    popper = _waiting(harness, "BLPOP source 0")
    harness.run("MULTI")
    harness.run("RPUSH source a")
    harness.run("CONFIG SET maxmemory 1")
    harness.run("EXEC")
    assert str(_only(mover)).startswith("OOM command not allowed")
    assert _only(popper) == [b"source", b"a"]
    assert _calls(harness, b"blmove") == (0, 1, 0)
    assert harness.run("EXISTS destination") == 0
    assert mover.run("PING") == b"PONG"


def test_a_client_that_is_woken_with_the_wrong_type_elsewhere_gets_the_error(harness: Harness) -> None:
    mover = _waiting(harness, "BLMOVE source destination LEFT RIGHT 0")
    harness.run("SET destination string")
    harness.run("RPUSH source a")
    assert str(_only(mover)).startswith("WRONGTYPE")
    assert _calls(harness, b"blmove") == (1, 0, 1)
    assert harness.run("LLEN source") == 1
