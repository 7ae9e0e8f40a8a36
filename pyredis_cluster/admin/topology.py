"""What CLUSTER NODES tells a client, as nodes with their slots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyredis_cluster.admin.address import Address, parse_address
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.protocol.slots import SLOT_COUNT

_FIELDS_BEFORE_SLOTS = 8
_MIGRATING = "->-"
_IMPORTING = "-<-"


@dataclass(slots=True, eq=False)
class Node:
    """One node: from its own line of CLUSTER NODES where it could be asked.

    `migrating` has the id of the receiving node by slot, `importing` that of the giving one.
    """

    address: Address
    node_id: str
    flags: tuple[str, ...]
    primary_id: str | None
    config_epoch: int
    is_linked: bool
    slots: set[int] = field(default_factory=set)
    migrating: dict[int, str] = field(default_factory=dict)
    importing: dict[int, str] = field(default_factory=dict)
    replica_count: int = 0

    def __str__(self) -> str:
        return str(self.address)

    @property
    def is_replica(self) -> bool:
        """Whether the node follows another one."""
        return self.primary_id is not None

    @property
    def is_myself(self) -> bool:
        """Whether this is the node that was asked."""
        return "myself" in self.flags

    @property
    def is_lost(self) -> bool:
        """Whether the cluster has given the node up, or does not know where it is."""
        return "fail" in self.flags or "noaddr" in self.flags

    def close(self, slot: int) -> None:
        """The slot goes nowhere any more."""
        self.migrating.pop(slot, None)
        self.importing.pop(slot, None)

    @property
    def is_known(self) -> bool:
        """Whether both nodes have shaken hands."""
        return "handshake" not in self.flags


def parse_nodes(text: str) -> list[Node]:
    """All lines of a reply to CLUSTER NODES, in their order. Raises AdminError."""
    return [_parse_line(line) for line in text.splitlines() if line]


def _parse_line(line: str) -> Node:
    fields = line.split(" ")
    address = parse_address(fields[1]) if len(fields) >= _FIELDS_BEFORE_SLOTS else None
    if address is None:
        raise AdminError("Error: invalid CLUSTER NODES reply")
    node_id, _, flags, primary_id, _, _, epoch, link, *slots = fields
    names = tuple(flags.split(","))
    node = Node(
        address=address,
        node_id=node_id,
        flags=names,
        primary_id=primary_id if "slave" in names else None,
        config_epoch=int(epoch),
        is_linked=link != "disconnected",
    )
    for word in slots:
        _read_slots(node, word)
    return node


def _read_slots(node: Node, word: str) -> None:
    if word.startswith("["):
        inner = word.strip("[]")
        for mark, table in ((_MIGRATING, node.migrating), (_IMPORTING, node.importing)):
            slot, found, other = inner.partition(mark)
            if found:
                table[int(slot)] = other
    elif word:
        first, _, last = word.partition("-")
        node.slots.update(range(int(first), int(last or first) + 1))


def signature(nodes: Iterable[Node]) -> list[tuple[str, list[int]]]:
    """Who has which slots: nodes that agree have equal ones."""
    return sorted((node.node_id, sorted(node.slots)) for node in nodes if node.slots)


def slot_ranges(slots: Iterable[int]) -> list[tuple[int, int]]:
    """First and last slot of each run of adjacent ones, ascending."""
    ranges: list[tuple[int, int]] = []
    for slot in sorted(slots):
        if ranges and ranges[-1][1] == slot - 1:
            ranges[-1] = (ranges[-1][0], slot)
        else:
            ranges.append((slot, slot))
    return ranges


class Topology:
    """The nodes of a cluster that could be asked, the one that was asked first at the front.

    `unreachable_primaries` counts those that the first one knows, but that could not be asked.
    """

    def __init__(self, nodes: Iterable[Node], unreachable_primaries: int = 0) -> None:
        self.nodes = list(nodes)
        self.unreachable_primaries = unreachable_primaries

    @property
    def first(self) -> Node:
        """The node by which the cluster was found."""
        return self.nodes[0]

    @property
    def primaries(self) -> list[Node]:
        """All nodes that are not replicas, with and without slots."""
        return [node for node in self.nodes if not node.is_replica]

    def by_id(self, node_id: str) -> Node | None:
        """The node of that id, in either case."""
        wanted = node_id.lower()
        return next((node for node in self.nodes if node.node_id == wanted), None)

    def by_abbreviated_id(self, beginning: str) -> Node | None:
        """The first node whose id begins so."""
        wanted = beginning.lower()
        return next((node for node in self.nodes if node.node_id.startswith(wanted)), None)

    def with_fewest_replicas(self, other_than: Node | None = None) -> Node | None:
        """The first of the primaries with the fewest replicas."""
        candidates = [node for node in self.primaries if node is not other_than]
        return min(candidates, key=lambda node: node.replica_count, default=None)

    def count_replicas(self) -> list[Node]:
        """Set `replica_count` of all; returns the replicas whose primary is not among the nodes."""
        orphans = []
        for node in self.nodes:
            if node.primary_id is None:
                continue
            primary = self.by_id(node.primary_id)
            if primary is None:
                orphans.append(node)
            else:
                primary.replica_count += 1
        return orphans

    def uncovered_slots(self) -> list[int]:
        """Slots that no node has, ascending."""
        covered: set[int] = set().union(*[node.slots for node in self.nodes])
        return [slot for slot in range(SLOT_COUNT) if slot not in covered]
