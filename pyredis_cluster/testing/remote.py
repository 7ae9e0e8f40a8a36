"""Handles of servers that run in the loop of another thread: what takes effect at once.

`blocking` and `awaitable` add what takes its time, for tests without and with a loop of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pyredis_cluster.testing.faults import NodeFaults

if TYPE_CHECKING:
    from pyredis_cluster.testing.cluster import Cluster
    from pyredis_cluster.testing.cluster_node import ClusterNode
    from pyredis_cluster.testing.events import Event
    from pyredis_cluster.testing.hosted import Hosted
    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.node import Node
    from pyredis_cluster.testing.slot_migration import SlotMigration
    from pyredis_cluster.testing.snapshot import ClusterSnapshot, Data


class RemoteNode:
    """See `Node`."""

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
    def events(self) -> list[Event]:
        """See `Node`."""
        return self._thread.call(lambda: self._node.events)

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

    def kill(self) -> None:
        """See `Node`."""
        self._thread.call(self._node.kill)

    def stop(self, *, save: bool | None = None) -> None:
        """See `Node`."""
        self._thread.call(lambda: self._node.stop(save=save))

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

    def snapshot(self) -> Data:
        """See `Node`."""
        return self._thread.call(self._node.snapshot)

    def restore(self, snapshot: Data) -> None:
        """See `Node`."""
        self._thread.call(self._node.restore, snapshot)

    def run(self, *words: str | bytes | int) -> Any:
        """See `Node`."""
        return self._thread.call(self._node.run, *words)


class RemoteClusterNode(RemoteNode):
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


_NodeT = TypeVar("_NodeT", bound=RemoteNode)
_ClusterNodeT = TypeVar("_ClusterNodeT", bound=RemoteClusterNode)


class RemoteSlotMigration(Generic[_ClusterNodeT]):
    """See `SlotMigration`."""

    def __init__(
        self, migration: SlotMigration, thread: LoopThread, source: _ClusterNodeT, target: _ClusterNodeT
    ) -> None:
        self._migration = migration
        self._thread = thread
        self.slot = migration.slot
        self.source = source
        self.target = target


class RemoteHosted(Generic[_NodeT]):
    """See `Hosted`. Each of its nodes has one handle, which `node_type` makes."""

    def __init__(self, hosted: Hosted[Any], thread: LoopThread, node_type: type[_NodeT]) -> None:
        self._hosted = hosted
        self._thread = thread
        self._node_type = node_type
        self._handles: dict[Node, _NodeT] = {}

    def _handle(self, node: Node) -> _NodeT:
        if node not in self._handles:
            self._handles[node] = self._node_type(node, self._thread)
        return self._handles[node]

    def _node_of(self, handle: RemoteNode) -> Any:
        return next(node for node, known in self._handles.items() if known is handle)

    @property
    def behind(self) -> tuple[Hosted[Any], LoopThread]:
        """What this is a handle of, and in whose loop that lives."""
        return self._hosted, self._thread

    @property
    def nodes(self) -> list[_NodeT]:
        """See `Hosted`."""
        return [self._handle(node) for node in self._hosted.nodes]

    @property
    def events(self) -> list[Event]:
        """See `Hosted`."""
        return self._thread.call(lambda: self._hosted.events)

    @property
    def story(self) -> str:
        """See `Hosted`."""
        return self._thread.call(lambda: self._hosted.story)

    @property
    def log(self) -> str:
        """See `Hosted`."""
        return self._thread.call(lambda: self._hosted.log)

    def heal(self) -> None:
        """See `Hosted`."""
        self._thread.call(self._hosted.heal)


class RemoteCluster(RemoteHosted[_ClusterNodeT]):
    """See `Cluster`."""

    def __init__(self, cluster: Cluster, thread: LoopThread, node_type: type[_ClusterNodeT]) -> None:
        super().__init__(cluster, thread, node_type)
        self._cluster = cluster

    @property
    def primaries(self) -> list[_ClusterNodeT]:
        """See `Cluster`."""
        return [self._handle(node) for node in self._thread.call(lambda: self._cluster.primaries)]

    @property
    def replicas(self) -> list[_ClusterNodeT]:
        """See `Cluster`."""
        return [self._handle(node) for node in self._thread.call(lambda: self._cluster.replicas)]

    def node_for(self, key: str | bytes | int) -> _ClusterNodeT:
        """See `Cluster`."""
        return self._handle(self._thread.call(self._cluster.node_for, key))

    def replicas_for(self, key: str | bytes | int) -> list[_ClusterNodeT]:
        """See `Cluster`."""
        return [self._handle(node) for node in self._thread.call(self._cluster.replicas_for, key)]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """See `Cluster`."""
        return self._cluster.addresses

    @property
    def url(self) -> str:
        """See `Cluster`."""
        return self._cluster.url

    def snapshot(self) -> ClusterSnapshot:
        """See `Cluster`."""
        return self._thread.call(self._cluster.snapshot)

    def partition(
        self, some: Iterable[_ClusterNodeT], others: Iterable[_ClusterNodeT], *, one_way: bool = False
    ) -> None:
        """See `Cluster`."""
        nodes = [self._node_of(each) for each in some], [self._node_of(each) for each in others]
        self._thread.call(lambda: self._cluster.partition(*nodes, one_way=one_way))
