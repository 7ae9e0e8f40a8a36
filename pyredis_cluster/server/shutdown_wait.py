"""Before a server ends, its replicas may get what they have not had: for `shutdown-timeout` it only waits.

Writes wait too meanwhile, so that replicas can reach the end of the stream.

Source: prepareForShutdown, isReadyToShutdown and cancelShutdown of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution.pause import PausePurpose
from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server

_FAILED = CommandError("ERR Errors trying to SHUTDOWN. Check logs.")


class ShutdownWait:
    """The wait of one server, if it is about to end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._finish: Callable[[], object] | None = None
        self.until_ms = 0
        server.cron.every(0, self._check)

    @property
    def is_active(self) -> bool:
        """Whether the server waits."""
        return self._finish is not None

    def begin(self, finish: Callable[[], object]) -> bool:
        """Begin to wait, and call `finish` later; False where there is nobody to wait for."""
        server = self._server
        timeout_s = server.config.integer("shutdown-timeout")
        server.state.deliver_effects()
        if not timeout_s or self._all_have_everything():
            return False
        self.until_ms = server.state.keyspace.now_ms + timeout_s * 1000
        self._finish = finish
        if not server.state.pauses.is_active:
            server.replicas.send_request_for_acknowledgements()
        server.state.pauses.pause(None, all_commands=False, purpose=PausePurpose.SHUTDOWN)
        server.log.notice("Waiting for replicas before shutting down.")
        return True

    def _all_have_everything(self) -> bool:
        offset = self._server.state.replication.offset
        return all(replica.ack_offset == offset for replica in self._server.replicas)

    def _check(self, now_ms: int) -> None:
        if self._finish is not None and (now_ms >= self.until_ms or self._all_have_everything()):
            self._finish()

    def cancel(self) -> bool:
        """Go on serving: whoever asked for the end is told so. Whether the server did wait."""
        if self._finish is None:
            return False
        self._finish = None
        state = self._server.state
        for session in list(state.blocking.sessions):
            if session.blocked is not None and session.blocked.entry.command.name == "shutdown":
                session.unblock(_FAILED)
        state.pauses.unpause(PausePurpose.SHUTDOWN)
        return True

    def report(self) -> None:
        """Log who does not have everything."""
        server = self._server
        offset = server.state.replication.offset
        replicas = list(server.replicas)
        lagging = [replica for replica in replicas if replica.ack_offset != offset]
        for replica in lagging:
            server.log.notice(
                f"Lagging replica {replica.name} reported offset {offset - replica.ack_offset} behind "
                f"master, lag={replica.lag_s(server.state.keyspace.now_ms)}, state={replica.shown_state}."
            )
        if replicas:
            server.log.notice(
                f"{len(replicas) - len(lagging)} of {len(replicas)} replicas are in sync when shutting down."
            )
