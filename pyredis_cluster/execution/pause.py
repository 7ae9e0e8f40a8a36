"""Requests that wait: while CLIENT PAUSE says so, and while this server hands its data over or ends.

Each purpose has a pause of its own; clients are held as the longest and widest of them says. A pause of
writes keeps the data as it is, so that replicas can reach the end of the stream.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from pyredis_cluster.execution.command import MAY_REPLICATE, WRITE
from pyredis_cluster.execution.gate import GATE_PAUSED, GATE_POSTPONED

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.execution.table import Entry


class PausePurpose(Enum):
    """What a pause is for."""

    CLIENT = auto()
    """CLIENT PAUSE."""
    SHUTDOWN = auto()
    FAILOVER = auto()


class _Pause(NamedTuple):
    until_ms: int | None
    """None: until it is ended."""
    all_commands: bool


class Pauses:
    """The pauses of one server: until when, and whether of all commands or of writes only."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._timer: Timer | None = None
        self._pauses: dict[PausePurpose, _Pause] = {}
        self._postponed: dict[Session, None] = {}
        self._all_commands = False

    @property
    def is_active(self) -> bool:
        """Whether clients are paused now."""
        return bool(self._pauses)

    def is_for(self, purpose: PausePurpose) -> bool:
        """Whether clients are paused for that."""
        return purpose in self._pauses

    def pause(
        self, duration_ms: int | None, *, all_commands: bool, purpose: PausePurpose = PausePurpose.CLIENT
    ) -> None:
        """Pause for that long (None: until `unpause`). A pause under way is only made longer or wider.

        0 ms begin no pause.
        """
        server = self._server
        until_ms = None if duration_ms is None else server.keyspace.now_ms + duration_ms
        former = self._pauses.get(purpose)
        if former is not None:
            if until_ms is not None and former.until_ms is not None:
                until_ms = max(until_ms, former.until_ms)
            else:
                until_ms = None
            all_commands = all_commands or former.all_commands
        elif duration_ms == 0:
            return
        self._pauses[purpose] = _Pause(until_ms, all_commands)
        server.keyspace.expiry_paused = True
        server.set_gate(GATE_PAUSED, True)
        self._update()

    def unpause(self, purpose: PausePurpose = PausePurpose.CLIENT) -> None:
        """End the pause for this purpose; what waited runs unless there is another."""
        if self._pauses.pop(purpose, None) is not None:
            self._update()

    def _update(self) -> None:
        """Have the timer end what ends first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pauses = self._pauses.values()
        held_all, self._all_commands = self._all_commands, any(pause.all_commands for pause in pauses)
        if not pauses:
            self._server.keyspace.expiry_paused = False
            self._server.set_gate(GATE_PAUSED, False)
            self._wake()
            return
        if held_all and not self._all_commands:
            # Who may not go on yet will wait again.
            self._wake()
        ends_ms = [pause.until_ms for pause in pauses if pause.until_ms is not None]
        if ends_ms:
            delay_ms = min(ends_ms) - self._server.keyspace.now_ms
            self._timer = self._server.host.call_later(delay_ms, self._end_due)

    def _end_due(self) -> None:
        now_ms = self._server.keyspace.now_ms
        # The timer's clock and that of the pauses are not the same: what is due first has ended by now.
        first_ms = min(pause.until_ms for pause in self._pauses.values() if pause.until_ms is not None)
        self._timer = None
        self._pauses = {
            purpose: pause
            for purpose, pause in self._pauses.items()
            if pause.until_ms is None or pause.until_ms > max(now_ms, first_ms)
        }
        self._update()

    def _wake(self) -> None:
        postponed, self._postponed = self._postponed, {}
        for session in postponed:
            session.set_gate(GATE_POSTPONED, False)
            self._server.resume_later(session)

    def postpone(self, session: Session) -> None:
        """Have `session` wait for the end of the pause; they go on in the order in which they came."""
        session.set_gate(GATE_POSTPONED, True)
        self._postponed[session] = None

    def forget(self, session: Session) -> None:
        """`session` is gone."""
        self._postponed.pop(session, None)

    def holds(self, session: Session, entry: Entry) -> bool:
        """Whether this request has to wait."""
        if not self._pauses:
            return False
        if self._all_commands:
            return True
        flags = entry.command.flags
        if entry.command.name == "exec" and session.transaction is not None:
            flags = session.transaction.flags
        return bool(flags & (WRITE | MAY_REPLICATE))
