"""Transactions: what is propagated, who is told, and what refusals do to them."""

from __future__ import annotations

import hiredis
import pytest

from pyredis_cluster.execution.gate import GATE_ASKING
from pyredis_cluster.protocol.errors import CommandError
from tests.support.inprocess import Client, Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def transact(client: Client, *requests: str) -> object:
    client.run("MULTI")
    for request in requests:
        assert client.run(request) == b"QUEUED"
    return client.run("EXEC")


def effects_of(harness: Harness, *requests: str) -> list[list[bytes]]:
    effects = harness.record_effects()
    effects.clear()
    transact(harness.client, *requests)
    return effects


def test_one_effect_is_propagated_alone(harness: Harness) -> None:
    assert effects_of(harness, "SET a 1", "GET a") == [[b"SET", b"a", b"1"]]


def test_several_effects_are_propagated_as_a_transaction(harness: Harness) -> None:
    assert effects_of(harness, "SET a 1", "GET a", "INCR a", "SELECT 2", "SET b 2") == [
        [b"MULTI"],
        [b"SET", b"a", b"1"],
        [b"INCR", b"a"],
        [b"SELECT", b"2"],
        [b"SET", b"b", b"2"],
        [b"EXEC"],
    ]


def test_reads_propagate_nothing(harness: Harness) -> None:
    assert effects_of(harness, "GET a", "PING") == []


def test_an_expired_key_found_on_the_way_is_part_of_the_transaction(harness: Harness) -> None:
    harness.run("SET old v PX 10")
    harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
    harness.advance(20)
    assert effects_of(harness, "GET old", "SET a 1") == [
        [b"MULTI"],
        [b"DEL", b"old"],
        [b"SET", b"a", b"1"],
        [b"EXEC"],
    ]


def test_effects_of_one_command_are_a_transaction_too(harness: Harness) -> None:
    harness.run("SET old v PX 10")
    harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
    harness.advance(20)
    assert harness.propagated("RENAME old new") == [b"DEL old"]
    harness.run("SET old v PX 10")
    harness.advance(20)
    assert harness.propagated("SET old 2") == [b"MULTI", b"DEL old", b"SET old 2", b"EXEC"]


def test_what_a_served_client_took_is_a_unit_of_its_own(harness: Harness) -> None:
    effects = harness.record_effects()
    for key in ("l", "m"):
        harness.connect().send("BLPOP", key, "0")
    transact(harness.client, "RPUSH l a", "RPUSH m b")
    assert effects == [
        [b"MULTI"],
        [b"RPUSH", b"l", b"a"],
        [b"RPUSH", b"m", b"b"],
        [b"EXEC"],
        [b"LPOP", b"l"],
        [b"LPOP", b"m"],
    ]


def test_blocked_clients_are_served_after_the_transaction(harness: Harness) -> None:
    waiting = harness.connect()
    waiting.send("BLPOP l 0")
    assert transact(harness.client, "RPUSH l a", "LLEN l") == [1, 1]
    assert waiting.read_all() == [[b"l", b"a"]]
    waiting.send("BLPOP l 0")
    assert transact(harness.client, "RPUSH l a", "LPOP l") == [1, b"a"]
    assert waiting.read_all() == []


def test_commands_of_a_transaction_are_counted(harness: Harness) -> None:
    calls = {name: entry.calls for name, entry in harness.state.table.entries.items()}
    transact(harness.client, "SET a x", "INCR a", "PING")
    table = harness.state.table.entries
    for name in (b"set", b"incr", b"ping", b"multi", b"exec"):
        assert table[name].calls == calls[name] + 1
    assert table[b"incr"].failed_calls == 1


