"""Clients that wait until their writes are elsewhere too: WAIT and WAITAOF.

How many replicas have them is counted anew whenever one says how far it is; a client whose time is up is told
the last count.

Source: replication.c of Redis 7.2, processClientsWaitingReplicas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import NO_REPLY, Reply
from pyredis_cluster.replication.primary import acknowledged, on_disk

if TYPE_CHECKING:
    from pyredis_cluster.execution.blocking import Blocked
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session


NO_AOF = CommandError("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client waits for: so many replicas that have its writes, or have them on disk."""

    offset: int
    replicas: int
    on_disk: bool = False
    """WAITAOF."""
    locally: bool = False
    """WAITAOF: on this server's disk too."""


class Waits:
    """All clients of a server that wait for acknowledgements."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._waiting: dict[Session, tuple[Wish, Blocked]] = {}

    def wait(self, session: Session, wish: Wish, timeout_ms: int) -> Reply:
        """The count at once if it is enough or the client may not block; else NO_REPLY, and a reply later."""
        server = self._server
        count, is_enough = self._count(wish)
        if is_enough:
            return count
        reply = server.blocking.block(session, session.call.db, [], timeout_ms, count)
        if reply is NO_REPLY and session.blocked is not None:
            self._waiting[session] = (wish, session.blocked)
            if server.replicas is not None:
                server.replicas.request_acknowledgements()
        return reply

    def _count(self, wish: Wish) -> tuple[Reply, bool]:
        """What the client would be told now, and whether that is enough."""
        server = self._server
        replicas = server.replicas if server.replicas is not None else ()
        if not wish.on_disk:
            count = acknowledged(replicas, wish.offset)
            return count, count >= wish.replicas
        count = on_disk(replicas, wish.offset)
        is_local = server.append_only is not None and server.append_only.synced_offset >= wish.offset
        return [int(is_local), count], count >= wish.replicas and is_local >= wish.locally

    def check(self) -> None:
        """Acknowledgements have come: wake those who have enough. O(clients waiting x replicas)."""
        server = self._server
        for session, (wish, blocked) in list(self._waiting.items()):
            if session.blocked is not blocked:
                del self._waiting[session]
                continue
            if wish.locally and (server.append_only is None or not server.append_only.is_enabled):
                del self._waiting[session]
                session.unblock(NO_AOF)
                continue
            count, is_enough = self._count(wish)
            blocked.timeout_reply = count
            if is_enough:
                del self._waiting[session]
                session.unblock(count)
