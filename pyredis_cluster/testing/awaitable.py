"""Handles for tests with a loop of their own, whichever, of servers that run in another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyredis_cluster.testing.remote import (
    RemoteCluster,
    RemoteClusterNode,
    RemoteNode,
    RemoteSlotMigration,
)
from pyredis_cluster.testing.remote_clock import AwaitableClock

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster
    from redis.asyncio.cluster import ClusterNode as StartupNode

    from pyredis_cluster.testing.cluster import Cluster
    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.snapshot import ClusterSnapshot


class AwaitableNode(RemoteNode):
    """See `Node`."""

    @property
    def clock(self) -> AwaitableClock:
        """See `Node`."""
        return AwaitableClock(self._node.clock, self._thread)

    async def start(self) -> None:
        """See `Node`."""
        await self._thread.wait(self._node.start())

    async def restart(self) -> None:
        """See `Node`."""
        await self._thread.wait(self._node.restart())

    def client(self, **options: Any) -> Redis:
        """See `Node`."""
        return self._node.client(**options)


class AwaitableClusterNode(RemoteClusterNode, AwaitableNode):
    """See `ClusterNode`."""


class AwaitableSlotMigration(RemoteSlotMigration[AwaitableClusterNode]):
    """See `SlotMigration`."""

    async def move_keys(self, part: float = 1.0) -> list[bytes]:
        """See `SlotMigration`."""
        return await self._thread.wait(self._migration.move_keys(part))

    async def finish(self) -> None:
        """See `SlotMigration`."""
        await self._thread.wait(self._migration.finish())


class AwaitableCluster(RemoteCluster[AwaitableClusterNode]):
    """See `Cluster`."""

    def __init__(self, cluster: Cluster, thread: LoopThread) -> None:
        super().__init__(cluster, thread, AwaitableClusterNode)

    @property
    def clock(self) -> AwaitableClock:
        """See `Cluster`."""
        return self.nodes[0].clock

    @property
    def startup_nodes(self) -> list[StartupNode]:
        """See `Cluster`."""
        return self._cluster.startup_nodes

    def client(self, **options: Any) -> RedisCluster:
        """See `Cluster`."""
        return self._cluster.client(**options)

    async def add_node(self, *, replica_of: AwaitableClusterNode | None = None) -> AwaitableClusterNode:
        """See `Cluster`."""
        primary = self._node_of(replica_of) if replica_of is not None else None
        return self._handle(await self._thread.wait(self._cluster.add_node(replica_of=primary)))

    async def move_slots(self, slots: Iterable[int], to: AwaitableClusterNode) -> None:
        """See `Cluster`."""
        await self._thread.wait(self._cluster.move_slots(slots, self._node_of(to)))

    async def half_migrate(
        self, slot: str | bytes | int, to: AwaitableClusterNode | None = None, *, moved: float = 0.5
    ) -> AwaitableSlotMigration:
        """See `Cluster`."""
        target = self._node_of(to) if to is not None else None
        migration = await self._thread.wait(self._cluster.half_migrate(slot, target, moved=moved))
        return AwaitableSlotMigration(
            migration, self._thread, self._handle(migration.source), self._handle(migration.target)
        )

    async def fail_over(
        self, replica: AwaitableClusterNode, *, force: bool = False, limit_s: float = 60.0
    ) -> None:
        """See `Cluster`."""
        work = self._cluster.fail_over(self._node_of(replica), force=force, limit_s=limit_s)
        await self._thread.wait(work)

    async def restore(self, snapshot: ClusterSnapshot) -> None:
        """See `Cluster`."""
        await self._thread.wait(self._cluster.restore(snapshot))

    async def reset(self) -> None:
        """See `Cluster`."""
        await self._thread.wait(self._cluster.reset())

    async def wait_ready(self, limit_s: float = 60.0) -> None:
        """See `Cluster`."""
        await self._thread.wait(self._cluster.wait_ready(limit_s))
