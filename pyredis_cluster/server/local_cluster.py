"""A whole cluster in one process and one event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyredis_cluster.protocol.slots import SLOT_COUNT
from pyredis_cluster.server.founding import founding_texts, write_nodes_conf
from pyredis_cluster.server.readiness import has_copy, hasten, is_in_sync, serve_at_once

if TYPE_CHECKING:
    from pyredis_cluster.server.cluster import ClusterNode
    from pyredis_cluster.server.server import Server

_POLL_S = 0.005
_ANNOUNCE_S = 1.0


class LocalCluster:
    """Servers in cluster mode that are, or become, one cluster.

    The first `primaries` of them become primaries (all, unless given), the others their replicas in turn; or
    all become what `nodes_conf` says, a text for each.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        primaries: int | None = None,
        nodes_conf: Sequence[str] | None = None,
    ) -> None:
        self.servers = list(servers)
        self._given_nodes_conf = nodes_conf
        self._primary_count = len(self.servers) if primaries is None else primaries
        self._is_unfinished = False

    async def start(self) -> None:
        """Start every server. Those that have no nodes.conf yet, none of them, are made one cluster by it.

        Raises `StartError` for the first that cannot; `stop` ends those before it.
        """
        is_new = self._is_unfinished = self._found()
        for server in self.servers:
            await server.start()
            if is_new:
                serve_at_once(server)
        self._is_unfinished = False

    def _found(self) -> bool:
        """Write what makes new nodes a cluster, unless one of them is not new."""
        try:
            return self._write_nodes_conf(self._nodes_conf(), where_empty=True)
        except OSError:
            # In use, or not to be read or written: the start of that server will say so.
            return False

    def _write_nodes_conf(self, texts: Sequence[str], *, where_empty: bool = False) -> bool:
        places = [(server.disk, server.config.path("cluster-config-file")) for server in self.servers]
        return write_nodes_conf(places, texts, where_empty=where_empty)

    def _nodes_conf(self) -> Sequence[str]:
        if self._given_nodes_conf is not None:
            return self._given_nodes_conf
        configs = [server.config for server in self.servers]
        return founding_texts(configs, self._primary_count, self.servers[0].state.random)

    @property
    def is_whole(self) -> bool:
        """Whether these nodes own all slots together."""
        return sum(node.core.state.myself.slot_count for node in self._nodes()) == SLOT_COUNT

    async def wait_until_ready(self, *, limit_s: float = 60.0) -> None:
        """Wait until every node serves, and every replica is in sync and shown. Raises TimeoutError."""
        nodes = self._nodes()
        async with asyncio.timeout(limit_s):
            await _until(lambda: all(node.core.state.ok and is_in_sync(node) for node in nodes))
            for server in self.servers:
                hasten(server)
            await _until(lambda: all(has_copy(node) for node in nodes))
            while not self._all_see_all_copies():
                for server in self.servers:
                    hasten(server)
                # Many nodes need a while to hear of many: what is said again too soon would only keep them.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ANNOUNCE_S):
                        await _until(self._all_see_all_copies)

    def stop(self, *, save: bool | None = False) -> bool:
        """End every server; False where some go on, as they cannot save what they are to (see `Host`)."""
        ended = [server.shutdown(save=save, now=True, force=save is False) for server in self.servers]
        if self._is_unfinished:
            # Other ports may be tried next: what was to be the cluster with these is none.
            with contextlib.suppress(OSError):
                self._write_nodes_conf([""] * len(self.servers))
        return all(ended)

    async def wait_until_stopped(self) -> None:
        """Wait for the end of the last server; others may take the places of those that have ended."""
        while running := [server for server in self.servers if not server.stopped.is_set()]:
            await running[0].stopped.wait()

    def _nodes(self) -> list[ClusterNode]:
        return [server.cluster for server in self.servers if server.cluster is not None]

    def _all_see_all_copies(self) -> bool:
        nodes = self._nodes()
        replica_ids = {node.my_id for node in nodes if node.is_replica}
        return all(
            other.repl_offset or other.node_id not in replica_ids or other is node.core.state.myself
            for node in nodes
            for other in node.core.state.nodes.values()
        )


async def _until(holds: Callable[[], bool]) -> None:
    # The nodes know nothing of anyone who waits for them.
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
