"""What the backlog and the output of replicas take, in the figures of Redis: both share blocks of 16 KiB.

Source: getMemoryOverheadData and getClientOutputBufferMemoryUsage of Redis 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

_BLOCK_BYTES: Final = 16384
BLOCK_COST_BYTES: Final = _BLOCK_BYTES + 64
_INDEX_BYTES: Final = 4


class ReplicationMemory(NamedTuple):
    """Bytes of all blocks, of those that count as backlog, and of those that are there for replicas only."""

    buffers: int = 0
    backlog: int = 0
    replicas: int = 0


def replication_memory(server: ServerState) -> ReplicationMemory:
    """Measure. O(1)."""
    backlog = server.replication.backlog
    if backlog is None:
        return ReplicationMemory()
    buffers = -(-backlog.length // _BLOCK_BYTES) * BLOCK_COST_BYTES
    for_replicas = buffers - backlog.size if server.replicas else 0
    if for_replicas > 0:
        return ReplicationMemory(buffers, backlog.size + _INDEX_BYTES, for_replicas)
    return ReplicationMemory(buffers, buffers + _INDEX_BYTES, 0)


def blocks_of_replica(session: Session) -> int:
    """How many blocks a replica refers to: from what it is sent next on; the last one for good."""
    server = session.server
    replica = server.replicas.of(session) if server.replicas is not None else None
    if replica is None or not replica.needs_stream or server.replication.offset == replica.initial_offset:
        return 0
    return 1 + (server.replication.offset - replica.sent_offset) // _BLOCK_BYTES
