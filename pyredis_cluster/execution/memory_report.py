"""Where a server's memory goes, as INFO memory, MEMORY STATS and MEMORY DOCTOR tell it.

Figures are those that Redis would have for the same data: what Python spends on top shows in `rss`, and thus
in the fragmentation, which is where Redis shows what it does not account for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from pyredis_cluster.execution.gate import GATE_REPLICA
from pyredis_cluster.execution.replication_memory import ReplicationMemory, replication_memory
from pyredis_cluster.keyspace.types.sizes import (
    DICT_ENTRY_BYTES,
    OBJECT_BYTES,
    SLOT_ENTRY_BYTES,
    string_bytes,
    table_bytes,
)

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.keyspace.database import Database

STARTUP_BYTES = 1 << 20
"""What a server without data counts as using."""

_CLIENT_BYTES = 2048
_SAMPLED_KEYS = 64


@dataclass(slots=True)
class DatabaseOverhead:
    """Bytes of the tables of one database."""

    main: int
    expires: int
    slot_to_keys: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.main + self.expires + self.slot_to_keys


@dataclass(slots=True)
class MemoryReport:
    """One look at the memory of a server; all in bytes unless said otherwise."""

    used: int
    peak: int
    rss: int
    startup: int
    clients: int
    cluster_links: int
    key_count: int
    replication: ReplicationMemory = field(default_factory=ReplicationMemory)
    databases: dict[int, DatabaseOverhead] = field(default_factory=dict)

    @property
    def overhead(self) -> int:
        """What is not data."""
        tables = sum(each.total for each in self.databases.values())
        replication = self.replication.backlog + self.replication.replicas
        return self.startup + self.clients + self.cluster_links + replication + tables

    @property
    def dataset(self) -> int:
        """What is data."""
        return self.used - self.overhead

    @property
    def dataset_percentage(self) -> float:
        """Share of the data in what was taken since the start."""
        return self.dataset * 100 / max(self.used - self.startup, 1)

    @property
    def bytes_per_key(self) -> int:
        """What a key takes on average, 0 without keys."""
        return max(self.used - self.startup, 1) // self.key_count if self.key_count else 0

    @property
    def peak_percentage(self) -> float:
        """What is used now, of the most that ever was."""
        return self.used * 100 / self.peak

    @property
    def fragmentation(self) -> float:
        """How many times as much the process has as it accounts for."""
        return self.rss / self.used

    @property
    def fragmentation_bytes(self) -> int:
        """How much more the process has than it accounts for."""
        return self.rss - self.used


def look(server: ServerState, facts: Mapping[str, str]) -> MemoryReport:
    """Measure. `facts` are those of the host; O(databases + clients)."""
    used = used_bytes(server)
    server.peak_memory = max(server.peak_memory, used)
    return MemoryReport(
        used=used,
        peak=server.peak_memory,
        rss=int(facts.get("used_memory_rss", used)),
        startup=STARTUP_BYTES,
        clients=client_bytes(server),
        cluster_links=int(facts.get("mem_cluster_links", 0)),
        key_count=server.keyspace.key_count(),
        replication=replication_memory(server),
        databases={each.index: _overhead(each) for each in server.keyspace.databases if each.values},
    )


def used_bytes(server: ServerState) -> int:
    """`used_memory`: counted while there is a limit, else an estimate from a sample of values."""
    replication = replication_memory(server)
    base = STARTUP_BYTES + client_bytes(server) + replication.backlog + replication.replicas
    ledger = server.keyspace.ledger
    if ledger is not None:
        return base + ledger.total
    databases = [database for database in server.keyspace.databases if database.values]
    data = sum(_overhead(database).total + _sampled_bytes(database) for database in databases)
    return base + data


def key_bytes(database: Database, key: bytes, samples: int) -> int | None:
    """What a key takes with its value, elements of large ones sampled; None where it is not there."""
    value = database.values.get(key)
    if value is None:
        return None
    return _allocated(value.memory_bytes(samples)) + _allocated(string_bytes(key)) + DICT_ENTRY_BYTES


def _allocated(size: int) -> int:
    """What an allocator gives for `size`: at least multiples of 8."""
    return (size + 7) & ~7


def _sampled_bytes(database: Database) -> int:
    """Bytes of all keys and values, from the oldest and the newest ones: exact where they are few."""
    items = database.values.items()
    sampled = list(islice(items, _SAMPLED_KEYS))
    if len(items) > _SAMPLED_KEYS:
        sampled += islice(reversed(items), min(_SAMPLED_KEYS, len(items) - _SAMPLED_KEYS))
    total = sum(value.memory_bytes() - OBJECT_BYTES + string_bytes(key) for key, value in sampled)
    return total * len(items) // len(sampled)


def _overhead(database: Database) -> DatabaseOverhead:
    keys = len(database.values)
    return DatabaseOverhead(
        main=table_bytes(keys) + keys * OBJECT_BYTES,
        expires=table_bytes(len(database.expires)) if database.expires else 0,
        slot_to_keys=keys * SLOT_ENTRY_BYTES if database.slot_keys is not None else 0,
    )


def client_bytes(server: ServerState) -> int:
    """What the connections take with their buffers, but for replicas. O(clients)."""
    return sum(
        connection_bytes(session) for session in server.sessions.values() if not session.gate & GATE_REPLICA
    )


def connection_bytes(session: Session) -> int:
    """What one connection takes with its buffers."""
    return _CLIENT_BYTES + session.connection.input_bytes() + session.connection.output_bytes()
