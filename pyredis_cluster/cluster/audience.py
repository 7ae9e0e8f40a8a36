"""Where a client is told that nodes are, if that depends on the way by which it came.

Clients may reach a host by several addresses, and through forwarded ports. Each is then told of the nodes
of that host by an address that is of use to it (`cluster-announce-to-clients`). What nodes tell each other
stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.config.announcing import ANY, SAME, AnnounceRule


@dataclass(frozen=True, slots=True)
class Audience:
    """One who is told that the nodes of this host are on `host`, at ports `port_shift` higher."""

    host: str = ""
    port_shift: int = 0

    def ip(self, state: ClusterState, node: ClusterNode) -> str:
        """The address of `node`."""
        return self.host if self._concerns(state, node) else node.ip

    def port(self, state: ClusterState, node: ClusterNode, *, tls: bool) -> int:
        """The port of `node` for clients."""
        return self.shifted(state, node, node.client_port(tls))

    def shifted(self, state: ClusterState, node: ClusterNode, port: int) -> int:
        """One of the ports of `node`."""
        return port + self.port_shift if port and self._concerns(state, node) else port

    def _concerns(self, state: ClusterState, node: ClusterNode) -> bool:
        return bool(self.host) and node.ip == state.myself.ip


ANYONE: Final = Audience()
"""Who is told what nodes tell each other."""


def audience_of(rules: Iterable[AnnounceRule], via: str) -> Audience:
    """Whom a client is that came by the address `via` of this host; that is empty where it came by none."""
    for rule in rules:
        if rule.via in (ANY, via):
            return Audience(via if rule.host == SAME else rule.host, rule.port_shift)
    return ANYONE
