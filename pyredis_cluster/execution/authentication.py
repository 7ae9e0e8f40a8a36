"""Who may run commands: the password of the default user, `requirepass`."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.words import quote_word

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

DEFAULT_USER = b"default"
_MAY_DO_ALL = frozenset((b"on", b"sanitize-payload", b"~*", b"allkeys", b"&*", b"allchannels", b"+@all"))

WRONG_PASSWORD = CommandError("WRONGPASS invalid username-password pair or user is disabled.")


def users_unlike_ours(config: Config) -> list[tuple[bytes, ...]]:
    """The words of those `user` lines that ask for more than there is: the default user, who may do all.

    Redis writes such lines for that one too when it rewrites a file.
    """
    secret = _secret(config)
    return [
        user for user in config.users if user[0] != DEFAULT_USER or set(user[1:]) - _MAY_DO_ALL != {secret}
    ]


def user_lines(config: Config) -> list[bytes]:
    """What a rewritten configuration file says behind `user`: the default user, and whoever is ignored."""
    unlike = users_unlike_ours(config)
    others = [b" ".join(map(_word, user)) for user in unlike]
    if any(user[0] == DEFAULT_USER for user in unlike):
        return others
    secret = _secret(config)
    words = [DEFAULT_USER, b"on", secret, b"~*", b"&*", b"+@all"]
    if config.version >= (7, 2):
        words.insert(3 if secret == b"nopass" else 2, b"sanitize-payload")
    return sorted([*others, b" ".join(words)])


def _secret(config: Config) -> bytes:
    """How ACL writes `requirepass`."""
    password = config.data("requirepass")
    return b"#" + sha256(password).hexdigest().encode() if password else b"nopass"


def _word(word: bytes) -> bytes:
    quoted = quote_word(word)
    return word if quoted == b'"%b"' % word and b" " not in word else quoted


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
