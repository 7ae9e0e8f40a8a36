"""Which of the nodes of a new cluster become primaries, with which slots, and which of them follow whom."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.single import single
from pyredis_cluster.admin.topology import Node
from pyredis_cluster.protocol.slots import SLOT_COUNT

_FEWEST_PRIMARIES = 3


@dataclass(slots=True)
class Allocation:
    """Primaries with their slots, and pairs of replica and primary in the order in which they were found.

    Those of `extra` are beyond the number of replicas that was asked for: the nodes are not a multiple.
    """

    primaries: list[tuple[Node, range]]
    replicas: list[tuple[Node, Node]] = field(default_factory=list)
    extra: list[tuple[Node, Node]] = field(default_factory=list)

    def primary_by_replica(self) -> dict[Node, Node]:
        """Whom each replica is to follow."""
        return dict([*self.replicas, *self.extra])


def allocate(nodes: Sequence[Node], replicas: int) -> Allocation:
    """Share the slots out. Neighbours in rank are on different hosts as far as there are several.

    Raises AdminError where there would be fewer than three primaries.
    """
    count = len(nodes) // (replicas + 1)
    if count < _FEWEST_PRIMARIES:
        raise AdminError(
            "*** ERROR: Invalid configuration for cluster creation.\n"
            "*** Redis Cluster requires at least 3 master nodes.\n"
            f"*** This is not possible with {len(nodes)} nodes and {replicas} replicas per node.\n"
            f"*** At least {_FEWEST_PRIMARIES * (replicas + 1)} nodes are required."
        )
    ranked = _interleave_hosts(nodes)
    primaries = ranked[:count]
    # Rotated by one: where each host has as many nodes, a replica would else be beside its primary.
    free = ranked[count + 1 :] + ranked[count : count + 1]
    allocation = Allocation(list(zip(primaries, share_slots(count), strict=True)))
    for primary in primaries:
        allocation.replicas += [(_take(free, primary), primary) for _ in range(replicas) if free]
    while free:
        allocation.extra += [(_take(free, primary), primary) for primary in primaries if free]
    return allocation


def share_slots(count: int) -> list[range]:
    """The slots of each of `count` primaries; no two shares differ by more than one slot."""
    per_node = single(SLOT_COUNT / count)
    cursor = 0.0
    first = 0
    shares = []
    for rank in range(count):
        last = math.floor(single(single(cursor + per_node) - 1) + 0.5)
        if last > SLOT_COUNT or rank == count - 1:
            last = SLOT_COUNT - 1
        last = max(first, last)
        shares.append(range(first, last + 1))
        first = last + 1
        cursor = single(cursor + per_node)
    return shares


def _interleave_hosts(nodes: Sequence[Node]) -> list[Node]:
    by_host: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        by_host[node.address.host].append(node)
    return [node for node in chain.from_iterable(zip_longest(*by_host.values())) if node is not None]


def _take(free: list[Node], primary: Node) -> Node:
    """Take the first node of another host than the primary's out of `free`, else the first of all."""
    elsewhere = [node for node in free if node.address.host != primary.address.host]
    taken = (elsewhere or free)[0]
    free.remove(taken)
    return taken
