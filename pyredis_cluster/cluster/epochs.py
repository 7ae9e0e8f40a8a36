"""Config epochs: which configuration of a slot is the newer one.

They should be unique among primaries. Those given without an election may collide; collisions are
resolved by node id until none is left.
"""

from __future__ import annotations

from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.state import ClusterState


def note_epochs(state: ClusterState, sender: ClusterNode, current_epoch: int, config_epoch: int) -> None:
    """Take over greater epochs that a known sender announces."""
    if current_epoch > state.current_epoch:
        state.current_epoch = current_epoch
    if config_epoch > sender.config_epoch:
        sender.config_epoch = config_epoch
        state.save_claims_of(sender)


def bump_without_consensus(state: ClusterState) -> bool:
    """Give this node the greatest config epoch; False where it has it already.

    Source: clusterBumpConfigEpochWithoutConsensus.
    """
    me = state.myself
    if me.config_epoch != 0 and me.config_epoch == state.greatest_epoch():
        return False
    me.config_epoch = state.next_epoch()
    state.out.save_config(fsync=True)
    state.out.log("notice", f"New configEpoch set to {me.config_epoch}")
    return True


def resolve_collision(state: ClusterState, sender: ClusterNode) -> None:
    """Move to a new epoch where another primary has ours and the greater id: so the greatest id stays.

    Source: clusterHandleConfigEpochCollision.
    """
    me = state.myself
    if sender.config_epoch != me.config_epoch or not sender.is_primary or not me.is_primary:
        return
    if sender.node_id <= me.node_id:
        return
    me.config_epoch = state.next_epoch()
    state.out.save_config(fsync=True)
    state.out.log(
        "verbose",
        f"WARNING: configEpoch collision with node {sender.node_id} ({sender.human_nodename})."
        f" configEpoch set to {me.config_epoch}",
    )
