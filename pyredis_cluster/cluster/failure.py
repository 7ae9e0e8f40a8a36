"""Failure detection: suspicion, reports of others, agreement, and recovery.

A node that does not answer for the node timeout is suspected (PFAIL) by whoever notices. Where a majority
of the primaries that have slots suspects it, it is down (FAIL), and all are told so. Both are undone when
it answers again; FAIL of a primary with slots only after a while, so that a failover can happen first.
"""

from __future__ import annotations

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.election import consider_failover
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.sending import broadcast_fail
from pyredis_cluster.cluster.state import ClusterState

_REPORT_VALIDITY_TIMEOUTS = 2
_UNDO_TIMEOUTS = 2


def become_suspected(node: ClusterNode) -> bool:
    """Set PFAIL, unless the node is already suspected or down; returns whether it was set."""
    if node.flags & (wire.PFAIL | wire.FAIL):
        return False
    node.flags |= wire.PFAIL
    return True


def become_failed(state: ClusterState, node: ClusterNode) -> None:
    """Set FAIL in place of PFAIL, and remember since when."""
    node.flags = node.flags & ~wire.PFAIL | wire.FAIL
    node.fail_ms = state.now_ms
    _changed(state)


def become_reachable(state: ClusterState, node: ClusterNode) -> None:
    """It answered: PFAIL ends at once, FAIL where the conditions of `undo_failure` hold."""
    if node.is_suspected:
        node.flags &= ~wire.PFAIL
        _changed(state)
    elif node.is_failed:
        undo_failure(state, node)


def undo_failure(state: ClusterState, node: ClusterNode) -> None:
    """End FAIL of a node that answers again.

    At once for a replica or a primary without slots; for a primary with slots once FAIL is older than
    twice the node timeout, since then apparently nobody takes its slots over.
    Source: clearNodeFailureIfNeeded.
    """
    settled = state.now_ms - node.fail_ms > state.settings.node_timeout_ms * _UNDO_TIMEOUTS
    if node.is_replica or node.slot_count == 0:
        what = "replica" if node.is_replica else "master without slots"
        reason = f"{what} is reachable again."
    elif node.is_primary and settled:
        reason = "is reachable again and nobody is serving its slots after some time."
    else:
        return
    node.flags &= ~wire.FAIL
    state.out.log("notice", f"Clear FAIL state for node {node.node_id} ({node.human_nodename}): {reason}")
    _changed(state)


def add_report(state: ClusterState, node: ClusterNode, reporter: ClusterNode) -> None:
    """`reporter` says that `node` is suspected or down; this may complete the agreement."""
    if reporter not in node.failure_reports:
        state.out.log("verbose", _report_text(reporter, node) + "as not reachable.")
    node.failure_reports[reporter] = state.now_ms
    agree_on_failure(state, node)


def withdraw_report(state: ClusterState, node: ClusterNode, reporter: ClusterNode) -> None:
    """`reporter` says that `node` is fine."""
    if node.failure_reports.pop(reporter, None) is not None:
        state.out.log("verbose", _report_text(reporter, node) + "is back online.")
        _expire_reports(state, node)


def count_reports(state: ClusterState, node: ClusterNode) -> int:
    """How many others report `node` as suspected or down, of late. O(reports)."""
    _expire_reports(state, node)
    return len(node.failure_reports)


def agree_on_failure(state: ClusterState, node: ClusterNode) -> None:
    """Turn PFAIL into FAIL, and tell all, where the majority of the primaries suspects `node`.

    Source: markNodeAsFailingIfNeeded.
    """
    if not node.is_suspected:
        return
    votes = count_reports(state, node) + state.myself.is_primary
    if votes < state.size // 2 + 1:
        return
    state.out.log(
        "notice", f"Marking node {node.node_id} ({node.human_nodename}) as failing (quorum reached)."
    )
    become_failed(state, node)
    broadcast_fail(state, node)
    _consider_replacing(state, node)


def handle_fail(state: ClusterState, sender: ClusterNode | None, sender_id: str, node_id: str) -> None:
    """A FAIL message: the majority was found elsewhere."""
    if sender is None:
        text = f"Ignoring FAIL message from unknown node {printable(sender_id)} about {printable(node_id)}"
        state.out.log("notice", text)
        return
    node = state.lookup(node_id)
    if node is None or node.flags & (wire.FAIL | wire.MYSELF):
        return
    state.out.log(
        "notice",
        f"FAIL message received from {sender.node_id} ({sender.human_nodename})"
        f" about {node_id} ({node.human_nodename})",
    )
    become_failed(state, node)
    _consider_replacing(state, node)


def printable(node_id: str) -> str:
    """An id that a peer sent, fit for one line of the log."""
    return node_id if node_id.isascii() and node_id.isalnum() else ascii(node_id)[1:-1]


def _expire_reports(state: ClusterState, node: ClusterNode) -> None:
    # Without this old gossip would fail a node that has healed.
    oldest_ms = state.now_ms - state.settings.node_timeout_ms * _REPORT_VALIDITY_TIMEOUTS
    reports = node.failure_reports
    for reporter in [reporter for reporter, time_ms in reports.items() if time_ms < oldest_ms]:
        del reports[reporter]


def _report_text(reporter: ClusterNode, node: ClusterNode) -> str:
    return (
        f"Node {reporter.node_id} ({reporter.human_nodename})"
        f" reported node {node.node_id} ({node.human_nodename}) "
    )


def _consider_replacing(state: ClusterState, node: ClusterNode) -> None:
    # The time until this replica's turn counts from here, not from the next tick.
    if node is state.myself.primary:
        consider_failover(state)


def _changed(state: ClusterState) -> None:
    state.out.save_hearsay()
    state.out.update_state = True
