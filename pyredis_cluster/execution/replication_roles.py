"""What commands, INFO and the cluster ask of this server as a replica;
`pyredis_cluster.server.replication_roles` provides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session

NO_FAILOVER: Final = "no-failover"


class ReplicationRoles(Protocol):
    """Whose replica this server is, if anybody's, and how it becomes a replica or a primary.

    Hosts are text as it was given, offsets are bytes of the primary's stream.
    """

    @property
    def primary(self) -> tuple[str, int] | None:
        """Host and port of the primary; None on a primary."""

    @property
    def is_link_up(self) -> bool:
        """Whether this is a replica whose primary's stream comes in."""

    @property
    def link_state(self) -> str:
        """`connect`, `connecting`, `handshake`, `sync` or `connected`; `none` on a primary (see ROLE)."""

    @property
    def processed_offset(self) -> int:
        """How much of the primary's stream has been applied: also while the link is down; 0 where unknown."""

    @property
    def stream_offset(self) -> int:
        """The same while the link is up, else -1 (see ROLE)."""

    @property
    def stream_database(self) -> int | None:
        """The database that is selected in the primary's stream; None where there is no such stream."""

    @property
    def silence_ms(self) -> int | None:
        """For how long nothing has come from the primary, or the link has been down: since 1970 if it never
        was up. None while there is no whole set of data.
        """

    @property
    def failover_state(self) -> str:
        """`no-failover`, `waiting-for-sync` or `failover-in-progress`."""

    def info(self) -> Iterable[tuple[str, object]]:
        """The fields of INFO that only replicas have."""

    def follow(self, host: str, port: int) -> None:
        """Become a replica, or another primary's. Data is served until the primary's arrives."""

    def stop_following(self) -> None:
        """Become a primary that continues the history of data; nothing on a primary."""

    def resume_from(self, replid: str, offset: int, database: int) -> None:
        """The data that was loaded at start is that of a replica: what follows `offset` of that history is
        enough to be up to date.
        """

    def acknowledge(self) -> None:
        """Tell the primary how much was applied, as soon as what came with the question was."""

    def fail_over(self, host: str, port: int, *, timeout_ms: int, force: bool) -> None:
        """Hand the role of primary to a replica that has everything: this one, or any where `host` is "".

        Waits `timeout_ms` (0: for ever) until it has; then gives up, or goes on if `force`.
        """

    def abort_failover(self, reason: str) -> None:
        """Give up a failover that is under way, and remain, or become again, the primary."""

    @property
    def session(self) -> Session | None:
        """The session that runs the primary's stream while the link is up."""
