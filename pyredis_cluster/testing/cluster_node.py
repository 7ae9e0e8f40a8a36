"""One node of a cluster in the test's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.cluster.bitmap import ranges
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot
from pyredis_cluster.testing.node import Node

if TYPE_CHECKING:
    from pyredis_cluster.cluster.core import ClusterCore
    from pyredis_cluster.server.cluster import ClusterNode as RunningNode


class ClusterNode(Node):
    """A node of a cluster; see `Node`."""

    @property
    def cluster(self) -> RunningNode:
        """The cluster side of the running server, with what CLUSTER's subcommands do. Raises RuntimeError."""
        node = self.server.cluster
        assert node is not None
        self.server.state.update_time()
        return node

    @property
    def core(self) -> ClusterCore:
        """The cluster as this node sees it."""
        return self.cluster.core

    @property
    def node_id(self) -> str:
        """Its id."""
        return self.core.my_id

    @property
    def is_replica(self) -> bool:
        """Whether it is a replica, as it sees itself; False while it does not run."""
        return self.is_up and self.core.is_replica

    @property
    def primary_id(self) -> str:
        """Id of the node that it replicates, "" for a primary."""
        primary = self.core.state.myself.primary
        return primary.node_id if primary is not None else ""

    @property
    def slots(self) -> list[tuple[int, int]]:
        """The slots that it owns, as it sees it: ranges of a first and a last one."""
        return list(ranges(self.core.state.myself.slots))


def slot_of(key: str | bytes | int) -> int:
    """The slot of a key; a number is one. Raises ValueError for a number that is none."""
    if isinstance(key, int):
        if key not in range(SLOT_COUNT):
            raise ValueError(f"there is no slot {key}: they are 0 to {SLOT_COUNT - 1}")
        return key
    return key_slot(key.encode() if isinstance(key, str) else key)


def view_of(node: ClusterNode) -> frozenset[tuple[str, str, bytes]]:
    """Who owns what and replicates whom, as a node sees it."""
    return frozenset(
        (known.node_id, known.primary.node_id if known.primary is not None else "", bytes(known.slots))
        for known in node.core.state.nodes.values()
    )
