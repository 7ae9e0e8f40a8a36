"""Asking all nodes how they fare, again and again, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.errors import AdminError, ReplyError, UnreachableError
from pyredis_cluster.admin.link import Link, Reply
from pyredis_cluster.admin.live import text_of
from pyredis_cluster.admin.status import Answers, Member, Status
from pyredis_cluster.admin.status_report import find_problems
from pyredis_cluster.admin.topology import Node, parse_nodes, signature

_AT_ONCE = 16
_NO_BUS = 0
_QUESTIONS = (("INFO",), ("CLUSTER", "NODES"), ("CLUSTER", "INFO"))


class Observer:
    """Connections to nodes that last from look to look. `dial` raises UnreachableError and ReplyError."""

    def __init__(self, dial: Callable[[Address], Link], first: Address) -> None:
        self._dial = dial
        self._first = first
        self._known: list[Address] = []
        self._links: dict[Address, Link] = {}

    def look(self) -> Status:
        """How all fare now. Raises AdminError where none of the nodes that are known can be asked."""
        failure: AdminError | None = None
        for address in dict.fromkeys([self._first, *self._known]):
            try:
                return self._look_from(address)
            except (UnreachableError, ReplyError) as error:
                failure = failure or error
        assert failure is not None
        raise failure

    def close(self) -> None:
        """End all connections."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    def _look_from(self, address: Address) -> Status:
        answers, nodes = self._ask(address)
        is_cluster = bool(nodes)
        if not is_cluster:
            address, nodes = self._group_around(address, answers)
        members = [Member(_reached(node, address)) for node in nodes]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            # The first one, too: what it said may be older by as long as another one was waited for.
            list(threads.map(self._fill, members))
        self._known = [member.node.address for member in members]
        status = Status(address, members, is_cluster)
        status.problems = find_problems(status)
        return status

    def _fill(self, member: Member) -> None:
        address = member.node.address
        if not address.host or not address.port:
            return
        try:
            member.answers, _ = self._ask(address)
        except AdminError as error:
            member.failure = str(error).rpartition(": ")[2].strip()

    def _ask(self, address: Address) -> tuple[Answers, list[Node]]:
        """What a node says of itself and of all. Raises UnreachableError, ReplyError, AdminError."""
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = self._dial(address)
        try:
            info, nodes_reply, cluster_info = link.call_all(
                [("INFO",), ("CLUSTER", "NODES"), ("CLUSTER", "INFO")]
            )
        except UnreachableError:
            self._links.pop(address).close()
            raise
        if isinstance(info, ReplyError):
            raise info
        if isinstance(nodes_reply, ReplyError):
            return Answers(text_of(info)), []
        nodes = parse_nodes(text_of(nodes_reply))
        itself = next((node for node in nodes if node.is_myself), None)
        view = tuple([(node_id, tuple(slots)) for node_id, slots in signature(nodes)])
        return Answers(text_of(info), _text(cluster_info), itself, view), nodes

    def _group_around(self, address: Address, answers: Answers) -> tuple[Address, list[Node]]:
        """A server that is no cluster node, as the primary that it has or is, and its replicas."""
        if answers.text("redis_mode") == "sentinel":
            raise AdminError(f"{address} is a sentinel: give the address of a server or a cluster node.")
        if answers.text("role") == "slave" and answers.text("master_host"):
            address = Address(answers.text("master_host"), answers.number("master_port"), _NO_BUS)
            answers, _ = self._ask(address)
        nodes = [_server(address, None)]
        for line in answers.info.splitlines():
            name, _, fields = line.partition(":")
            if name.startswith("slave") and name[5:].isdecimal():
                found = dict(part.partition("=")[::2] for part in fields.split(","))
                nodes.append(_server(Address(found["ip"], int(found["port"]), _NO_BUS), str(address)))
        return address, nodes


def _server(address: Address, primary: str | None) -> Node:
    flags = ("slave",) if primary else ("myself", "master")
    return Node(address, str(address), flags, primary, 0, True)


def _reached(node: Node, address: Address) -> Node:
    """The node that was asked may not know its own address, or by which one it was reached."""
    if node.is_myself:
        node.address = address._replace(bus_port=node.address.bus_port)
    return node


def _text(reply: Reply) -> str:
    return "" if isinstance(reply, ReplyError) else text_of(reply)
