"""CLIENT PAUSE: requests that wait until it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution.command import MAY_REPLICATE, WRITE
from pyredis_cluster.execution.gate import GATE_PAUSED, GATE_POSTPONED

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.execution.table import Entry


class Pauses:
    """The pause of one server, if any: until when, and whether of all commands or of writes only."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._timer: Timer | None = None
        self._postponed: dict[Session, None] = {}
        self.until_ms = 0
        self.all_commands = False

    @property
    def is_active(self) -> bool:
        """Whether clients are paused now."""
        return self._timer is not None

    def pause(self, duration_ms: int, *, all_commands: bool) -> None:
        """Pause for that long; 0 ms change nothing. A pause under way is only ever made longer or wider."""
        server = self._server
        until_ms = server.keyspace.now_ms + duration_ms
        if self._timer is not None:
            self._timer.cancel()
            until_ms = max(until_ms, self.until_ms)
            all_commands = all_commands or self.all_commands
        elif duration_ms == 0:
            return
        self.until_ms = until_ms
        self.all_commands = all_commands
        self._timer = server.host.call_later(until_ms - server.keyspace.now_ms, self.unpause)
        server.keyspace.expiry_paused = True
        server.set_gate(GATE_PAUSED, True)

    def unpause(self) -> None:
        """End the pause and run what waited."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        server = self._server
        server.keyspace.expiry_paused = False
        server.set_gate(GATE_PAUSED, False)
        postponed, self._postponed = self._postponed, {}
        for session in postponed:
            session.set_gate(GATE_POSTPONED, False)
            server.resume_later(session)

    def postpone(self, session: Session) -> None:
        """Have `session` wait for the end of the pause; they go on in the order in which they came."""
        session.set_gate(GATE_POSTPONED, True)
        self._postponed[session] = None

    def forget(self, session: Session) -> None:
        """`session` is gone."""
        self._postponed.pop(session, None)

    def holds(self, session: Session, entry: Entry) -> bool:
        """Whether this request has to wait."""
        if self._timer is None:
            return False
        if self.all_commands:
            return True
        flags = entry.command.flags
        if entry.command.name == "exec" and session.transaction is not None:
            flags = session.transaction.flags
        return bool(flags & (WRITE | MAY_REPLICATE))
