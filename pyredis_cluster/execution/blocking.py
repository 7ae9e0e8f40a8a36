"""Clients that wait for keys.

A blocking handler that finds nothing calls `Call.block` and returns what that returns. When one of the keys
comes to be with a value of the kind waited for, the request is executed again, in the order in which the
clients came. There is no polling.

1. Only a key that is **made** wakes: one that is overwritten does not, whatever its new type.
2. A client is served with the value as it is when its turn comes; what was there in between
   (inside MULTI) is not seen.
3. What serving one client makes ready (BLMOVE) is served after all that was ready before.
4. Each client served is a command of its own to replicas and the AOF.
5. What may not run any more when its turn comes (memory, a read-only server) is refused then.

Source: blocked.c of Redis 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.keyspace.keyspace import UNSETTLED
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import NO_REPLY, Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.execution.table import Entry
    from pyredis_cluster.keyspace.database import Database

_Place = tuple[int, bytes]

_UNBLOCKED = CommandError("UNBLOCKED client unblocked via CLIENT UNBLOCK")
_ROLE_CHANGED = CommandError(
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
)


class Blocked:
    """One waiting client: what for, until when, and what it is told when the time is up."""

    __slots__ = ("argv", "entry", "kind", "places", "timeout_reply", "timer")

    def __init__(
        self,
        entry: Entry,
        argv: list[bytes],
        places: list[_Place],
        kind: type[Value] | None,
        timeout_reply: Reply,
    ) -> None:
        self.entry = entry
        self.argv = argv
        self.places = places
        self.kind = kind
        self.timeout_reply = timeout_reply
        self.timer: Timer | None = None


class Blocking:
    """All clients of a server that wait for keys. Costs are O(keys waited for) per client."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self.waiting: dict[_Place, dict[Session, None]] = {}
        self.sessions: dict[Session, None] = {}
        """The clients that wait, those first that came first."""
        self._ready: dict[_Place, None] = {}
        self._is_serving = False

    @property
    def timed_count(self) -> int:
        """How many of the waiting clients have a timeout. O(clients waiting)."""
        return sum(
            session.blocked is not None and session.blocked.timer is not None for session in self.sessions
        )

    def block(
        self,
        session: Session,
        db: Database,
        keys: list[bytes],
        timeout_ms: int,
        timeout_reply: Reply,
        kind: type[Value] | None = None,
    ) -> Reply:
        """See `Call.block`."""
        if session.retrying:
            return NO_REPLY
        if session.deny_blocking:
            return timeout_reply
        argv = session.running_argv
        entry = self._server.table.find(argv)
        assert entry is not None
        places = [(db.index, key) for key in dict.fromkeys(keys)]
        blocked = Blocked(entry, argv, places, kind, timeout_reply)
        for place in places:
            self.waiting.setdefault(place, {})[session] = None
        self.sessions[session] = None
        session.become_blocked(blocked)
        if timeout_ms > 0:
            blocked.timer = self._server.host.call_later(timeout_ms, self.time_out, session)
        self._server.observers_changed()
        return NO_REPLY

    def signal(self, database: int, key: bytes) -> None:
        """`key` was made: those who wait for it get another try after the running command."""
        if (database, key) in self.waiting:
            self._ready[(database, key)] = None
            self._server.keyspace.unsettled = UNSETTLED

    def signal_database(self, database: int) -> None:
        """All keys of a database are new to those who wait (SWAPDB)."""
        values = self._server.keyspace.databases[database].values
        for place in self.waiting:
            if place[0] == database and place[1] in values:
                self.signal(*place)

    def serve(self) -> None:
        """Run again the requests of those whose keys became ready, first come first served."""
        if self._is_serving:
            return
        self._is_serving = True
        try:
            while self._ready:
                ready, self._ready = self._ready, {}
                for place in ready:
                    self._serve_key(place)
        finally:
            self._is_serving = False

    def _serve_key(self, place: _Place) -> None:
        server = self._server
        database, key = place
        db = server.keyspace.databases[database]
        for session in list(self.waiting.get(place, ())):
            blocked = session.blocked
            value = db.peek(key)
            if value is None:
                return
            if blocked is None or not (blocked.kind is None or value.__class__ is blocked.kind):
                continue
            try:
                session.retry()
            except Exception as error:
                # The client that made the key ready has no part in what goes wrong here.
                server.host.handler_failed(session, error)
            server.keyspace.unsettled = server.keyspace.recording
            server.propagation.flush()
            if server.propagation.batch:
                # What was done for a client counts as its own, should it WAIT.
                server.propagation.writers[session] = None

    def release(self, session: Session) -> None:
        """`session` waits no more."""
        blocked = session.blocked
        if blocked is None:
            return
        if blocked.timer is not None:
            blocked.timer.cancel()
        for place in blocked.places:
            sessions = self.waiting.get(place)
            if sessions is not None:
                sessions.pop(session, None)
                if not sessions:
                    del self.waiting[place]
        self.sessions.pop(session, None)
        self._server.observers_changed()

    def time_out(self, session: Session) -> None:
        """The time of `session` is up: it gets its timeout reply and goes on."""
        blocked = session.blocked
        if blocked is not None:
            session.unblock(blocked.timeout_reply)
            self._server.flush_outboxes()

    def unblock(self, session: Session, *, with_error: bool) -> bool:
        """CLIENT UNBLOCK: end the wait of a client as if its time were up, or with an error; whether it
        waited.
        """
        blocked = session.blocked
        if blocked is None:
            return False
        session.unblock(_UNBLOCKED if with_error else blocked.timeout_reply)
        return True

    def disconnect_all(self) -> None:
        """This server became a replica: nobody can be served here any more."""
        for session in list(self.sessions):
            session.unblock(_ROLE_CHANGED)
            session.close(after_flush=True)
