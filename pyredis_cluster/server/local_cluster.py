"""A whole cluster in one process and one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyredis_cluster.protocol.slots import SLOT_COUNT

if TYPE_CHECKING:
    from pyredis_cluster.cluster.node import ClusterNode as KnownNode
    from pyredis_cluster.server.cluster import ClusterNode
    from pyredis_cluster.server.server import Server

_POLL_S = 0.005
_ANNOUNCE_S = 0.02


class LocalCluster:
    """Servers in cluster mode that are, or become, one cluster.

    The first `primaries` of them become primaries (all, unless given), the others their replicas in turn.
    """

    def __init__(self, servers: Sequence[Server], *, primaries: int | None = None) -> None:
        self.servers = list(servers)
        self._primary_count = len(self.servers) if primaries is None else primaries

    async def start(self) -> None:
        """Start every server; the nodes know what their files say.

        Raises `StartError` for the first that cannot; `stop` ends those before it.
        """
        for server in self.servers:
            await server.start()

    @property
    def is_new(self) -> bool:
        """Whether no node knows another one or owns a slot."""
        states = [node.core.state for node in self._nodes()]
        return all(len(state.nodes) == 1 and not state.myself.slot_count for state in states)

    @property
    def is_whole(self) -> bool:
        """Whether these nodes own all slots together."""
        return sum(node.core.state.myself.slot_count for node in self._nodes()) == SLOT_COUNT

    async def form(self, *, limit_s: float = 30.0) -> None:
        """Make new nodes one cluster, the slots divided evenly, by what redis-cli has them do.

        Returns when every node serves and every replica is in sync. Raises TimeoutError.
        """
        nodes = self._nodes()
        primaries, replicas = nodes[: self._primary_count], nodes[self._primary_count :]
        for at, node in enumerate(nodes):
            node.set_config_epoch(at + 1)
        for node, slots in zip(primaries, even_ranges(len(primaries)), strict=True):
            node.add_slots([slots])
        # Everyone is introduced to everyone: gossip would get there too, but takes its time.
        for at, node in enumerate(nodes):
            for other in nodes[at + 1 :]:
                settings = other.settings
                node.meet(self._address(other), settings.announced_tcp_port, settings.announced_bus_port)
        async with asyncio.timeout(limit_s):
            await _until(lambda: all(self._knows_everyone(node) for node in nodes))
            for at, replica in enumerate(replicas):
                replica.replicate(primaries[at % len(primaries)].my_id)
            while not all(_knows_all_roles(node, len(replicas)) for node in nodes):
                for node in nodes:
                    node.announce()
                await asyncio.sleep(_ANNOUNCE_S)
            # A node that starts waits to hear of a failover that it may have missed; here was none.
            for node in nodes:
                node.settings.writable_delay_ms = 0
            await self._until_ok()
            await self._until_replicas_are_shown()

    async def wait_until_ok(self, *, limit_s: float = 60.0) -> None:
        """Wait until every node serves and every replica is in sync. Raises TimeoutError."""
        async with asyncio.timeout(limit_s):
            await self._until_ok()
            await self._until_replicas_are_shown()

    async def _until_ok(self) -> None:
        await _until(lambda: all(node.core.state.ok and _is_in_sync(node) for node in self._nodes()))

    async def _until_replicas_are_shown(self) -> None:
        # Clients are not told of a replica before it is known to have taken over something, so it gets
        # something: else it would have to wait for its primary's next PING, and for gossip.
        nodes = self._nodes()
        for node in nodes:
            replicas = node.server_state.replicas
            if not node.is_replica and replicas:
                replicas.replicate([b"PING"])
        await _until(lambda: all(node.core.state.repl_offset() for node in nodes if node.is_replica))
        while not all(self._sees_all_copies(node) for node in nodes):
            for node in nodes:
                node.announce()
            await asyncio.sleep(_ANNOUNCE_S)

    def stop(self, *, save: bool | None = False) -> bool:
        """End every server; False where some go on, as they cannot save what they are to (see `Host`)."""
        ended = [server.shutdown(save=save, now=True, force=save is False) for server in self.servers]
        return all(ended)

    async def wait_until_stopped(self) -> None:
        """Wait for the end of the last server."""
        for server in self.servers:
            await server.stopped.wait()

    def _nodes(self) -> list[ClusterNode]:
        return [server.cluster for server in self.servers if server.cluster is not None]

    def _address(self, node: ClusterNode) -> str:
        server = next(server for server in self.servers if server.cluster is node)
        listening = server.listeners.tcp_names[0][0]
        return node.settings.announce_ip or {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listening, listening)

    def _sees_all_copies(self, node: ClusterNode) -> bool:
        replicas = [other for other in self._nodes() if other.is_replica and other is not node]
        known = node.core.state.nodes
        return all(known[replica.my_id].repl_offset for replica in replicas if replica.my_id in known)

    def _knows_everyone(self, node: ClusterNode) -> bool:
        # By their ids: two handshakes with one node may be under way for a while, one to be given up.
        known = node.core.state.nodes
        return all(
            other is node or (other.my_id in known and _is_connected(known[other.my_id]))
            for other in self._nodes()
        )


def _is_connected(node: KnownNode) -> bool:
    return node.link is not None and node.link.connected


def _knows_all_roles(node: ClusterNode, replica_count: int) -> bool:
    known = node.core.state.nodes.values()
    knows_all_slots = sum(each.slot_count for each in known) == SLOT_COUNT
    return knows_all_slots and sum(each.primary is not None for each in known) == replica_count


def _is_in_sync(node: ClusterNode) -> bool:
    roles = node.server_state.replication_roles
    return not node.is_replica or (roles is not None and roles.is_link_up)


async def _until(holds: Callable[[], bool]) -> None:
    # The nodes know nothing of anyone who waits for them.
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)


def even_ranges(count: int) -> list[tuple[int, int]]:
    """All slots in `count` ranges (first, last), as evenly as redis-cli divides them."""
    per_node = SLOT_COUNT / count
    ends = [round(per_node * (at + 1)) - 1 for at in range(count - 1)] + [SLOT_COUNT - 1]
    return list(zip([0] + [end + 1 for end in ends[:-1]], ends, strict=True))
