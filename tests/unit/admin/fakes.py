"""Nodes that answer as told, to commands that think they are connected."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import ReplyError, UnreachableError
from pyredis_cluster.admin.link import Credentials, Link, Reply, Word
from pyredis_cluster.admin.live import LiveCluster
from pyredis_cluster.admin.topology import Node
from tests.unit.admin.nodes import RememberingConsole


class FakeLink(Link):
    """Answers OK, or what `replies` has for the request: a reply, or several for one time after the other.

    Requests are kept in `sent`, shared by the links of a test, with the port of the node.
    """

    def __init__(self, port: int, sent: list[str]) -> None:
        self.port = port
        self.sent = sent
        self.replies: dict[str, list[Reply]] = {}
        self._pending: list[Reply] = []

    def send(self, requests: Sequence[Sequence[Word]]) -> None:
        for words in requests:
            text = " ".join([word.decode() if isinstance(word, bytes) else str(word) for word in words])
            self.sent.append(f"{self.port} {text}")
            self._pending.append(self._reply(text))

    def receive(self, count: int) -> list[Reply]:
        if b"CLOSE" in self._pending:
            self._pending.clear()
            raise UnreachableError("closed")
        replies, self._pending = self._pending[:count], self._pending[count:]
        return replies

    def close(self) -> None:
        self.sent.append(f"{self.port} closed")

    def refuses(self, request: str, text: str) -> None:
        """Answer requests that begin so with an error, once."""
        self.replies.setdefault(request, []).append(ReplyError(f"127.0.0.1:{self.port}", text))

    def _reply(self, text: str) -> Reply:
        for beginning, replies in self.replies.items():
            if text.startswith(beginning) and replies:
                return (
                    replies.pop(0) if len(replies) > 1 or isinstance(replies[0], ReplyError) else replies[0]
                )
        return b"OK"


class FakeCluster:
    """Nodes with fake links, as commands find them loaded, or as they find them by dialling."""

    def __init__(self, nodes: Sequence[Node], *answers: str) -> None:
        self.sent: list[str] = []
        self.console = RememberingConsole(*answers)
        self.slept_s = 0.0
        self.live = LiveCluster()
        self.links = {node: FakeLink(node.address.port, self.sent) for node in nodes}
        for node, link in self.links.items():
            self.live.add(node, link)
            link.replies["INFO"] = [b"# Cluster\r\ncluster_enabled:1\r\n"]
            link.replies["CLUSTER INFO"] = [b"cluster_state:ok\r\ncluster_known_nodes:1\r\n"]
            link.replies["DBSIZE"] = [7]
            link.replies["CLUSTER COUNTKEYSINSLOT"] = [0]
            self.show(node, nodes)
        self.environment = Environment(self.console, self.dial, self.sleep, Random(1))

    def show(self, viewer: Node, nodes: Sequence[Node]) -> None:
        """Have a node tell of these nodes in CLUSTER NODES."""
        self.links[viewer].replies["CLUSTER NODES"] = [cluster_nodes(viewer, nodes).encode()]

    def dial(self, address: Address, credentials: Credentials) -> FakeLink:
        for node, link in self.links.items():
            if node.address.port == address.port:
                return link
        raise UnreachableError(f"Could not connect to Redis at {address}: Connection refused")

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds


def cluster_nodes(viewer: Node, nodes: Sequence[Node]) -> str:
    """CLUSTER NODES as `viewer` tells it."""
    lines = []
    for node in nodes:
        flags = ",".join((["myself"] if node is viewer else []) + list(node.flags))
        slots = [str(slot) for slot in sorted(node.slots)] if len(node.slots) < 100 else [_ends(node)]
        if node is viewer:
            slots += [f"[{slot}->-{other}]" for slot, other in node.migrating.items()]
            slots += [f"[{slot}-<-{other}]" for slot, other in node.importing.items()]
        link = "connected" if node.is_linked else "disconnected"
        address = f"{node}@{node.address.bus_port}"
        fields = [
            node.node_id,
            address,
            flags,
            node.primary_id or "-",
            "0",
            "0",
            str(node.config_epoch),
            link,
        ]
        lines.append(" ".join([*fields, *slots]))
    return "\n".join(lines) + "\n"


def _ends(node: Node) -> str:
    assert len(node.slots) == max(node.slots) - min(node.slots) + 1
    return f"{min(node.slots)}-{max(node.slots)}"
