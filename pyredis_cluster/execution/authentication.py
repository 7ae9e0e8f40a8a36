"""Who may run commands: the password of the default user, `requirepass`."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

DEFAULT_USER = b"default"

WRONG_PASSWORD = CommandError("WRONGPASS invalid username-password pair or user is disabled.")


class Authentication:
    """Checks of one server. A client that came while no password was needed stays authenticated for good."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        server.config.on_change("requirepass", self._password_changed)

    @property
    def needs_no_password(self) -> bool:
        """Whether the default user has no password."""
        return not self._server.config.data("requirepass")

    def begin(self, session: Session) -> None:
        """A new client, or one that said RESET: it is the default user, as far as that needs no password."""
        session.user = DEFAULT_USER
        session.is_authenticated = self.needs_no_password
        self.update(session)

    def log_in(self, session: Session, user: bytes, password: bytes) -> None:
        """Make `session` one of `user`. Raises WRONG_PASSWORD."""
        if user != DEFAULT_USER or not self._accepts(password):
            self._server.statistics.acl_denied_auth += 1
            raise WRONG_PASSWORD
        session.user = user
        session.is_authenticated = True
        self.update(session)

    def update(self, session: Session) -> None:
        """Set the session's gate bit and the limits of its parser."""
        blocked = not session.is_authenticated and not self.needs_no_password
        session.set_gate(gate.GATE_UNAUTHENTICATED, blocked)
        session.on_authentication(not blocked)

    def _accepts(self, password: bytes) -> bool:
        wanted = self._server.config.data("requirepass")
        return not wanted or hmac.compare_digest(wanted, password)

    def _password_changed(self) -> None:
        for session in self._server.sessions.values():
            self.update(session)
