"""What happens by the passing of time alone: reconnects, pings, suspicion, failover, replicas that move."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.election import consider_failover
from pyredis_cluster.cluster.failure import become_suspected
from pyredis_cluster.cluster.health import update_health
from pyredis_cluster.cluster.manual_failover import go_on_with_manual_failover
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.replica_migration import consider_migration
from pyredis_cluster.cluster.roles import follow_primary
from pyredis_cluster.cluster.sending import send_ping
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.cluster.wire import MessageType

MAX_TICK_MS: Final = 100
_MIN_TICK_MS: Final = 10
_TICKS_PER_TIMEOUT: Final = 5
_RANDOM_PING_MS: Final = 1000
_RANDOM_PING_CANDIDATES: Final = 5
_MIN_HANDSHAKE_MS: Final = 1000


def tick_interval_ms(node_timeout_ms: int) -> int:
    """How often `tick` is due: each 100 ms as in the reference, more often under a short node timeout.

    With 50 ms of node timeout, 100 ms between ticks would treble the time to detection.
    """
    return min(max(node_timeout_ms // _TICKS_PER_TIMEOUT, _MIN_TICK_MS), MAX_TICK_MS)


def next_tick_ms(state: ClusterState) -> int:
    """How soon the next tick is due: in time for this replica's turn to be elected, if that comes first."""
    interval_ms = tick_interval_ms(state.settings.node_timeout_ms)
    turn_ms = state.candidacy.start_ms - state.now_ms
    return turn_ms if state.myself.is_replica and 0 < turn_ms < interval_ms else interval_ms


def tick(state: ClusterState) -> None:
    """One round. Source: clusterCron."""
    for node in list(state.nodes.values()):
        _reconnect(state, node)
    _ping_random_node(state)
    suspected = False
    for node in state.nodes.values():
        if not node.flags & (wire.MYSELF | wire.NOADDR | wire.HANDSHAKE):
            suspected |= _watch(state, node)
    go_on_with_manual_failover(state)
    if state.myself.is_replica:
        _work_as_replica(state)
    if suspected or not state.ok:
        state.out.update_state = True
    if state.out.update_state:
        update_health(state)


def _work_as_replica(state: ClusterState) -> None:
    primary = state.myself.primary
    # One that nodes.conf made a replica follows as soon as it is known where to.
    if primary is not None and not state.is_following and not primary.flags & wire.NOADDR:
        follow_primary(state)
    consider_failover(state)
    if state.myself.is_replica:
        consider_migration(state)


def _reconnect(state: ClusterState, node: ClusterNode) -> None:
    """Connect to a node without link; drop one whose handshake takes too long."""
    if node.flags & (wire.MYSELF | wire.NOADDR):
        return
    handshake_ms = max(state.settings.node_timeout_ms, _MIN_HANDSHAKE_MS)
    if node.in_handshake and state.now_ms - node.created_ms > handshake_ms:
        state.delete_node(node)
    elif node.link is None:
        state.open_link(node)


def _ping_random_node(state: ClusterState) -> None:
    """Each second ping, of five nodes chosen at random, the one not heard of for the longest."""
    if state.now_ms < state.next_random_ping_ms:
        return
    state.next_random_ping_ms = state.now_ms + _RANDOM_PING_MS
    nodes = list(state.nodes.values())
    oldest: ClusterNode | None = None
    for _ in range(_RANDOM_PING_CANDIDATES):
        node = nodes[state.random.randrange(len(nodes))]
        if node.link is None or node.ping_sent_ms or node.flags & (wire.MYSELF | wire.HANDSHAKE):
            continue
        if oldest is None or node.pong_received_ms < oldest.pong_received_ms:
            oldest = node
    if oldest is not None and oldest.link is not None:
        send_ping(state, oldest.link, MessageType.PING)


def _watch(state: ClusterState, node: ClusterNode) -> bool:
    """Reconnect, ping or suspect one node; returns whether it is newly suspected."""
    now_ms = state.now_ms
    timeout_ms = state.settings.node_timeout_ms
    ping_delay_ms = now_ms - node.ping_sent_ms
    # Any data counts as a sign of life: under heavy PUBLISH traffic a PONG may be late.
    data_delay_ms = now_ms - node.data_received_ms
    silent = min(ping_delay_ms, data_delay_ms) > timeout_ms / 2
    link = node.link
    if link is not None and node.ping_sent_ms and silent and now_ms - link.created_ms > timeout_ms:
        # Perhaps the connection is at fault and not the node: try another one.
        state.drop_link(link)
        link = None
    ping_interval_ms = state.settings.ping_interval_ms or timeout_ms // 2
    if link is not None and not node.ping_sent_ms and now_ms - node.pong_received_ms > ping_interval_ms:
        send_ping(state, link, MessageType.PING)
        return False
    manual = state.manual_failover
    if link is not None and manual is not None and manual.replica is node:
        # It waits to hear how far it has to get.
        send_ping(state, link, MessageType.PING)
        return False
    if not node.ping_sent_ms or min(ping_delay_ms, data_delay_ms) <= timeout_ms:
        return False
    return become_suspected(node)
