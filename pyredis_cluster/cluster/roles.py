"""The doors into the roles primary and replica, for this node and for others."""

from __future__ import annotations

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.ready import FollowPrimary, ResumeWrites, StopFollowing
from pyredis_cluster.cluster.state import ClusterState


def become_primary(state: ClusterState, node: ClusterNode) -> None:
    """Make `node` a primary; no effect on one that is.

    Source: clusterSetNodeAsMaster.
    """
    if node.is_primary:
        return
    if node.primary is not None:
        state.remove_replica(node.primary, node)
        if node is not state.myself:
            node.flags |= wire.MIGRATE_TO
    node.flags = node.flags & ~wire.REPLICA | wire.PRIMARY
    if node is state.myself:
        state.is_following = False
        state.out.emit(StopFollowing())
        state.out.save_config()
    else:
        state.out.save_hearsay()
    state.out.update_state = True


def become_replica(state: ClusterState, node: ClusterNode, primary: ClusterNode | None) -> None:
    """Make another node a replica of `primary`, None where that one is not known here.

    A primary that turned replica loses its slots: they are claimed by another, or by nobody.
    """
    assert node is not state.myself
    if node.is_primary:
        state.delete_slots_of(node)
        node.flags = node.flags & ~(wire.PRIMARY | wire.MIGRATE_TO) | wire.REPLICA
        state.out.save_hearsay()
        state.out.update_state = True
    if primary is not None and node.primary is not primary and primary is not node:
        if node.primary is not None:
            state.remove_replica(node.primary, node)
        state.add_replica(primary, node)
        state.join_shard(node, primary.shard_id)
        state.out.save_hearsay()


def become_replica_of(state: ClusterState, primary: ClusterNode) -> None:
    """Make this node, which has no slots, a replica of `primary`.

    Source: clusterSetMaster.
    """
    me = state.myself
    assert primary is not me
    assert me.slot_count == 0
    if me.is_primary:
        me.flags = me.flags & ~(wire.PRIMARY | wire.MIGRATE_TO) | wire.REPLICA
        state.close_all_slots()
    elif me.primary is not None:
        state.remove_replica(me.primary, me)
    state.add_replica(primary, me)
    state.join_shard(me, primary.shard_id)
    follow_primary(state)
    end_manual_failover(state)
    state.out.save_config(fsync=True)
    state.out.update_state = True


def follow_primary(state: ClusterState) -> None:
    """Have this node, a replica, replicate from where its primary is now."""
    primary = state.myself.primary
    assert primary is not None
    state.is_following = True
    state.out.emit(FollowPrimary(primary.node_id, primary.ip, primary.client_port(False)))


def end_manual_failover(state: ClusterState) -> None:
    """Forget a failover that was asked for, done or not; clients that waited for it go on.

    Source: resetManualFailover.
    """
    manual = state.manual_failover
    if manual is not None and manual.replica is not None:
        state.out.emit(ResumeWrites())
    state.manual_failover = None
