"""Who is let in, and how much a client may leave unread.

Source: acceptCommonHandler, clientAcceptHandler, checkClientOutputBufferLimits and clientsCronHandleTimeout
of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.pubsub import is_subscribed
from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.client import ClientConnection
    from pyredis_cluster.server.log import Log

TOO_MANY_CLIENTS = CommandError("ERR max number of clients reached")
TOO_MANY_CONNECTIONS = CommandError("ERR max number of clients + cluster connections reached")
PROTECTED = CommandError(
    "DENIED Redis is running in protected mode because protected mode is enabled and no password is set "
    "for the default user. In this mode connections are only accepted from the loopback interface. If "
    "you want to connect from external computers to Redis you may adopt one of the following solutions: "
    "1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback"
    " interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis"
    " is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change "
    "permanent. 2) Alternatively you can just disable the protected mode by editing the Redis "
    "configuration file, and setting the protected mode option to 'no', and then restarting the server. "
    "3) If you started the server manually just for testing, restart it with the '--protected-mode no' "
    "option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of"
    " the above things in order for the server to start accepting connections from the outside."
)


class Admission:
    """Which new connections are refused, and why."""

    def __init__(self, state: ServerState, log: Log) -> None:
        self._state = state
        self._log = log
        self.max_clients = 0
        self.cluster_connections: Callable[[], int] = _none
        """How many connections the cluster bus has; they count against maxclients."""

    def refusal(self, peer_host: str, *, is_unix: bool) -> CommandError | None:
        """Why a connection from `peer_host` is not served, or None."""
        state = self._state
        refusal = None
        if len(state.sessions) + self.cluster_connections() >= self.max_clients:
            in_cluster = state.config.flag("cluster-enabled")
            refusal = TOO_MANY_CONNECTIONS if in_cluster else TOO_MANY_CLIENTS
        elif not is_unix and not is_loopback(peer_host) and self._is_protected():
            refusal = PROTECTED
        if refusal is not None:
            state.statistics.rejected_connections += 1
        return refusal

    def _is_protected(self) -> bool:
        config = self._state.config
        return config.flag("protected-mode") and not config.text("requirepass")


def _none() -> int:
    return 0


def is_loopback(host: str) -> bool:
    """Whether a peer's address is this machine's own, as Redis decides it."""
    return host.startswith("127.") or host == "::1"


class OutputLimits:
    """client-output-buffer-limit of one server: watches clients that leave much unread, closes them."""

    def __init__(self, state: ServerState, log: Log, describe: Callable[[Session], str]) -> None:
        """`describe` gives a client as CLIENT LIST shows it, for the log."""
        self._state = state
        self._log = log
        self._describe = describe
        self._limits = state.config.output_limits
        # Clients above their soft limit, and since when.
        self._over: dict[ClientConnection, int] = {}

    def reload(self) -> None:
        """The configuration was changed."""
        self._limits = self._state.config.output_limits

    def check(self, connection: ClientConnection, session: Session, pending_bytes: int) -> bool:
        """`pending_bytes` wait to be sent to a client: close it if that is too much, and tell so."""
        kind = client_class(session)
        limit = self._limits[kind]
        hard_bytes = limit.hard_bytes
        if hard_bytes and kind == "slave":
            # What the backlog holds a replica may always be sent: it could ask for it again at once.
            hard_bytes = max(hard_bytes, self._state.config.integer("repl-backlog-size"))
        if hard_bytes and pending_bytes >= hard_bytes:
            self._close(connection, session)
            return True
        if limit.soft_bytes and pending_bytes >= limit.soft_bytes:
            since_ms = self._over.setdefault(connection, self._state.keyspace.now_ms)
            if self._state.keyspace.now_ms // 1000 - since_ms // 1000 > limit.soft_seconds:
                self._close(connection, session)
                return True
        else:
            self._over.pop(connection, None)
        return False

    def check_all(self, now_ms: int) -> None:
        """Look again at clients that were above their soft limit."""
        for connection in list(self._over):
            if connection.session is None:
                del self._over[connection]
            else:
                self.check(connection, connection.session, connection.output_bytes())

    def forget(self, connection: ClientConnection) -> None:
        """A client is gone."""
        self._over.pop(connection, None)

    def _close(self, connection: ClientConnection, session: Session) -> None:
        self._over.pop(connection, None)
        self._state.statistics.client_output_buffer_limit_disconnections += 1
        self._log.warning(
            f"Client {self._describe(session)} scheduled to be closed ASAP for overcoming of output buffer "
            "limits."
        )
        if self._state.observer is not None:
            self._state.observer.told(f"closes the connection of {session.address}: output limit")
        session.out.clear()
        session.close(after_flush=False)


def client_class(session: Session) -> str:
    """The class of clients whose output limit counts: a monitor is a normal client."""
    if session.gate & gate.GATE_REPLICA:
        return "slave"
    return "pubsub" if is_subscribed(session) else "normal"


class IdleTimeout:
    """`timeout`: closes clients that have not sent anything for so many seconds."""

    def __init__(self, state: ServerState, log: Log) -> None:
        self._state = state
        self._log = log

    def check_all(self, now_ms: int) -> None:
        """Close those that are idle. O(clients), when there is a timeout."""
        timeout_s = self._state.config.integer("timeout")
        if not timeout_s:
            return
        now_s = now_ms // 1000
        for session in list(self._state.sessions.values()):
            is_exempt = (
                session.is_monitor
                or session.obeys
                or session.gate & (gate.GATE_BLOCKED | gate.GATE_REPLICA)
                or is_subscribed(session)
            )
            if not is_exempt and now_s - session.last_interaction_ms // 1000 > timeout_s:
                self._log.verbose("Closing idle client")
                session.close(after_flush=False)
