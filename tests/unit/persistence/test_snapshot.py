"""Snapshots: what they hold is what there was, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.snapshot import Snapshot
from tests.support.inprocess import Harness


class Lines:
    """A format that can be read."""

    def begin(self) -> bytes:
        """See `Format`."""
        return b"begin\n"

    def select(self, database: int, keys: int, expires: int) -> bytes:
        """See `Format`."""
        return b"db %d %d %d\n" % (database, keys, expires)

    def entry(self, key: bytes, value: Value, expire_ms: int | None) -> bytes:
        """See `Format`."""
        parts = sorted(value) if hasattr(value, "__iter__") else [bytes(value.data)]  # type: ignore[attr-defined]
        return b"%b=%b%b\n" % (key, b",".join(parts), b" expires" if expire_ms is not None else b"")

    def entry_pieces(self, key: bytes, value: Value, expire_ms: int | None) -> Iterator[bytes]:
        """See `Format`."""
        assert hasattr(value, "__iter__")
        yield key + b":"
        for element in value:
            yield b" " + element
        yield b"\n"

    def end(self) -> bytes:
        """See `Format`."""
        return b"end\n"


def _take(snapshot: Snapshot, pieces: int = 100) -> bytes:
    return b"".join(snapshot.next_piece(1) or b"" for _ in range(pieces))


@pytest.fixture
def harness() -> Harness:
    harness = Harness()
    for request in ("SET s 1", "SET n 5", "RPUSH l a b", "SET e x PX 100000"):
        harness.run(request)
    return harness


CONTENT = b"begin\ndb 0 4 1\ns=1\nn=5\nl=a,b\ne=x expires\nend\n"


def test_holds_all_keys(harness: Harness) -> None:
    snapshot = Snapshot(harness.state.keyspace, Lines())
    assert (snapshot.keys_total, snapshot.keys_done) == (4, 0)
    assert _take(snapshot) == CONTENT
    assert snapshot.keys_done == 4


def test_what_was_given_up_holds_nothing(harness: Harness) -> None:
    keyspace = harness.state.keyspace
    snapshot = Snapshot(keyspace, Lines())
    _take(snapshot, 3)
    snapshot.abandon()
    assert snapshot.next_piece(1) is None
    assert keyspace.on_write is None
    assert all(db.unsaved is None for db in keyspace.databases)
    assert _take(Snapshot(keyspace, Lines())) == CONTENT


def test_databases_come_one_after_the_other(harness: Harness) -> None:
    for request in ("SELECT 3", "RPUSH l x", "SET s 9"):
        harness.run(request)
    snapshot = Snapshot(harness.state.keyspace, Lines())
    head = _take(snapshot, 3)
    harness.run("RPUSH l y")
    assert head + _take(snapshot) == CONTENT[:-4] + b"db 3 2 0\ns=9\nl=x\nend\n"


@pytest.mark.parametrize(
    "request_",
    [
        "SET s 2",
        "APPEND s 2",
        "INCR n",
        "INCRBY n 3",
        "MSET s 3 n 4",
        "RPUSH l c",
        "LPUSH l c",
        "LPOP l",
        "DEL l",
        "RENAME l s",
        "MOVE l 1",
        "FLUSHALL",
        "SWAPDB 0 1",
        "PERSIST e",
        "SET new 1",
        "SETRANGE s 3 x",
        "COPY s t",
        "EXPIRE s 10",
        "GETDEL e",
        "GETEX e PERSIST",
        "LMOVE l m LEFT RIGHT",
        "SORT l ALPHA STORE s",
    ],
)
@pytest.mark.parametrize("written", range(6))
def test_holds_what_there_was(harness: Harness, request_: str, written: int) -> None:
    snapshot = Snapshot(harness.state.keyspace, Lines())
    head = _take(snapshot, written)
    harness.run(request_)
    # Changed keys come ahead of their turn.
    assert sorted((head + _take(snapshot)).split()) == sorted(CONTENT.split())
    assert harness.state.keyspace.preserve is None
