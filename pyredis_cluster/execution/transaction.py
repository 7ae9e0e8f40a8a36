"""MULTI: the queue of one session, its run, and WATCH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.command import NONE
from pyredis_cluster.execution.table import Entry
from pyredis_cluster.protocol.reply import NO_REPLY, Raw, Replies, Reply, encode_into

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.keyspace.database import Database


class Transaction:
    """Requests queued since MULTI. `is_doomed` after one of them was refused: EXEC will abort."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.requests: list[tuple[Entry, list[bytes]]] = []
        self.flags = NONE
        """Flags that any of them has."""
        self.common_flags = ~NONE
        """Flags that all of them have."""
        self.is_doomed = False
        self.execution: Execution | None = None
        """Its run, once EXEC has come."""
        session.set_gate(gate.GATE_MULTI, True)

    def queue(self, entry: Entry, argv: list[bytes]) -> None:
        """Keep a request for EXEC. Once doomed nothing is kept: it could never run."""
        if self.is_doomed or self._session.is_dirty_cas:
            return
        self.requests.append((entry, argv))
        self.flags |= entry.command.flags
        self.common_flags &= entry.command.flags

    @property
    def queued_bytes(self) -> int:
        """Size of the queued arguments, with what Redis spends on referring to them."""
        return sum(8 * len(argv) + sum(map(len, argv)) for _, argv in self.requests)

    def discard(self) -> None:
        """End the transaction without running it; watched keys are let go."""
        session = self._session
        session.transaction = None
        session.set_gate(gate.GATE_MULTI, False)
        session.server.watches.unwatch(session)


class Execution:
    """The run of a transaction, which ends it: as a whole, or up to a request that waits for another server
    (MIGRATE), and on from there.

    Nothing else of this server runs while that one waits. Replies are encoded at once: one may be a live
    container that the next request changes.
    """

    __slots__ = ("_is_waiting", "_parts", "_rest", "_session", "_transaction")

    def __init__(self, session: Session, transaction: Transaction) -> None:
        self._session = session
        self._transaction = transaction
        requests = transaction.requests
        self._rest = iter(requests)
        # Under CLIENT REPLY OFF only what SUBSCRIBE tells is sent, and so without a header.
        self._parts: list[bytes] = [] if session.is_silent else [b"*%d\r\n" % len(requests)]
        self._is_waiting = False

    def run(self) -> Reply:
        """Run what is left; the array of all replies in wire format, or NO_REPLY where one waits."""
        session = self._session
        denied_before = session.deny_blocking
        session.deny_blocking = True
        try:
            for entry, queued in self._rest:
                reply = gate.call(session, entry, queued)
                if self._is_waiting:
                    return NO_REPLY
                self._take(reply)
        finally:
            session.deny_blocking = denied_before
            if not self._is_waiting:
                self._transaction.discard()
        return Replies([Raw(b"".join(self._parts))])

    def _take(self, reply: Reply) -> None:
        session = self._session
        if not session.is_silent or type(reply) is Replies:
            encode_into(self._parts.append, reply, session.resp)

    def wait(self) -> None:
        """The running request has its reply later, by `go_on`."""
        self._is_waiting = True

    def go_on(self, reply: Reply) -> Reply:
        """The request that waited has that reply; run on, see `run`."""
        self._is_waiting = False
        self._take(reply)
        return self.run()


class Watches:
    """Who watches which key."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self.sessions: dict[tuple[int, bytes], dict[Session, None]] = {}

    def watch(self, session: Session, db: Database, key: bytes) -> None:
        """Have EXEC of `session` fail if `key` changes from now on."""
        place = (db.index, key)
        if place in session.watched:
            return
        session.watched[place] = _is_expired(db, key)
        self.sessions.setdefault(place, {})[session] = None
        self._server.observers_changed()

    def unwatch(self, session: Session) -> None:
        """Forget all watched keys of `session`, and that one changed."""
        session.is_dirty_cas = False
        if not session.watched:
            return
        for place in session.watched:
            sessions = self.sessions[place]
            del sessions[session]
            if not sessions:
                del self.sessions[place]
        session.watched.clear()
        self._server.observers_changed()

    def touch(self, database: int, key: bytes) -> None:
        """`key` changed.

        Where it was expired already at WATCH, its removal is no change; what is put in its place is one.
        """
        place = (database, key)
        sessions = self.sessions.get(place)
        if not sessions:
            return
        is_there = key in self._server.keyspace.databases[database].values
        for session in sessions:
            if session.watched[place]:
                if is_there:
                    continue
                session.watched[place] = False
            else:
                session.is_dirty_cas = True

    def touch_database(self, db: Database, replaced_by: Database | None = None) -> None:
        """All of `db` is about to be removed, or to be exchanged with `replaced_by` (SWAPDB).

        A watched key counts as changed if it is there before or after, but for one that is expired.
        """
        for place, sessions in self.sessions.items():
            database, key = place
            if database != db.index:
                continue
            is_there = key in db.values
            comes = replaced_by is not None and key in replaced_by.values
            if not is_there and not comes:
                continue
            comes_expired = comes and replaced_by is not None and _is_expired(replaced_by, key)
            for session in sessions:
                if session.watched[place]:
                    if not comes:
                        session.watched[place] = False
                        continue
                    if comes_expired:
                        continue
                elif not is_there and comes_expired:
                    session.watched[place] = True
                    continue
                session.is_dirty_cas = True

    def has_expired_key(self, session: Session) -> bool:
        """Whether a watched key has expired since it was watched."""
        databases = self._server.keyspace.databases
        return any(
            not was_expired and _is_expired(databases[database], key)
            for (database, key), was_expired in session.watched.items()
        )


def _is_expired(db: Database, key: bytes) -> bool:
    due_ms = db.expires.get(key)
    return due_ms is not None and due_ms <= db.keyspace.now_ms
