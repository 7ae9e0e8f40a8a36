"""Who is told what happens on a server, for the reports of tests. Servers outside of tests have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pyredis_cluster.execution.table import Entry
    from pyredis_cluster.protocol.errors import CommandError


class Observer(Protocol):
    """Told of each thing as it happens. It changes nothing, and raises nothing."""

    def error_replied(self, entry: Entry | None, error: CommandError) -> None:
        """A client got an error; `entry` is None for a command that is none."""

    def told(self, what: str) -> None:
        """Something else happened, for which there are words."""

    def cluster_changed(self) -> None:
        """The node's view of its cluster may have changed."""
