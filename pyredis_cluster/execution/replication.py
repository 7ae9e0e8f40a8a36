"""What commands, INFO and other parts of a server ask of those who replicate from it, be it a primary or a
replica itself; `pyredis_cluster.server.replicas` provides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.protocol.reply import Reply
from pyredis_cluster.replication.primary import Replica

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session


def is_replica(server: ServerState) -> bool:
    """Whether a server is a replica, with its link up or not."""
    roles = server.replication_roles
    return roles is not None and roles.primary is not None


class Replicas(Protocol):
    """The replicas of this server, in the order in which they came."""

    @property
    def good_count(self) -> int:
        """How many are up to date, as `min-replicas-max-lag` has it; 0 unless that is asked for."""

    def __len__(self) -> int:
        """How many there are, in whatever state."""

    def __iter__(self) -> Iterator[Replica]:
        """All of them."""

    def of(self, session: Session) -> Replica | None:
        """What a client has told of itself as a replica, if anything."""

    def announce(self, session: Session) -> Replica:
        """The same; begins to remember it."""

    def synchronise(self, session: Session, argv: Sequence[bytes]) -> Reply:
        """PSYNC or SYNC: NO_REPLY, as what follows is no reply. Raises CommandError."""

    def acknowledged(self, session: Session, offset: int, aof_offset: int | None) -> None:
        """REPLCONF ACK of a replica."""

    def replied(self, session: Session) -> None:
        """A replica has caused a reply, which nothing could tell from its stream: it is closed."""

    def forget(self, session: Session) -> None:
        """A client is gone."""

    def feed(self, data: bytes) -> None:
        """The stream goes on with `data`: count it, keep it in the backlog, send it to all who take it."""

    def replicate(self, request: list[bytes]) -> None:
        """The stream goes on with a request that nobody has made (DEBUG REPLICATE)."""

    def disconnect_all(self) -> None:
        """Close the connections of all replicas: they have to ask again what their history is."""

    def role_changed(self) -> None:
        """This server is a primary or a replica now, and was not. Replicas go on with the stream they get."""

    def history_changed(self) -> None:
        """This server's role, its primary or its replication id is another one now: replicas have to ask
        anew, and who makes the stream from here on begins with a SELECT.
        """

    def keep_backlog(self) -> None:
        """Begin to keep the stream, unless it is kept."""

    def request_acknowledgements(self) -> None:
        """Have the replicas say how far they are, at the end of this turn."""
