"""MULTI: the queue of one session, and WATCH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution.command import NONE
from pyredis_cluster.execution.gate import GATE_MULTI
from pyredis_cluster.execution.table import Entry

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
        session.set_gate(GATE_MULTI, True)

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
        session.set_gate(GATE_MULTI, False)
        session.server.watches.unwatch(session)


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
