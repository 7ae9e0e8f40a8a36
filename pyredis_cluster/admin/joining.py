"""Nodes that meet, and waiting until all know each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.link import Word, resolve
from pyredis_cluster.admin.live import LiveCluster, info_field, text_of
from pyredis_cluster.admin.topology import Node, signature

_POLL_S = 0.1
_POLLS_PER_DOT = 10
_MOST_POLLS_FOR_UP = 100
_DOTS_BEFORE_WARNING = 20
_DOTS_MORE_PER_NODE = 0.15
_WARNINGS = 6


def meet_words(first: Node) -> list[Word]:
    """CLUSTER MEET for a node that is to join `first`. Raises UnreachableError for an unknown host."""
    words: list[Word] = ["CLUSTER", "MEET", resolve(first.address.host), first.address.port]
    # Before Redis 4.0 there was no such argument.
    return words if first.address.has_usual_bus_port else [*words, first.address.bus_port]


def wait_until_joined(
    environment: Environment, cluster: LiveCluster, primary_of: Mapping[Node, Node]
) -> None:
    """Wait until all nodes agree on who has which slots, and future replicas know their primaries.

    Not until all know all: those that were told to forget a node do not listen to gossip of it for a minute.
    Every 20 seconds or so says who does not reach whom, and gives up in the end. Raises AdminError.
    """
    console = environment.console
    console.write("Waiting for the cluster to join\n")
    dots_before_warning = int(_DOTS_BEFORE_WARNING + len(cluster.nodes) * _DOTS_MORE_PER_NODE)
    for warning in range(_WARNINGS):
        for poll in range(dots_before_warning * _POLLS_PER_DOT):
            if _is_joined(cluster, primary_of):
                console.write("\n")
                return
            environment.sleep(_POLL_S)
            if poll % _POLLS_PER_DOT == _POLLS_PER_DOT - 1:
                console.write(".")
        _warn(environment, cluster)
        if warning == _WARNINGS - 1:
            raise AdminError("[ERR] The cluster did not join in time.")


def wait_until_up(environment: Environment, cluster: LiveCluster) -> None:
    """Wait until all primaries serve, which those that just joined, or just got slots, do after a moment.

    They neither give nor take keys before. Gives up silently in the end: moving then fails with the reason.
    """
    for _ in range(_MOST_POLLS_FOR_UP):
        infos = cluster.call_each(cluster.primaries, "CLUSTER", "INFO")
        if all(info_field(text_of(info), "cluster_state") == "ok" for info in infos):
            return
        environment.sleep(_POLL_S)


def is_consistent(views: Sequence[Sequence[Node]]) -> bool:
    """Whether all agree on who has which slots."""
    first = signature(views[0])
    return all(signature(view) == first for view in views)


def _is_joined(cluster: LiveCluster, primary_of: Mapping[Node, Node]) -> bool:
    views = dict(zip(cluster.nodes, cluster.views(), strict=True))
    return is_consistent(list(views.values())) and all(
        any(node.node_id == primary.node_id and node.is_known for node in views[replica])
        for replica, primary in primary_of.items()
    )


def _warn(environment: Environment, cluster: LiveCluster) -> None:
    console = environment.console
    unreached: dict[str, list[Node]] = defaultdict(list)
    bus_ports = {}
    for node, view in zip(cluster.nodes, cluster.views(), strict=True):
        for other in view:
            if not other.is_myself and not (other.is_linked and other.is_known):
                unreached[str(other)].append(node)
                bus_ports[str(other)] = other.address
    if not unreached:
        return
    console.write("\n")
    console.error(f"Warning: {len(unreached)} node(s) may be unreachable")
    for text, sources in unreached.items():
        address = bus_ports[text]
        console.error(f" - The port {address.bus_port} of node {address.host} may be unreachable from:")
        for node in sources:
            console.error(f"   {node}")
    console.error(
        "Cluster bus ports must be reachable by every node.\n"
        "Remember that cluster bus ports are different from standard instance ports."
    )
