"""The stream of a primary, applied: its commands run, its bytes counted and handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pyredis_cluster.execution.command import WRITE
from pyredis_cluster.execution.gate import GATE_MONITOR
from pyredis_cluster.execution.obedient import ObedientSession
from pyredis_cluster.protocol.command_stream import encode_requests
from pyredis_cluster.replication.handshake import NO_OFFSET
from pyredis_cluster.replication.stream import StreamParser
from pyredis_cluster.server.clients import format_address

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Request
    from pyredis_cluster.protocol.errors import CommandError
    from pyredis_cluster.replication.replica import Position
    from pyredis_cluster.server.primary_connection import PrimaryConnection
    from pyredis_cluster.server.server import Server

_STAR: Final = ord("*")
_SHOWN_BACKLOG_BYTES: Final = 256
_SHOWN_ERROR_BYTES: Final = 4096
_DISK_ERROR_LOG_INTERVAL_MS: Final = 10_000


class Owner(Protocol):
    """Who is told what comes of the stream."""

    def asked_how_far(self, offset: int) -> None:
        """The primary asks how much was applied: up to `offset` when it asked."""

    def stream_resumed(self, data: bytes) -> None:
        """`data` has waited, and can be applied now."""

    def stream_closed(self) -> None:
        """Somebody has closed the session: CLIENT KILL or the like."""


class PrimaryStream:
    """One link that is up. It is the `Connection` of the session that runs the commands.

    `position.offset` always is the end of a whole command, and of a whole transaction: what comes after it
    has not been applied, and can be asked for again.
    """

    def __init__(
        self,
        server: Server,
        connection: PrimaryConnection,
        position: Position,
        session_id: int,
        owner: Owner,
    ) -> None:
        self._server = server
        self._state = state = server.state
        self._connection = connection
        self._owner = owner
        self._parser = StreamParser()
        self._unapplied: list[bytes] = []
        """Bytes of a transaction that is not complete."""
        self._unapplied_bytes = 0
        self._waiting: list[bytes] = []
        """What came while clients are paused."""
        self._acknowledgements_due = False
        self._disk_error_logged_ms = 0
        self.position = position
        session = self.session = ObedientSession(state, self, session_id, self._failed)
        session.call.db = state.keyspace.databases[position.database]
        session.user = b"(superuser)"
        session.address = format_address(connection.address("peername"))
        session.local_address = format_address(connection.address("sockname"))
        session.fd = connection.descriptor()
        session.set_gate(GATE_MONITOR, bool(state.monitors.sessions))
        state.sessions[session_id] = session

    @property
    def held_bytes(self) -> int:
        """What has come of the stream beyond `position`."""
        return self._parser.held_bytes + self._unapplied_bytes + sum(map(len, self._waiting))

    def feed(self, data: bytes) -> None:
        """Apply what came. Raises ProtocolError, and what our own code fails with."""
        pauses = self._state.pauses
        if self._waiting or pauses.is_active:
            # Redis holds its primary as it does its clients, but goes on reading: the link must not time out.
            self._waiting.append(data)
            pauses.postpone(self.session)
            return
        requests, wire = self._parser.feed(data)
        if wire and self._apply(requests, wire):
            self._count(requests, wire)

    def _apply(self, requests: list[Request], wire: bytes) -> bool:
        """Run the requests; False where that is not possible, and the server ends."""
        state = self._state
        propagation = state.propagation
        batch = propagation.batch
        start = len(batch)
        unlike_requests = propagation.unlike_requests
        if state.write_stops.has_disk_error and not self._may_go_on(requests):
            return False
        self.session.apply(requests)
        if batch and _is_plain(wire):
            # An AOF gets it as it came.
            propagation.fold(start, unlike_requests, requests, wire)
        if state.maxmemory:
            state.eviction.evict_to_limit()
        return True

    def _may_go_on(self, requests: list[Request]) -> bool:
        """Whether commands are applied though the disk cannot be written; if not the server ends."""
        state = self._state
        entries = map(state.table.find, requests)
        if not any(entry is not None and WRITE in entry.command.flags for entry in entries):
            return True
        if not state.config.flag("replica-ignore-disk-write-errors"):
            self._server.log.warning("Replica was unable to write command to disk.")
            self._server.shutdown(save=False, now=True, force=True)
            return False
        if state.keyspace.now_ms - self._disk_error_logged_ms > _DISK_ERROR_LOG_INTERVAL_MS:
            self._disk_error_logged_ms = state.keyspace.now_ms
            self._server.log.warning(
                "Replica is applying a command even though it is unable to write to disk."
            )
        return True

    def end(self) -> None:
        """No more will come; what is not complete does not count."""
        session = self.session
        if session.transaction is not None:
            session.transaction.discard()
        self.position.database = session.call.db.index
        session.leave()

    def acknowledge_now(self) -> None:
        """A command of the stream asks how much was applied before it."""
        self._acknowledgements_due = True

    def _count(self, requests: list[Request], wire: bytes) -> None:
        """Move `position`, and hand on the bytes."""
        end_offset = self.position.offset + self._unapplied_bytes + len(wire)
        open_bytes = self._open_bytes(requests, wire) if self.session.transaction is not None else 0
        applied_bytes = len(wire) - open_bytes
        if not applied_bytes:
            self._unapplied.append(wire)
            self._unapplied_bytes += len(wire)
        else:
            applied = wire[:applied_bytes]
            if self._unapplied:
                applied = b"".join((*self._unapplied, applied))
            self._unapplied = [wire[applied_bytes:]] if open_bytes else []
            self._unapplied_bytes = open_bytes
            if self.position.offset != NO_OFFSET:
                self.position.offset += len(applied)
            if self._state.replicas is not None:
                self._state.replicas.feed(applied)
        if self._acknowledgements_due:
            self._acknowledgements_due = False
            self._acknowledge(requests, end_offset)

    def _open_bytes(self, requests: list[Request], wire: bytes) -> int:
        """How many bytes at the end of `wire` are of the transaction that is open."""
        for index in range(len(requests) - 1, -1, -1):
            if requests[index][0].lower() == b"multi":
                return len(encode_requests(requests[index:]))
        return len(wire)

    def _acknowledge(self, requests: list[Request], end_offset: int) -> None:
        """Answer each question in `requests` with what was applied before it."""
        for index, request in enumerate(requests):
            if request[0].lower() == b"replconf" and len(request) > 1 and request[1].lower() == b"getack":
                self._owner.asked_how_far(end_offset - len(encode_requests(requests[index:])))

    def _failed(self, request: Request, error: CommandError) -> None:
        """A command that the primary could run cannot be run here: the data is no longer the same."""
        state, log = self._state, self._server.log
        entry = state.table.find(request)
        name = entry.command.name if entry is not None else "<unknown>"
        text = error.message[:_SHOWN_ERROR_BYTES].decode("utf-8", "replace")
        log.warning(
            f"== CRITICAL == This replica is sending an error to its master: '-{text}' after processing the "
            f"command '{name}'"
        )
        self._show_backlog()
        state.statistics.unexpected_error_replies += 1
        behaviour = state.config.text("propagation-error-behavior")
        if behaviour.startswith("panic") and state.config.flag("replica-read-only"):
            log.warning(
                f"This replica panicked sending an error to its master after processing the command '{name}'"
            )
            self._server.shutdown(save=False, now=True, force=True)

    def _show_backlog(self) -> None:
        backlog = self._state.replication.backlog
        if backlog is None or not backlog.length:
            return
        start = max(backlog.first_offset, backlog.end_offset - _SHOWN_BACKLOG_BYTES + 1)
        latest = b"".join(backlog.since(start) or ())
        shown = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in latest)
        self._server.log.warning(f"Latest backlog is: '{shown}'")

    # The session's connection: nobody reads its replies.

    def flush(self) -> None:
        """See `Connection`."""
        self.session.out.clear()

    def resume(self) -> None:
        """See `Connection`: clients are paused no more."""
        if self._waiting and not self._state.pauses.is_active:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._owner.stream_resumed(data)

    def close(self, *, after_flush: bool) -> None:
        """See `Connection`."""
        self._owner.stream_closed()

    def output_bytes(self) -> int:
        """See `Connection`."""
        return self._connection.unsent_bytes()

    def input_bytes(self) -> int:
        """See `Connection`."""
        return self.held_bytes


def _is_plain(wire: bytes) -> bool:
    """Whether there is nothing in it but requests: no line ends between them, no empty ones."""
    return wire[0] == _STAR and b"*0" not in wire and b"\n\n" not in wire and b"\n\r\n" not in wire