class TestWatch:
    def aborted(self, harness: Harness) -> bool:
        return transact(harness.client, "PING") is None

    def test_a_key_that_expires(self, harness: Harness) -> None:
        harness.run("SET k v PX 10")
        harness.run("WATCH k")
        harness.advance(20)
        assert self.aborted(harness)

    def test_a_key_that_was_expired_already_and_is_removed(self, harness: Harness) -> None:
        harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
        harness.run("SET k v PX 10")
        harness.advance(20)
        harness.run("WATCH k")
        assert harness.connect().run("GET k") is None
        assert not self.aborted(harness)

    def test_a_key_that_was_expired_already_and_is_set_anew(self, harness: Harness) -> None:
        harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
        harness.run("SET k v PX 10")
        harness.advance(20)
        harness.run("WATCH k")
        harness.connect().run("SET k w")
        assert self.aborted(harness)

    def test_nothing_is_watched_after_exec(self, harness: Harness) -> None:
        harness.run("WATCH k")
        assert not self.aborted(harness)
        harness.connect().run("SET k v")
        assert not self.aborted(harness)
        assert not harness.state.watches.sessions

    def test_a_client_that_leaves_watches_nothing(self, harness: Harness) -> None:
        client = harness.connect()
        client.run("WATCH k")
        client.session.leave()
        assert not harness.state.watches.sessions


class TestRefusals:
    def test_a_doomed_transaction_keeps_nothing(self, harness: Harness) -> None:
        harness.run("MULTI")
        assert isinstance(harness.run("NOSUCH"), hiredis.ReplyError)
        for _ in range(10):
            harness.run("SET a 1")
        transaction = harness.client.session.transaction
        assert transaction is not None
        assert transaction.requests == []
        assert str(harness.run("EXEC")).startswith("EXECABORT Transaction discarded because of previous")
        assert harness.run("GET a") is None

    def test_exec_itself_refused(self, harness: Harness) -> None:
        harness.run("WATCH k")
        harness.run("MULTI")
        assert str(harness.run("EXEC x")) == (
            "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"
        )
        assert str(harness.run("EXEC")) == "ERR EXEC without MULTI"
        assert not harness.state.watches.sessions
        assert harness.state.statistics.errors[b"EXECABORT"] == 1

    @pytest.mark.parametrize("stopped", ["replicas", "replica", "disk"])
    def test_writes_that_are_stopped(self, harness: Harness, stopped: str) -> None:
        stops = harness.state.write_stops
        harness.run("MULTI")
        harness.run("SET a 1")
        if stopped == "replicas":
            stops.set_lacks_replicas(True)
        elif stopped == "replica":
            stops.set_read_only(True)
        else:
            stops.set_snapshot_error(CommandError("MISCONF no"))
        code = {"replicas": "NOREPLICAS", "replica": "READONLY", "disk": "MISCONF"}[stopped]
        assert str(harness.run("EXEC")).startswith(f"EXECABORT Transaction discarded because of: {code}")
        assert str(harness.run("SET a 1")).startswith(code)
        assert harness.run("GET a") is None
        assert isinstance(harness.run("PING"), hiredis.ReplyError) is (stopped == "disk")
        stops.set_snapshot_error(None)
        stops.set_read_only(False)
        stops.set_lacks_replicas(False)
        assert harness.run("SET a 1") == b"OK"
        assert harness.client.session.gate == 0


def test_a_pause_ends_before_exec_that_writes(harness: Harness) -> None:
    harness.run("MULTI")
    harness.run("SET a 1")
    other = harness.connect()
    other.run("CLIENT PAUSE 100 WRITE")
    harness.client.send("EXEC")
    harness.client.send("GET a")
    assert harness.client.read_all() == []
    assert transact(other, "GET a") == [None]
    harness.advance(100)
    assert harness.client.read_all() == [[b"OK"], b"1"]


def test_asking_lasts_until_exec(harness: Harness) -> None:
    session = harness.client.session

    def lasts_after(*requests: str) -> bool:
        session.is_asking = True
        session.set_gate(GATE_ASKING, True)
        for request in requests:
            harness.run(request)
        assert bool(session.gate & GATE_ASKING) is session.is_asking
        return session.is_asking

    assert not lasts_after("PING")
    assert not lasts_after("NOSUCH")
    assert lasts_after("MULTI")
    assert lasts_after("GET a")
    assert not lasts_after("EXEC")
