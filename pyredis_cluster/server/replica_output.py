"""The connection of one replica: what is sent there are no replies.

The stream is sent from the backlog, as far as the network takes it, so a replica that is slow holds nothing
of its own but what its socket was given.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution.gate import GATE_FROZEN

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.replication.primary import Replica
    from pyredis_cluster.server.client import ClientConnection

_PIECE_BYTES: Final = 128 * 1024
"""More than a transport may hold back until the end of a round: whoever sends has to learn at once that the
connection is full."""


class ReplicaOutput:
    """Sends to one replica."""

    def __init__(
        self,
        state: ServerState,
        session: Session,
        replica: Replica,
        connection: ClientConnection,
        drained: Callable[[ReplicaOutput], None],
    ) -> None:
        """Takes the connection over. `drained` is called when more can be sent again."""
        self.session = session
        self.replica = replica
        self.connection = connection
        self._state = state
        self._drained = drained
        self._is_full = False
        self._transport: asyncio.Transport = connection.take_over(self)

    @property
    def is_ready(self) -> bool:
        """Whether the network has taken what it was given, and the server is not frozen."""
        return not self._is_full and not self._state.gate & GATE_FROZEN

    @property
    def waiting_bytes(self) -> int:
        """What the replica is yet to be handed of the stream."""
        replica = self.replica
        if not replica.needs_stream:
            return 0
        return self._state.replication.offset - replica.sent_offset

    @property
    def unsent_bytes(self) -> int:
        """The same, and what its socket has not taken."""
        return self.waiting_bytes + self._transport.get_write_buffer_size()

    def send(self, data: bytes | memoryview) -> None:
        """Send bytes, even if the connection is full."""
        self._state.statistics.net_repl_output_bytes += len(data)
        self._transport.write(data)

    def send_stream(self) -> None:
        """Send what the replica has not had of the stream, until the connection is full."""
        replica = self.replica
        backlog = self._state.replication.backlog
        assert backlog is not None, "there is a backlog while there are replicas"
        while replica.sent_offset < backlog.end_offset and self.is_ready:
            pieces = backlog.since(replica.sent_offset + 1, _PIECE_BYTES)
            assert pieces is not None, "the backlog keeps what a replica has not had"
            data = b"".join(pieces)
            replica.sent_offset += len(data)
            self.send(data)

    def paused(self) -> None:
        """See `Output`."""
        self._is_full = True

    def resumed(self) -> None:
        """See `Output`."""
        self._is_full = False
        self.go_on()

    def replied(self) -> None:
        """See `Output`: a message of a channel, say."""
        if self._state.replicas is not None and not self.session.is_closing:
            self._state.replicas.replied(self.session)

    def go_on(self) -> None:
        """Tell that more can be sent, if it can."""
        if self.is_ready:
            self._drained(self)

    def delay_small_packets(self) -> None:
        """Let the network wait for more before it sends a small packet."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    def close(self) -> None:
        """End the connection at once; the server has forgotten the replica when this returns."""
        self.session.close(after_flush=False)
        self.session.leave()
