"""What commands and INFO ask of the append-only file; `pyredis_cluster.server.append_only` provides it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from pyredis_cluster.protocol.reply import Status

NO_OFFSET = -1


class AppendOnly(Protocol):
    """The append-only file of a server, be it on or off."""

    on_synced: list[Callable[[], None]]
    """Called when `synced_offset` has changed: who waits for it may go on."""

    @property
    def is_enabled(self) -> bool:
        """Whether `appendonly` is yes."""

    @property
    def synced_offset(self) -> int:
        """How far of the replication stream (`ReplicationState.offset`) is safe on disk; -1 without an AOF.

        Redis calls it fsynced_reploff: what WAITAOF and FACK tell.
        """

    def rewrite(self, *, in_transaction: bool) -> Status:
        """BGREWRITEAOF: begin, or do it once nothing else is under way. Raises CommandError."""

    def reload(self) -> None:
        """DEBUG LOADAOF: replace all data by what the files have. Raises CommandError."""

    def stop(self) -> None:
        """Write no more, until `restart`: the data is about to be replaced by that of a primary."""

    def restart(self) -> None:
        """Write again if `appendonly` is yes, beginning with all data there is."""

    def reset_statistics(self) -> None:
        """As CONFIG RESETSTAT has it."""

    def information(self) -> Iterator[tuple[str, object]]:
        """The fields of INFO persistence about it, in order."""
