"""Sentinel groups that run in the loop of another thread: what takes effect at once. See `remote`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from pyredis_cluster.testing.remote import RemoteHosted, RemoteNode

if TYPE_CHECKING:
    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.sentinel_group import SentinelGroup
    from pyredis_cluster.testing.snapshot import Data


_NodeT = TypeVar("_NodeT", bound=RemoteNode)


class RemoteSentinelGroup(RemoteHosted[_NodeT]):
    """See `SentinelGroup`."""

    def __init__(self, group: SentinelGroup, thread: LoopThread, node_type: type[_NodeT]) -> None:
        super().__init__(group, thread, node_type)
        self._group = group
        self.master_name = group.master_name

    @property
    def servers(self) -> list[_NodeT]:
        """See `SentinelGroup`."""
        return [self._handle(node) for node in self._group.servers]

    @property
    def sentinels(self) -> list[_NodeT]:
        """See `SentinelGroup`."""
        return [self._handle(node) for node in self._group.sentinels]

    @property
    def primary(self) -> _NodeT:
        """See `SentinelGroup`."""
        return self._handle(self._thread.call(lambda: self._group.primary))

    @property
    def replicas(self) -> list[_NodeT]:
        """See `SentinelGroup`."""
        return [self._handle(node) for node in self._thread.call(lambda: self._group.replicas)]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """See `SentinelGroup`."""
        return self._group.addresses

    @property
    def sentinel_addresses(self) -> list[tuple[str, int]]:
        """See `SentinelGroup`."""
        return self._group.sentinel_addresses

    def snapshot(self) -> Data:
        """See `SentinelGroup`."""
        return self._thread.call(self._group.snapshot)

    def partition(self, some: Iterable[_NodeT], others: Iterable[_NodeT], *, one_way: bool = False) -> None:
        """See `SentinelGroup`."""
        nodes = [self._node_of(each) for each in some], [self._node_of(each) for each in others]
        self._thread.call(lambda: self._group.partition(*nodes, one_way=one_way))
