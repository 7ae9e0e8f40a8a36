"""maxmemory-clients: closes the clients that hold the most memory, when all of them together hold too much.

Source: evictClients, getClientEvictionLimit and clientEvictionAllowed of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution.gate import GATE_REPLICA
from pyredis_cluster.execution.memory_report import connection_bytes

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.log import Log

_LEAST_LIMIT_BYTES = 128 * 1024
_SUBSCRIPTION_BYTES = 64


class ClientEviction:
    """Looks at the memory of all clients from time to time, and only if there is a limit."""

    def __init__(self, state: ServerState, log: Log, describe: Callable[[Session], str]) -> None:
        self._state = state
        self._log = log
        self._describe = describe

    def check_all(self, now_ms: int) -> None:
        """Close the largest clients until the rest is below the limit. O(clients)."""
        limit_bytes = self._limit_bytes()
        if not limit_bytes:
            return
        sizes = {
            session: held_bytes(session)
            for session in self._state.sessions.values()
            if not (session.gate & GATE_REPLICA or session.obeys)
        }
        total_bytes = sum(sizes.values())
        if total_bytes < limit_bytes:
            return
        candidates = [session for session in sizes if not (session.no_evict or session.is_closing)]
        for session in sorted(candidates, key=sizes.__getitem__, reverse=True):
            self._log.notice(f"Evicting client: {self._describe(session)}")
            self._state.statistics.evicted_clients += 1
            session.close(after_flush=False)
            total_bytes -= sizes[session]
            if total_bytes < limit_bytes:
                return
        self._log.warning("Over client maxmemory after evicting all evictable clients")

    def _limit_bytes(self) -> int:
        limit = self._state.config.integer("maxmemory-clients")
        if limit < 0:
            limit = self._state.config.integer("maxmemory") * -limit // 100
        return max(limit, _LEAST_LIMIT_BYTES) if limit else 0


def held_bytes(session: Session) -> int:
    """Memory that a client makes the server hold: what it has sent and not read, queued and subscribed to."""
    transaction = session.transaction
    channels = (session.channels, session.patterns, session.shard_channels)
    subscribed_bytes = sum(sum(map(len, each)) + _SUBSCRIPTION_BYTES * len(each) for each in channels if each)
    queued_bytes = transaction.queued_bytes if transaction is not None else 0
    return connection_bytes(session) + queued_bytes + subscribed_bytes
