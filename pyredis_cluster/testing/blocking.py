"""Handles for tests without a running loop: each call returns when what it does is done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyredis_cluster.testing.remote import (
    RemoteCluster,
    RemoteClusterNode,
    RemoteNode,
    RemoteSlotMigration,
)
from pyredis_cluster.testing.remote_clock import BlockingClock

if TYPE_CHECKING:
    from redis import Redis, RedisCluster
    from redis.cluster import ClusterNode as StartupNode

    from pyredis_cluster.testing.cluster import Cluster
    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.snapshot import ClusterSnapshot


class BlockingNode(RemoteNode):
    """See `Node`."""

    @property
    def clock(self) -> BlockingClock:
        """See `Node`."""
        return BlockingClock(self._node.clock, self._thread)

    def start(self) -> None:
        """See `Node`."""
        self._thread.run(self._node.start())

    def restart(self) -> None:
        """See `Node`."""
        self._thread.run(self._node.restart())

    def client(self, **options: Any) -> Redis:
        """A redis-py client of this server; `options` are those of `redis.Redis`."""
        from redis import Redis

        return Redis(host=self.host, port=self.port, **self._node.client_options(options))


class BlockingClusterNode(RemoteClusterNode, BlockingNode):
    """See `ClusterNode`."""


class BlockingSlotMigration(RemoteSlotMigration[BlockingClusterNode]):
    """See `SlotMigration`."""

    def move_keys(self, part: float = 1.0) -> list[bytes]:
        """See `SlotMigration`."""
        return self._thread.run(self._migration.move_keys(part))

    def finish(self) -> None:
        """See `SlotMigration`."""
        self._thread.run(self._migration.finish())


class BlockingCluster(RemoteCluster[BlockingClusterNode]):
    """See `Cluster`; made by `with Cluster(…) as cluster`."""

    def __init__(self, cluster: Cluster, thread: LoopThread) -> None:
        super().__init__(cluster, thread, BlockingClusterNode)

    @property
    def clock(self) -> BlockingClock:
        """See `Cluster`."""
        return self.nodes[0].clock

    @property
    def startup_nodes(self) -> list[StartupNode]:
        """All nodes as the `RedisCluster` of redis-py takes them."""
        from redis.cluster import ClusterNode as StartupNode

        return [StartupNode(host, port) for host, port in self.addresses]  # type: ignore[no-untyped-call]

    def client(self, **options: Any) -> RedisCluster:
        """A redis-py client of the cluster; `options` are those of `redis.RedisCluster`."""
        from redis import RedisCluster

        return RedisCluster(
            startup_nodes=self.startup_nodes, **self._cluster.nodes[0].client_options(options)
        )

    def add_node(self, *, replica_of: BlockingClusterNode | None = None) -> BlockingClusterNode:
        """See `Cluster`."""
        primary = self._node_of(replica_of) if replica_of is not None else None
        return self._handle(self._thread.run(self._cluster.add_node(replica_of=primary)))

    def move_slots(self, slots: Iterable[int], to: BlockingClusterNode) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.move_slots(slots, self._node_of(to)))

    def half_migrate(
        self, slot: str | bytes | int, to: BlockingClusterNode | None = None, *, moved: float = 0.5
    ) -> BlockingSlotMigration:
        """See `Cluster`."""
        target = self._node_of(to) if to is not None else None
        migration = self._thread.run(self._cluster.half_migrate(slot, target, moved=moved))
        return BlockingSlotMigration(
            migration, self._thread, self._handle(migration.source), self._handle(migration.target)
        )

    def fail_over(self, replica: BlockingClusterNode, *, force: bool = False, limit_s: float = 60.0) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.fail_over(self._node_of(replica), force=force, limit_s=limit_s))

    def restore(self, snapshot: ClusterSnapshot) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.restore(snapshot))

    def reset(self) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.reset())

    def wait_ready(self, limit_s: float = 60.0) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.wait_ready(limit_s))
