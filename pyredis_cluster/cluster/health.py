"""The cluster's state as this node sees it: ok, or fail."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.ready import StateChanged
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.protocol.slots import SLOT_COUNT

_MIN_REJOIN_DELAY_MS: Final = 500
_MAX_REJOIN_DELAY_MS: Final = 5000


def update_health(state: ClusterState) -> None:
    """Evaluate the state anew.

    It fails where a slot has no owner or one that is down (unless full coverage is not required), and
    where less than the majority of the primaries with slots is reachable from here. A primary returns to
    ok only some time after it started or was in a minority, so that it can learn of a failover first.
    Source: clusterUpdateState.
    """
    state.out.update_state = False
    now_ms = state.now_ms
    if state.first_update_ms is None:
        state.first_update_ms = now_ms
    am_primary = state.myself.is_primary
    if am_primary and not state.ok and now_ms - state.first_update_ms < state.settings.writable_delay_ms:
        return
    voters = [node for node in state.nodes.values() if node.is_primary and node.slot_count]
    state.size = len(voters)
    ok = not state.settings.require_full_coverage or _is_covered(state)
    reachable = sum(1 for node in voters if not node.flags & (wire.FAIL | wire.PFAIL))
    if reachable < state.size // 2 + 1:
        ok = False
        state.minority_ms = now_ms
    if ok == state.ok:
        return
    delay_ms = min(max(state.settings.node_timeout_ms, _MIN_REJOIN_DELAY_MS), _MAX_REJOIN_DELAY_MS)
    if ok and am_primary and now_ms - state.minority_ms < delay_ms:
        return
    _become(state, ok=ok)


def _is_covered(state: ClusterState) -> bool:
    covered = sum(node.slot_count for node in state.nodes.values() if not node.is_failed)
    return covered == SLOT_COUNT


def _become(state: ClusterState, *, ok: bool) -> None:
    state.ok = ok
    state.refresh_all_served()
    state.out.emit(StateChanged(ok))
    state.out.log("notice" if ok else "warning", f"Cluster state changed: {'ok' if ok else 'fail'}")
