"""The clients of one server, as connections: admission, limits, and what the log says about them."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from pyredis_cluster.execution.client_line import client_line
from pyredis_cluster.protocol.errors import CommandError, ProtocolError
from pyredis_cluster.protocol.words import quote_word
from pyredis_cluster.server.limits import Admission, OutputLimits

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.client import ClientConnection
    from pyredis_cluster.server.server import Server

_SAMPLE_BYTES = 128

# Redis's log does not name a fault as its reply does.
_PROTOCOL_FAULTS = {
    b"unbalanced quotes in request": "unbalanced quotes in inline request",
    b"invalid multibulk length": "invalid mbulk count",
    b"unauthenticated multibulk length": "unauth mbulk count",
    b"unauthenticated bulk length": "unauth bulk length",
}


class Clients:
    """All client connections of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = server.state
        self._log = server.log
        self.connections: dict[ClientConnection, None] = {}
        self.admission = Admission(server.state, server.log)
        self.output_limits = OutputLimits(server.state, server.log, describe)
        self.keepalive_s = 0
        self.query_limit_bytes = 1 << 30

    def refusal_of(self, transport: asyncio.Transport) -> CommandError | None:
        """Why a new connection is not served, or None."""
        peer = transport.get_extra_info("peername")
        is_unix = not isinstance(peer, tuple)
        return self.admission.refusal("" if is_unix else peer[0], is_unix=is_unix)

    def connected(self, connection: ClientConnection, session: Session, transport: asyncio.Transport) -> None:
        """A session was opened: fills in its addresses."""
        self.connections[connection] = None
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        sock = transport.get_extra_info("socket")
        if sock is not None:
            session.fd = sock.fileno()
        if isinstance(peer, tuple):
            session.address = format_address(peer)
            session.local_address = format_address(own)
            if self.keepalive_s and sock is not None:
                keep_alive(sock, self.keepalive_s)
            self._log_accepted(session.address)
        else:
            path = self._server.config.path("unixsocket")
            session.is_unix_socket = True
            session.address = session.local_address = f"{path}:0"
            self._log.verbose(f"Accepted connection to {path}")
        if self._server.is_frozen:
            connection.freeze()

    def _log_accepted(self, address: str) -> None:
        if self._log.is_verbose:
            self._log.verbose(f"Accepted {address}")

    def disconnected(self, connection: ClientConnection, session: Session) -> None:
        """A session has ended."""
        self.connections.pop(connection, None)
        self.output_limits.forget(connection)

    def close_all(self) -> None:
        """Send what is pending where the network takes it, and close every connection."""
        for connection in list(self.connections):
            connection.finish()

    def limits_changed(self) -> None:
        """What bounds a request has changed."""
        for connection in self.connections:
            connection.limits_changed()

    def closed_by_peer(self, session: Session, error: Exception | None) -> None:
        """A client left, in order or not."""
        if not self._log.is_verbose:
            return
        if error is None:
            self._log.verbose(f"Client closed connection {describe(session)}")
        else:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._log.verbose(f"Reading from client: {reason}")

    def failed(self, session: Session, error: BaseException) -> None:
        """A request made our code fail: the log gets the traceback; this client is closed, nobody else.

        Requests before it have run, so it still gets their replies.
        """
        self._log.failure(f"Failure while serving client {describe(session)}", error)
        session.close(after_flush=True)

    def broke_protocol(self, session: Session, error: ProtocolError, data: bytes) -> None:
        """A client broke the protocol with `data`."""
        if self._state.observer is not None:
            self._state.observer.told(f"closes the connection of {session.address}: {error.reply}")
        if self._log.is_verbose:
            reason = _PROTOCOL_FAULTS.get(error.reason) or _printable(error.reason)
            if reason.startswith("expected '$'"):
                reason = "expected $ but got something else"
            self._log.verbose(
                f"Protocol error ({reason}) from client: {describe(session)}. "
                f"Query buffer during protocol error: {sample(data)}"
            )

    def exceeds_query_limit(self, session: Session, buffered_bytes: int, data: bytes) -> bool:
        """Whether an incomplete request is longer than client-query-buffer-limit; says so in the log."""
        if buffered_bytes <= self.query_limit_bytes:
            return False
        self._state.statistics.client_query_buffer_limit_disconnections += 1
        self._log.warning(
            f"Closing client that reached max query buffer length: {describe(session)} "
            f"(qbuf initial bytes: {quote_word(data[:64]).decode('latin-1')})"
        )
        return True


def describe(session: Session) -> str:
    """A client for the log, as CLIENT LIST shows it."""
    return client_line(session).decode("utf-8", "replace")


def sample(data: bytes) -> str:
    """Begin and end of what a client sent, in one printable line."""
    half = _SAMPLE_BYTES // 2
    if len(data) < _SAMPLE_BYTES:
        return f"'{_printable(data)}'"
    more = len(data) - _SAMPLE_BYTES
    return f"'{_printable(data[:half])}' (... more {more} bytes ...) '{_printable(data[-half:])}'"


def _printable(data: bytes) -> str:
    return "".join([chr(byte) if 32 <= byte < 127 else "." for byte in data])


def format_address(address: tuple[str, int]) -> str:
    """`host:port`, an IPv6 host in brackets."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def keep_alive(sock: socket.socket, interval_s: int) -> None:
    """Probe an idle connection after that time, then three times in as long again."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    between_s = max(interval_s // 3, 1)
    for option, value in (("TCP_KEEPIDLE", interval_s), ("TCP_KEEPINTVL", between_s), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
