"""MONITOR: clients that are shown every request that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.redaction import redacted
from pyredis_cluster.protocol.words import quote_word

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session


class Monitors:
    """The monitoring clients of one server. While there is one, every request goes through the gate."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self.sessions: dict[Session, None] = {}

    def add(self, session: Session) -> None:
        """Show requests to `session` from now on."""
        session.is_monitor = True
        self.sessions[session] = None
        self._server.set_gate(gate.GATE_MONITOR, True)

    def remove(self, session: Session) -> None:
        """Show nothing more to `session`."""
        if not session.is_monitor:
            return
        session.is_monitor = False
        self.sessions.pop(session, None)
        if not self.sessions:
            self._server.set_gate(gate.GATE_MONITOR, False)

    def feed(self, session: Session, argv: list[bytes]) -> None:
        """Show a request of `session`, which has just run.

        The line is a status: `+seconds.microseconds [database address] "word" "word"`.
        """
        now_us = self._server.unix_ns() // 1000
        source = (
            f"unix:{self._server.config.text('unixsocket')}" if session.is_unix_socket else session.address
        )
        words = b" ".join(map(quote_word, redacted(argv)))
        line = b"+%d.%06d [%d %b] %b\r\n" % (
            now_us // 1_000_000,
            now_us % 1_000_000,
            session.call.db.index,
            source.encode(),
            words,
        )
        for monitor in list(self.sessions):
            if not monitor.is_silent:
                monitor.send_push(line)
