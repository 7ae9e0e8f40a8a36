"""One server: its state wired to sockets, timers and files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.execution import gate
from pyredis_cluster.execution.server_state import ServerState
from pyredis_cluster.protocol.errors import CommandError, ProtocolError
from pyredis_cluster.server.client import ClientConnection
from pyredis_cluster.server.ports import SystemClock

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.execution.session import Session

CRON_INTERVAL_MS = 100


class LoopTimer:
    """A pending call of the event loop that does not happen while the server is frozen."""

    def __init__(
        self, server: Server, delay_ms: float, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._server = server
        self._callback = callback
        self._args = args
        self._handle = server.loop.call_later(max(delay_ms, 0) / 1000, self._fire)

    def _fire(self) -> None:
        if self._server.is_frozen:
            self._server.postpone(self._fire)
            return
        self._server.state.update_time()
        self._callback(*self._args)
        self._server.state.flush_outboxes()

    def cancel(self) -> None:
        """Never make the call."""
        self._handle.cancel()
        self._callback = _nothing


def _nothing(*args: object) -> None:
    pass


class Server:
    """A running server, and the `Host` of its state."""

    def __init__(self, config: Config, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.config = config
        self.is_frozen = False
        self._postponed: list[Callable[[], None]] = []
        self._listeners: list[asyncio.AbstractServer] = []
        self.connections: dict[ClientConnection, None] = {}
        self.stopped = asyncio.Event()
        self.state = ServerState(COMMANDS, config, self, SystemClock(), random.Random())

    async def start(self) -> None:
        """Listen on every address of `bind`. Raises OSError where one is taken."""
        self._listeners.append(
            await self.loop.create_server(
                lambda: ClientConnection(self), "127.0.0.1", self.config.integer("port"), backlog=511
            )
        )

    def call_later(self, delay_ms: float, callback: Callable[..., object], *args: Any) -> Timer:
        """See `Host`."""
        return LoopTimer(self, delay_ms, callback, args)

    def postpone(self, callback: Callable[[], None]) -> None:
        """Call back when the server is no longer frozen."""
        self._postponed.append(callback)

    def freeze(self, duration_ms: float) -> None:
        """See `Host`."""
        self.is_frozen = True
        self.state.set_gate(gate.GATE_FROZEN, True)
        for connection in self.connections:
            connection.freeze()
        self.loop.call_later(duration_ms / 1000, self._thaw)

    def _thaw(self) -> None:
        self.is_frozen = False
        self.state.set_gate(gate.GATE_FROZEN, False)
        self.state.update_time()
        postponed, self._postponed = self._postponed, []
        for callback in postponed:
            callback()
        for connection in list(self.connections):
            connection.resume()
        self.state.flush_outboxes()

    def refusal_of(self, transport: asyncio.Transport) -> CommandError | None:
        """Why a new connection is not served, or None."""
        return None

    def client_connected(
        self, connection: ClientConnection, session: Session, transport: asyncio.Transport
    ) -> None:
        """A session was opened."""
        self.connections[connection] = None

    def client_disconnected(self, connection: ClientConnection, session: Session) -> None:
        """A session has ended."""
        self.connections.pop(connection, None)

    def log_failure(self, session: Session) -> None:
        """A request made our code fail: log the traceback."""
        import traceback

        traceback.print_exc()

    def log_protocol_error(self, session: Session, error: ProtocolError) -> None:
        """A client broke the protocol."""

    def check_output_limit(self, connection: ClientConnection, session: Session) -> None:
        """Close a client whose output exceeds client-output-buffer-limit."""
