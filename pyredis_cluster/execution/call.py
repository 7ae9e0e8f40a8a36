"""What a handler gets to see: the database it works on, the server, its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.protocol.reply import Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.keyspace.database import Database
    from pyredis_cluster.keyspace.keyspace import Keyspace
    from pyredis_cluster.keyspace.types.value import Value


class Call:
    """The context of a running command. One object serves a session all its life: do not keep it.

    `db` is the selected database; `keyspace` all of them.
    """

    __slots__ = ("db", "keyspace", "server", "session")

    def __init__(self, server: ServerState, session: Session) -> None:
        self.server = server
        self.session = session
        self.keyspace: Keyspace = server.keyspace
        self.db: Database = server.keyspace.databases[0]

    @property
    def now_ms(self) -> int:
        """Unix time in milliseconds, the same for all that a command does."""
        return self.keyspace.now_ms

    @property
    def resp(self) -> int:
        """Protocol version of the client: 2 or 3."""
        return self.session.resp

    def propagate(self, *argv: bytes) -> None:
        """Have replicas and the AOF run `argv` in place of the request; may be called several times."""
        self.server.propagation.replace(self.db.index, list(argv))

    def propagate_nothing(self) -> None:
        """Have replicas and the AOF run nothing for this request, although it counted changes."""
        self.server.propagation.replace_with_nothing()

    def propagate_as_is(self) -> None:
        """Have replicas and the AOF run the request although it counted no change (FLUSHALL when empty)."""
        self.server.propagation.force()

    def propagate_to_replicas(self) -> None:
        """Have replicas run the request although it counted no change; the AOF does not keep it."""
        self.server.propagation.force(only_replicas=True)

    def block(
        self, keys: list[bytes], timeout_ms: int, timeout_reply: Reply, kind: type[Value] | None = None
    ) -> Reply:
        """Wait until one of `keys` is made, then run the same request again; 0 ms means for ever.

        Other values than those of `kind` do not end the wait; None takes any. Returns what the handler has to
        return: NO_REPLY, or `timeout_reply` at once where the client may not block (inside MULTI or a
        script).
        """
        return self.server.blocking.block(self.session, self.db, keys, timeout_ms, timeout_reply, kind)
