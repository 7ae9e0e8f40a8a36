"""Running what must be run: the stream of a primary, or the content of an AOF.

Whoever wrote it has checked it all, so no gate applies: not slots, not memory, not the role of this server.
And it has decided what is expired: a key is there until a DEL of it comes.

Source: mustObeyClient of Redis 7.2 and who asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.session import Request, Session
from pyredis_cluster.protocol.errors import CommandError, unknown_command, wrong_arity

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Connection
    from pyredis_cluster.execution.server_state import ServerState

_OWN_BITS = gate.GATE_MULTI | gate.GATE_CLOSING | gate.GATE_MONITOR


class ObedientSession(Session):
    """A session whose requests are run whatever the state of the server, and whose replies nobody gets.

    `failed` is told of each request that ends in an error: data is no longer what the other side has. Whoever
    reads what is run does not while the server is frozen.
    """

    __slots__ = ("_failed",)

    obeys = True

    def __init__(
        self,
        server: ServerState,
        connection: Connection,
        session_id: int,
        failed: Callable[[Request, CommandError], None],
    ) -> None:
        super().__init__(server, connection, session_id)
        self.gate = 0
        self.deny_blocking = True
        self._failed = failed

    def set_gate(self, bit: int, on: bool) -> None:
        """As of any session, but only for what is of this session's own doing."""
        if bit & _OWN_BITS:
            super().set_gate(bit & _OWN_BITS, on)

    def apply(self, requests: list[Request]) -> None:
        """Run requests in order, as `execute` does."""
        server = self.server
        keyspace = server.keyspace
        expires_on_access = keyspace.expires_on_access
        keyspace.expires_on_access = False
        keyspace.keeps_expired = True
        server.on_error = self._note_error
        try:
            self.execute(requests)
            while self.pending:  # where replies were long: see `Session.execute`
                self.out.clear()
                self.run_pending()
        finally:
            server.on_error = None
            keyspace.keeps_expired = False
            keyspace.expires_on_access = expires_on_access
            self.out.clear()

    def _note_error(self, error: CommandError) -> None:
        self._failed(self.running_argv, error)

    def execute_gated(self, argv: Request) -> None:
        """Run one request that the hot loop does not: inside MULTI, of a container, or one that is wrong."""
        self.running_argv = argv
        server = self.server
        entry = server.table.find(argv)
        if entry is None or entry.subcommands:
            server.count_rejection(entry, unknown_command(argv))
        elif (entry.arity > 0 and len(argv) != entry.arity) or len(argv) < -entry.arity:
            server.count_rejection(entry, wrong_arity(entry.command.name))
        elif self.transaction is not None and entry.command.name not in gate.RUN_IN_MULTI:
            self.transaction.queue(entry, argv)
        else:
            gate.call(self, entry, argv)
            if server.keyspace.unsettled:
                server.settle(self.call.db.index, argv)
