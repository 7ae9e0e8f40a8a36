"""The same handles for tests without a running loop: each call returns when what it does is done."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyredis_cluster.testing.faults import NodeFaults

if TYPE_CHECKING:
    from redis import Redis, RedisCluster

    from pyredis_cluster.testing.cluster import Cluster, ClusterNode
    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.node import Node
    from pyredis_cluster.testing.slot_migration import SlotMigration


class BlockingNode:
    """See `Node`: one server, here in the loop of another thread."""

    def __init__(self, node: Node, thread: LoopThread) -> None:
        self._node = node
        self._thread = thread
        self.host = node.host
        self.port = node.port
        self.address = node.address
        self.url = node.url

    def __repr__(self) -> str:
        return repr(self._node)

    @property
    def log(self) -> list[str]:
        """The latest lines of its log."""
        return self._thread.call(lambda: list(self._node.log))

    @property
    def is_up(self) -> bool:
        """See `Node`."""
        return self._thread.call(lambda: self._node.is_up)

    @property
    def is_paused(self) -> bool:
        """See `Node`."""
        return self._thread.call(lambda: self._node.is_paused)

    @property
    def is_replica(self) -> bool:
        """See `Node`."""
        return self._thread.call(lambda: self._node.is_replica)

    def start(self) -> None:
        """See `Node`."""
        self._thread.run(self._node.start())

    def kill(self) -> None:
        """See `Node`."""
        self._thread.call(self._node.kill)

    def stop(self, *, save: bool | None = None) -> None:
        """See `Node`."""
        self._thread.call(lambda: self._node.stop(save=save))

    def restart(self) -> None:
        """See `Node`."""
        self._thread.run(self._node.restart())

    def pause(self, seconds: float = math.inf) -> None:
        """See `Node`."""
        self._thread.call(self._node.pause, seconds)

    def resume(self) -> None:
        """See `Node`."""
        self._thread.call(self._node.resume)

    @property
    def faults(self) -> NodeFaults:
        """See `Node`; each call takes effect at once."""
        return NodeFaults(self._thread.call(lambda: self._node.server), self._thread.call)

    def run(self, *words: str | bytes | int) -> Any:
        """See `Node`."""
        return self._thread.call(self._node.run, *words)

    def client(self, **options: Any) -> Redis:
        """A redis-py client of this server; `options` are those of `redis.Redis`."""
        from redis import Redis

        return Redis(host=self.host, port=self.port, **options)


class BlockingClusterNode(BlockingNode):
    """See `ClusterNode`."""

    _node: ClusterNode

    @property
    def node_id(self) -> str:
        """See `ClusterNode`."""
        return self._thread.call(lambda: self._node.node_id)

    @property
    def primary_id(self) -> str:
        """See `ClusterNode`."""
        return self._thread.call(lambda: self._node.primary_id)

    @property
    def slots(self) -> list[tuple[int, int]]:
        """See `ClusterNode`."""
        return self._thread.call(lambda: self._node.slots)


class BlockingSlotMigration:
    """See `SlotMigration`."""

    def __init__(
        self,
        migration: SlotMigration,
        thread: LoopThread,
        source: BlockingClusterNode,
        target: BlockingClusterNode,
    ) -> None:
        self._migration = migration
        self._thread = thread
        self.slot = migration.slot
        self.source = source
        self.target = target

    def move_keys(self, part: float = 1.0) -> list[bytes]:
        """See `SlotMigration`."""
        return self._thread.run(self._migration.move_keys(part))

    def finish(self) -> None:
        """See `SlotMigration`."""
        self._thread.run(self._migration.finish())


class BlockingCluster:
    """See `Cluster`; made by `with Cluster(…) as cluster`."""

    def __init__(self, cluster: Cluster, thread: LoopThread) -> None:
        self._cluster = cluster
        self._thread = thread
        self._handles: dict[ClusterNode, BlockingClusterNode] = {}

    def _handle(self, node: ClusterNode) -> BlockingClusterNode:
        if node not in self._handles:
            self._handles[node] = BlockingClusterNode(node, self._thread)
        return self._handles[node]

    def _node_of(self, handle: BlockingClusterNode) -> ClusterNode:
        return next(node for node, known in self._handles.items() if known is handle)

    @property
    def nodes(self) -> list[BlockingClusterNode]:
        """See `Cluster`."""
        return [self._handle(node) for node in self._cluster.nodes]

    @property
    def primaries(self) -> list[BlockingClusterNode]:
        """See `Cluster`."""
        return [self._handle(node) for node in self._thread.call(lambda: self._cluster.primaries)]

    @property
    def replicas(self) -> list[BlockingClusterNode]:
        """See `Cluster`."""
        return [self._handle(node) for node in self._thread.call(lambda: self._cluster.replicas)]

    def node_for(self, key: str | bytes | int) -> BlockingClusterNode:
        """See `Cluster`."""
        return self._handle(self._thread.call(self._cluster.node_for, key))

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """See `Cluster`."""
        return self._cluster.addresses

    @property
    def url(self) -> str:
        """See `Cluster`."""
        return self._cluster.url

    def client(self, **options: Any) -> RedisCluster:
        """A redis-py client of the cluster; `options` are those of `redis.RedisCluster`."""
        from redis import RedisCluster
        from redis.cluster import ClusterNode as StartupNode

        startup_nodes = [StartupNode(host, port) for host, port in self.addresses]  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=startup_nodes, **options)

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

    def partition(
        self,
        some: Iterable[BlockingClusterNode],
        others: Iterable[BlockingClusterNode],
        *,
        one_way: bool = False,
    ) -> None:
        """See `Cluster`."""
        nodes = [self._node_of(each) for each in some], [self._node_of(each) for each in others]
        self._thread.call(lambda: self._cluster.partition(*nodes, one_way=one_way))

    def heal(self) -> None:
        """See `Cluster`."""
        self._thread.call(self._cluster.heal)

    def fail_over(self, replica: BlockingClusterNode, *, force: bool = False, limit_s: float = 60.0) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.fail_over(self._node_of(replica), force=force, limit_s=limit_s))

    def reset(self) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.reset())

    def wait_ready(self, limit_s: float = 60.0) -> None:
        """See `Cluster`."""
        self._thread.run(self._cluster.wait_ready(limit_s))
