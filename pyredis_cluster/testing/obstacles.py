"""What keeps a cluster from being ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyredis_cluster.protocol.slots import SLOT_COUNT
from pyredis_cluster.server.readiness import is_in_sync
from pyredis_cluster.testing.cluster_node import ClusterNode, view_of


def obstacles(nodes: Sequence[ClusterNode]) -> Iterator[str]:
    """Why nodes, which run, do not agree, serve every slot, and have replicas in sync; none where they do.

    A node that is gone may not be missed yet by the others: what counts is who is there.
    """
    served = sum(node.core.state.myself.slot_count for node in nodes)
    if served != SLOT_COUNT:
        yield f"{served} of {SLOT_COUNT} slots are served by the nodes that run"
    if len({view_of(node) for node in nodes}) > 1:
        yield "the nodes do not agree on roles and slots"
    for node in nodes:
        if not node.core.ok:
            yield f"{node.address} takes the cluster for failed"
        if not is_in_sync(node.cluster):
            yield f"{node.address} is not in sync with its primary"
