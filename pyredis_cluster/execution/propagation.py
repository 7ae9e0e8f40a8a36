"""The exact commands that replicas and the AOF must run, collected while commands run.

By default a request that changed data (`keyspace.dirty` moved) is propagated as it came. A handler may
replace it (`SPOP` → `SREM`), and the keyspace adds effects that no request names (DEL of an expired key).
What one request or one EXEC leaves is a unit: wrapped in MULTI/EXEC if it is more than one command.

Units gather in a batch, which `deliver` hands to the sinks when a turn of the event loop ends: before any
reply to what caused them is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.keyspace.keyspace import RECORDING, SETTLED, UNSETTLED, Keyspace
from pyredis_cluster.protocol.command_stream import Request, encode_requests

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session

Effect = tuple[int, Request]
"""Index of the database, and the command."""

_NO_DATABASE = -1
"""Of MULTI and EXEC, which run in any."""


class ForReplicas(list[bytes]):
    """A command that replicas are to run, but that no file keeps (PUBLISH)."""

    __slots__ = ()


class Batch:
    """Commands for the sinks, in order, SELECT among them wherever the database changes.

    Several that a client sent together may stand as the bytes that they came as.

    The first is for `database`: a stream in which another one is selected needs a SELECT before it.
    Afterwards `last_database` is selected.
    """

    __slots__ = ("_file_wire", "_wire", "command_count", "database", "last_database", "requests")

    def __init__(
        self, requests: list[Request | bytes], database: int, last_database: int, command_count: int
    ) -> None:
        self.requests = requests
        self.database = database
        self.last_database = last_database
        self.command_count = command_count
        """How many commands there are, SELECT included."""
        self._wire: bytes | None = None
        self._file_wire: bytes | None = None

    def introduction(self, selected: int) -> bytes:
        """What a stream needs before the batch, in which the database `selected` is selected."""
        return b"" if selected == self.database else encode_requests([Select(self.database)])

    def wire(self) -> bytes:
        """All as replicas get it, encoded once however many ask."""
        if self._wire is None:
            self._wire = encode_requests(self.requests)
        return self._wire

    def file_wire(self) -> bytes:
        """What of it an AOF keeps."""
        if self._file_wire is None:
            kept = [request for request in self.requests if type(request) is not ForReplicas]
            self._file_wire = self.wire() if len(kept) == len(self.requests) else encode_requests(kept)
        return self._file_wire


Sink = Callable[[Batch], None]


class Select(list[bytes]):
    """The command that changes the database of a stream."""

    __slots__ = ("database",)

    def __init__(self, database: int) -> None:
        super().__init__((b"SELECT", b"%d" % database))
        self.database = database


class Propagation:
    """Collects effects: `collect` after each command, `flush` when no more can belong together, `deliver` at
    the end of a turn.

    The hot loop of `Session.execute` does itself what `collect` and `flush` do for a request that is
    propagated as it came: it appends to `batch`, which is always the same list, and keeps `settled_dirty`.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._effects: list[Effect] = []
        self._replaced = False
        self._forced = False
        self._only_replicas = False
        self.settled_dirty = 0
        """`keyspace.dirty` when it was last looked at."""
        self.batch: list[Request | bytes] = []
        self.db = keyspace.databases[0]
        """Of the last command, be it in `batch` or delivered."""
        self._delivered_database = 0
        self.is_due = False
        """Whether the shell knows that there is something to deliver."""
        self.unlike_requests = 0
        """Counts what came into the batch otherwise than as the request of a client: see `fold`."""
        self._folded = 0
        """Commands in `batch` beyond one for each of its items."""
        self.writers: dict[Session, None] = {}
        """Clients that commands in `batch` came from, or that ran others since."""
        self.sinks: list[Sink] = []

    def attach(self, sink: Sink) -> None:
        """Send effects to `sink` from now on; what was collected before goes to the others only."""
        self.deliver()
        if not self.sinks:
            keyspace = self._keyspace
            self.settled_dirty = keyspace.dirty
            keyspace.propagate = self.add
            keyspace.recording = RECORDING
            keyspace.unsettled = keyspace.unsettled or RECORDING
        self.sinks.append(sink)

    def detach(self, sink: Sink) -> None:
        """Send nothing more to `sink`, once it has what was collected so far."""
        self.deliver()
        self.sinks.remove(sink)
        if not self.sinks:
            keyspace = self._keyspace
            keyspace.propagate = None
            keyspace.recording = SETTLED
            if keyspace.unsettled == RECORDING:
                keyspace.unsettled = SETTLED
            self._effects.clear()

    def add(self, database: int, argv: Request) -> None:
        """An effect beside that of the running request, if any."""
        self._effects.append((database, argv))
        self._keyspace.unsettled = UNSETTLED

    def replace(self, database: int, argv: Request) -> None:
        """An effect in place of the request."""
        if self.sinks:
            self._replaced = True
            self.add(database, argv)

    def replace_with_nothing(self) -> None:
        """The request is not propagated."""
        if self.sinks:
            self._replaced = True
            self._keyspace.unsettled = UNSETTLED

    def force(self, *, only_replicas: bool = False) -> None:
        """The request is propagated even if it counted no change; to no file, if `only_replicas`."""
        if self.sinks:
            self._forced = True
            self._only_replicas = only_replicas
            self._keyspace.unsettled = UNSETTLED

    def collect(self, database: int, argv: Request) -> None:
        """The request `argv` has run: take it in if it changed data and was not replaced."""
        dirty = self._keyspace.dirty
        if (dirty != self.settled_dirty or self._forced) and not self._replaced and self.sinks:
            self._effects.append((database, ForReplicas(argv) if self._only_replicas else argv))
        self.settled_dirty = dirty
        self._replaced = self._forced = self._only_replicas = False

    @property
    def has_effects(self) -> bool:
        """Whether what runs now has left effects: more may follow that belong to them."""
        return bool(self._effects)

    @property
    def has_several(self) -> bool:
        """Whether `flush` would put in more than one effect."""
        return len(self._effects) > 1

    def flush(self, *, as_transaction: bool = True) -> None:
        """Put what was collected into the batch; several effects in MULTI and EXEC unless told otherwise."""
        effects = self._effects
        if not effects:
            return
        self._effects = []
        is_transaction = as_transaction and len(effects) > 1
        if is_transaction:
            self.record(_NO_DATABASE, [b"MULTI"])
        for database, argv in effects:
            self.record(database, argv)
        if is_transaction:
            self.record(_NO_DATABASE, [b"EXEC"])

    def record(self, database: int, argv: Request) -> None:
        """Put one command into the batch."""
        self.unlike_requests += 1
        if database != self.db.index and database != _NO_DATABASE:
            self.batch.append(Select(database))
            self.db = self._keyspace.databases[database]
        self.batch.append(argv)

    def fold(self, start: int, unlike_requests: int, requests: list[Request], wire: bytes) -> None:
        """Have `wire` stand for the items from `start` on, if these are `requests`.

        They are if there are as many, and none came otherwise since `unlike_requests` was read, at `start`.
        """
        batch = self.batch
        if len(batch) - start == len(requests) and self.unlike_requests == unlike_requests:
            batch[start:] = [wire]
            self._folded += len(requests) - 1

    def deliver(self) -> None:
        """Hand the batch to the sinks."""
        self.is_due = False
        if not self.batch:
            return
        requests = self.batch.copy()
        self.batch.clear()
        database = self._delivered_database
        first = requests[0]
        if type(first) is Select:
            # Sinks put one before the batch where they need it.
            database = first.database
            del requests[0]
        self._delivered_database = self.db.index
        batch = Batch(requests, database, self._delivered_database, len(requests) + self._folded)
        self._folded = 0
        for sink in list(self.sinks):
            sink(batch)
