"""Clients that wait for keys.

A blocking handler that finds nothing calls `Call.block` and returns what that returns. When one of the keys
changes, the request is executed again, in the order in which the clients came; if it still finds nothing, it keeps
its place. There is no polling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.protocol.reply import NO_REPLY, Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.keyspace.database import Database

_Place = tuple[int, bytes]


class Blocked:
    """One waiting client: what for, until when, and what it is told when the time is up."""

    __slots__ = ("argv", "places", "timeout_reply", "timer")

    def __init__(self, argv: list[bytes], places: list[_Place], timeout_reply: Reply) -> None:
        self.argv = argv
        self.places = places
        self.timeout_reply = timeout_reply
        self.timer: Timer | None = None


class Blocking:
    """All clients of a server that wait for keys."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self.waiting: dict[_Place, dict[Session, None]] = {}
        self._ready: dict[_Place, None] = {}

    def block(
        self, session: Session, db: Database, keys: list[bytes], timeout_ms: int, timeout_reply: Reply
    ) -> Reply:
        """See `Call.block`."""
        if session.retrying:
            return NO_REPLY
        if session.deny_blocking:
            return timeout_reply
        places = [(db.index, key) for key in dict.fromkeys(keys)]
        blocked = Blocked(session.running_argv, places, timeout_reply)
        for place in places:
            self.waiting.setdefault(place, {})[session] = None
        session.become_blocked(blocked)
        if timeout_ms > 0:
            blocked.timer = self._server.host.call_later(timeout_ms, self.time_out, session)
        self._server.observers_changed()
        return NO_REPLY

    def signal(self, database: int, key: bytes) -> None:
        """`key` changed: those who wait for it get another try after the running command."""
        if (database, key) in self.waiting:
            self._ready[(database, key)] = None
            self._server.keyspace.unsettled = True

    def signal_database(self, database: int) -> None:
        """All keys of a database may have changed (SWAPDB, RESTORE of everything)."""
        for place in self.waiting:
            if place[0] == database:
                self.signal(*place)

    def serve(self) -> None:
        """Run again the requests of those whose keys became ready, first come first served."""
        while self._ready:
            ready, self._ready = self._ready, {}
            for place in ready:
                for session in list(self.waiting.get(place, ())):
                    if session.blocked is not None:
                        session.retry()

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
        self._server.observers_changed()

    def time_out(self, session: Session) -> None:
        """The time of `session` is up: it gets its timeout reply and goes on."""
        blocked = session.blocked
        if blocked is not None:
            session.unblock(blocked.timeout_reply)
            self._server.flush_outboxes()
