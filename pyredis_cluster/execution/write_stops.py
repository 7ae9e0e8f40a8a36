"""Why writes are refused for now, whatever the client: the disk, missing replicas, being a replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution.gate import GATE_STOP_WRITES
from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

_NO_REPLICAS = CommandError("NOREPLICAS Not enough good replicas to write.")
_READ_ONLY = CommandError("READONLY You can't write against a read only replica.")


class WriteStops:
    """The reasons that hold on one server; while there is one, every request goes through the gate."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._snapshot_error: CommandError | None = None
        self._append_only_error: CommandError | None = None
        self._lacks_replicas = False
        self._is_read_only = False

    def set_snapshot_error(self, error: CommandError | None) -> None:
        """Snapshots fail, as the MISCONF `error` tells; None once they do not. PING fails too."""
        self._snapshot_error = error
        self._update()

    def set_append_only_error(self, error: CommandError | None) -> None:
        """The same of the append-only file."""
        self._append_only_error = error
        self._update()

    def set_lacks_replicas(self, lacks: bool) -> None:
        """Whether fewer replicas are up to date than `min-replicas-to-write` asks for."""
        self._lacks_replicas = lacks
        self._update()

    def set_read_only(self, is_read_only: bool) -> None:
        """Whether this is a replica with `replica-read-only`."""
        self._is_read_only = is_read_only
        self._update()

    @property
    def has_disk_error(self) -> bool:
        """Whether the disk could not be written."""
        return self._snapshot_error is not None or self._append_only_error is not None

    def _update(self) -> None:
        stops = self.has_disk_error or self._lacks_replicas or self._is_read_only
        self._server.set_gate(GATE_STOP_WRITES, stops)

    def refusal(self, *, is_write: bool, is_ping: bool) -> CommandError | None:
        """Why a request that writes, or PING, is refused; None where it is not."""
        if is_write or is_ping:
            disk_error = self._snapshot_error or self._append_only_error
            if disk_error is not None:
                return disk_error
        if not is_write:
            return None
        if self._lacks_replicas:
            return _NO_REPLICAS
        return _READ_ONLY if self._is_read_only else None
