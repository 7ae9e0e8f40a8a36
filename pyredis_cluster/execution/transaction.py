"""MULTI: the queue of one session, and WATCH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution.command import CommandFlag
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
        self.flags = CommandFlag(0)
        self.is_doomed = False
        session.transaction = self
        session.set_gate(GATE_MULTI, True)

    def queue(self, entry: Entry, argv: list[bytes]) -> None:
        """Keep a request for EXEC. Once doomed nothing is kept: it could never run."""
        if self.is_doomed or self._session.is_dirty_cas:
            return
        self.requests.append((entry, argv))
        self.flags |= entry.command.flags

    def has_flag(self, flag: CommandFlag) -> bool:
        """Whether a queued command has the flag."""
        return flag in self.flags

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
        due = db.expires.get(key)
        session.watched[place] = due is not None and due <= db.keyspace.now_ms
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
        """`key` changed."""
        for session in self.sessions.get((database, key), ()):
            session.is_dirty_cas = True

    def touch_database(self, db: Database, replaced_by: Database | None = None) -> None:
        """All of `db` is about to be removed, or to be exchanged with `replaced_by` (SWAPDB).

        A watched key counts as changed if it is there before or after.
        """
        for (database, key), sessions in self.sessions.items():
            if database != db.index:
                continue
            if key in db.values or (replaced_by is not None and key in replaced_by.values):
                for session in sessions:
                    session.is_dirty_cas = True

    def has_expired_key(self, session: Session) -> bool:
        """Whether a watched key has expired since it was watched."""
        keyspace = self._server.keyspace
        for (database, key), was_expired in session.watched.items():
            if was_expired:
                continue
            due = keyspace.databases[database].expires.get(key)
            if due is not None and due <= keyspace.now_ms:
                return True
        return False
