"""Sessions that run what a primary or an AOF says."""

from __future__ import annotations

import pytest

from pyredis_cluster.execution.obedient import ObedientSession
from pyredis_cluster.protocol.errors import CommandError
from tests.support.inprocess import Harness


class Stream:
    """What a primary sends, and the errors that came of it."""

    def __init__(self, harness: Harness) -> None:
        self.errors: list[tuple[bytes, str]] = []
        self._session = ObedientSession(harness.state, harness.client, 99, self._failed)

    def _failed(self, argv: list[bytes], error: CommandError) -> None:
        self.errors.append((b" ".join(argv), str(error)))

    def apply(self, *requests: str) -> None:
        """Run requests, words separated by blanks."""
        self._session.apply([request.encode().split() for request in requests])
        assert not self._session.out


@pytest.fixture
def stream(harness: Harness) -> Stream:
    return Stream(harness)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_runs_what_no_client_may(harness: Harness, stream: Stream) -> None:
    harness.state.write_stops.set_read_only(True)
    stream.apply("SET a 1", "MULTI", "INCR a", "SELECT 1", "SET b 2", "EXEC", "SET c 3")
    assert harness.run("GET a") == b"2"
    harness.run("SELECT 1")
    assert [harness.run("GET b"), harness.run("GET c")] == [b"2", b"3"]
    assert stream.errors == []


def test_expired_keys_are_there_for_it_alone(harness: Harness, stream: Stream) -> None:
    harness.run("DEBUG SET-ACTIVE-EXPIRE 0")
    harness.state.keyspace.expires_on_access = False
    stream.apply("SET n 5 PX 10")
    harness.advance(20)
    assert harness.run("GET n") is None
    stream.apply("INCR n", "PERSIST n")
    assert harness.run("GET n") == b"6"


def test_times_in_the_past_delete_nothing(harness: Harness, stream: Stream) -> None:
    stream.apply("SET k v", "PEXPIREAT k 1")
    assert harness.run("DBSIZE") == 1
    assert harness.run("GET k") is None
    assert harness.run("DBSIZE") == 0


def test_errors_are_told(stream: Stream) -> None:
    stream.apply("SET s x", "INCR s", "NOSUCH 1", "GET", "LPUSH l a b", "CONFIG")
    assert [(request, error.split()[0]) for request, error in stream.errors] == [
        (b"INCR s", "ERR"),
        (b"NOSUCH 1", "ERR"),
        (b"GET", "ERR"),
        (b"CONFIG", "ERR"),
    ]


def test_long_replies_hold_nothing_up(harness: Harness, stream: Stream) -> None:
    big = "x" * 600_000
    stream.apply(*[f"SET k{index % 2} {big} GET" for index in range(8)], "SET done 1")
    assert harness.run("GET done") == b"1"
