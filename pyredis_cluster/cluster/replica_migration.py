"""Replicas that move on their own: from primaries with several of them to primaries that lost theirs.

A primary is orphaned while none of its replicas works, if it had some, or got its slots while others had
replicas (MIGRATE_TO). Of all replicas of the best provided primaries, the one with the least node id goes,
once the primary has been orphaned for a while: its natural replicas may just be on their way.
"""

from __future__ import annotations

from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.state import ClusterState

_MIN_ORPHANED_MS: Final = 5000


def consider_migration(state: ClusterState) -> None:
    """Follow an orphaned primary instead of ours, where this replica is the one to go. O(nodes).

    Not while the cluster's state is fail, nor where fewer than `cluster-migration-barrier` working replicas
    would stay behind, or none.
    Source: clusterHandleSlaveMigration, and its conditions in clusterCron.
    """
    mine = state.myself.primary
    if mine is None or not state.settings.allow_replica_migration or not state.ok:
        return
    nodes = state.nodes.values()
    primaries = [node for node in nodes if node.is_primary and not node.flags & (wire.FAIL | wire.NOADDR)]
    most = max((_count_working(node) for node in primaries), default=0)
    if most < 2 or mine not in primaries or _count_working(mine) != most:
        return
    if not any(node.slot_count and _is_orphaned(node) for node in primaries):
        return
    answering = sum(1 for replica in mine.replicas if not replica.flags & (wire.FAIL | wire.PFAIL))
    if answering <= state.settings.migration_barrier:
        return
    targets = [node for node in nodes if _note_orphaned(state, node) and node.slot_count]
    if not targets or state.now_ms - targets[0].orphaned_ms <= _MIN_ORPHANED_MS:
        return
    best_provided = [node for node in nodes if node.is_primary and _count_working(node) == most]
    if state.myself.node_id == min(replica.node_id for node in best_provided for replica in node.replicas):
        state.out.log("notice", f"Migrating to orphaned master {targets[0].node_id}")
        become_replica_of(state, targets[0])


def _count_working(primary: ClusterNode) -> int:
    return sum(1 for replica in primary.replicas if not replica.is_failed)


def _is_orphaned(node: ClusterNode) -> bool:
    is_meant = node.is_primary and not node.is_failed and bool(node.flags & wire.MIGRATE_TO)
    return is_meant and not _count_working(node)


def _note_orphaned(state: ClusterState, node: ClusterNode) -> bool:
    """Whether a node is orphaned; `orphaned_ms` says since when."""
    if not _is_orphaned(node):
        node.orphaned_ms = 0
        return False
    node.orphaned_ms = node.orphaned_ms or state.now_ms
    return True
