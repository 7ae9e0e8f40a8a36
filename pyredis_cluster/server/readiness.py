"""Whether a server of a group that starts together is as far as its clients expect, and what it waits for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pyredis_cluster.sentinel.instance import DOWN

if TYPE_CHECKING:
    from pyredis_cluster.cluster.node import ClusterNode as OtherNode
    from pyredis_cluster.server.cluster import ClusterNode
    from pyredis_cluster.server.sentinel import SentinelNode
    from pyredis_cluster.server.server import Server


def is_in_sync(node: ClusterNode) -> bool:
    """Whether a node is a primary, or a replica whose link to its primary is up."""
    roles = node.server_state.replication_roles
    return not node.is_replica or (roles is not None and roles.is_link_up)


def serve_at_once(server: Server) -> None:
    """Have a node that has just started serve: for a new cluster.

    Others wait to hear of a failover that they may have missed; here was none.
    """
    if server.cluster is not None:
        server.cluster.settings.writable_delay_ms = 0
        server.cluster.tick()


def is_ready(server: Server, ports: Collection[int]) -> bool:
    """Whether a server serves, is in sync, and knows that those of the group on `ports` are."""
    if server.sentinel is not None:
        return _knows_all(server.sentinel, ports)
    roles = server.replication_roles
    if server.cluster is None:
        return roles.primary is None or roles.is_link_up
    node = server.cluster
    state = node.core.state
    others = [each for each in state.nodes.values() if each is not state.myself and each.tcp_port in ports]
    return state.ok and is_in_sync(node) and has_copy(node) and all(map(_is_shown, others))


def has_copy(node: ClusterNode) -> bool:
    """Whether a node is a primary, or a replica of which clients are told (see CLUSTER SLOTS)."""
    return not node.is_replica or node.core.state.repl_offset() != 0


def _is_shown(other: OtherNode) -> bool:
    return not other.is_replica or other.repl_offset != 0


def hasten(server: Server) -> None:
    """Have a node say now what others would else wait for.

    Clients are not told of a replica before it is known to have taken over something, so its primary gives it
    something, and it tells all others; else it would wait for its primary's next PING, and for gossip.
    """
    node = server.cluster
    if node is None:
        return
    if not node.is_replica:
        replicas = node.server_state.replicas
        if replicas and any(not replica.repl_offset for replica in node.core.state.myself.replicas):
            replicas.replicate([b"PING"])
    elif has_copy(node):
        node.announce()


def _knows_all(sentinel: SentinelNode, ports: Collection[int]) -> bool:
    """Whether a sentinel has all servers and sentinels on `ports` connected and in sync."""
    for master in sentinel.core.state.masters.values():
        replicas = {
            each.address.port
            for each in master.replicas.values()
            if each.info_ms and each.master_link_up and not each.flags & DOWN
        }
        sentinels = {each.address.port for each in master.sentinels.values() if not each.link.is_disconnected}
        known = {master.address.port, *replicas, *sentinels}
        if not master.info_ms or len(known.intersection(ports)) < len(ports) - 1:
            return False
    return True
