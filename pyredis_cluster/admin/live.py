"""A cluster with a connection to each of its nodes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, NotANodeError, ReplyError, UnreachableError
from pyredis_cluster.admin.link import Link, Reply, Word
from pyredis_cluster.admin.open_slots import Holding
from pyredis_cluster.admin.topology import Node, Topology, parse_nodes

_BATCH = 1024
"""How many requests are sent at once, at most."""


class LiveCluster(Topology):
    """Nodes that can be asked."""

    def __init__(self) -> None:
        super().__init__(())
        self.links: dict[Node, Link] = {}

    def add(self, node: Node, link: Link) -> None:
        """Have one more node."""
        self.nodes.append(node)
        self.links[node] = link

    def call(self, node: Node, *words: Word) -> Reply:
        """A node's reply. Raises ReplyError, UnreachableError."""
        return self.links[node].call(*words)

    def call_all(self, node: Node, requests: Sequence[Sequence[Word]]) -> list[Reply]:
        """A node's replies to many requests, errors among them. Raises UnreachableError."""
        replies: list[Reply] = []
        for start in range(0, len(requests), _BATCH):
            replies += self.links[node].call_all(requests[start : start + _BATCH])
        return replies

    def call_each(self, nodes: Sequence[Node], *words: Word) -> list[Reply | UnreachableError]:
        """Replies of several nodes to the same request, errors and lost connections among them."""
        lost: dict[Node, UnreachableError] = {}
        for node in nodes:
            try:
                self.links[node].send([words])
            except UnreachableError as error:
                lost[node] = error
        replies: list[Reply | UnreachableError] = []
        for node in nodes:
            try:
                replies.append(lost.get(node) or self.links[node].receive(1)[0])
            except UnreachableError as error:
                replies.append(error)
        return replies

    def views(self) -> list[list[Node]]:
        """What each node says of all. Raises ReplyError, UnreachableError, AdminError."""
        return [ask_nodes(self.links[node]) for node in self.nodes]

    def holdings(self, slots: Sequence[int]) -> dict[int, list[Holding]]:
        """What each primary has of each slot. Raises ReplyError, UnreachableError."""
        found: dict[int, list[Holding]] = {slot: [] for slot in slots}
        requests = [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots]
        for node in self.primaries:
            for slot, reply in zip(slots, self.call_all(node, requests), strict=True):
                if isinstance(reply, ReplyError):
                    raise reply
                found[slot].append(Holding(node, slot, reply if isinstance(reply, int) else 0))
        return found

    def close(self) -> None:
        """End all connections."""
        for link in self.links.values():
            link.close()


def text_of(reply: object) -> str:
    """A reply that is a text."""
    return reply.decode(errors="replace") if isinstance(reply, bytes) else ""


def ask_nodes(link: Link) -> list[Node]:
    """CLUSTER NODES. Raises ReplyError, UnreachableError, AdminError."""
    return parse_nodes(text_of(link.call("CLUSTER", "NODES")))


def info_field(info: str, name: str) -> str:
    """The value of a field of INFO or CLUSTER INFO, empty where there is none."""
    for line in info.splitlines():
        found, colon, value = line.partition(":")
        if colon and found == name:
            return value
    return ""


def connect_node(environment: Environment, address: Address) -> tuple[Node, Link]:
    """Connect to a cluster node and have it tell of itself.

    Raises UnreachableError, ReplyError, NotANodeError, AdminError.
    """
    link = environment.connect(address)
    try:
        require_cluster_node(link, address)
        return _itself(ask_nodes(link), address), link
    except AdminError:
        link.close()
        raise


def require_cluster_node(link: Link, address: Address) -> None:
    """Raises NotANodeError where cluster mode is off; UnreachableError."""
    try:
        info = text_of(link.call("INFO"))
    except ReplyError as error:
        raise NotANodeError(str(address), error.text) from None
    if info_field(info, "cluster_enabled") != "1":
        raise NotANodeError(str(address), "is not configured as a cluster node.")


def require_empty(link: Link, address: Address) -> None:
    """Raises NotANodeError where a node has keys or knows others; ReplyError, UnreachableError."""
    has_keys = info_field(text_of(link.call("INFO")), "db0") != ""
    known = info_field(text_of(link.call("CLUSTER", "INFO")), "cluster_known_nodes")
    if has_keys or known != "1":
        raise NotANodeError(
            str(address),
            "is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains "
            "some key in database 0.",
        )


@contextlib.contextmanager
def loaded(environment: Environment, address: Address) -> Iterator[LiveCluster]:
    """The cluster that a node is of; its connections end with the with-block.

    Nodes that cannot be asked are left out. Raises UnreachableError, ReplyError, NotANodeError, AdminError.
    """
    with contextlib.closing(LiveCluster()) as cluster:
        load_into(cluster, environment, address)
        yield cluster


def load_into(cluster: LiveCluster, environment: Environment, address: Address) -> None:
    """Add all nodes of a node's cluster; as `loaded`."""
    link = environment.connect(address)
    try:
        require_cluster_node(link, address)
        nodes = ask_nodes(link)
        first = _itself(nodes, address)
    except AdminError:
        link.close()
        raise
    cluster.add(first, link)
    for seen in nodes:
        if not seen.is_myself and not _add_friend(cluster, environment, seen):
            cluster.unreachable_primaries += not seen.is_replica
    for node in cluster.count_replicas():
        environment.console.warning(
            f"*** WARNING: {node} claims to be slave of unknown node ID {node.primary_id}."
        )


def _add_friend(cluster: LiveCluster, environment: Environment, seen: Node) -> bool:
    """Ask a node that another one knows; returns whether it answers and is not taken for lost."""
    if not seen.address.host or not seen.address.port:
        return False
    try:
        link = environment.connect(seen.address)
    except UnreachableError as error:
        environment.console.complain(str(error))
        return False
    except ReplyError as error:
        environment.console.error(str(error))
        return False
    try:
        node = _itself(ask_nodes(link), seen.address)
    except AdminError:
        environment.console.error(f"[ERR] Unable to load info for node {seen.address}")
        link.close()
        return False
    if seen.is_lost or node.is_lost:
        link.close()
        return False
    cluster.add(node, link)
    return True


def _itself(nodes: Iterable[Node], address: Address) -> Node:
    """The line of the node that was asked, under the address at which it was reached."""
    for node in nodes:
        if node.is_myself:
            return replace(node, address=address._replace(bus_port=node.address.bus_port))
    raise AdminError("Error: invalid CLUSTER NODES reply")
