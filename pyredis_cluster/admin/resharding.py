"""Which slots go from whom to whom: RESHARD's and REBALANCE's plans, the same as redis-cli makes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.single import single
from pyredis_cluster.admin.topology import Node
from pyredis_cluster.protocol.slots import SLOT_COUNT


class SlotMove(NamedTuple):
    """One slot, and who gives it away."""

    slot: int
    source: Node


def plan_reshard(sources: Sequence[Node], wanted: int) -> list[SlotMove]:
    """Up to `wanted` slots, taken from each source in proportion to what it has, its lowest first.

    The largest source's part is rounded up and those of the others down, so that it may be a few less. Never
    more than all that the sources have.
    """
    total = sum([len(node.slots) for node in sources])
    if not total:
        return []
    plan: list[SlotMove] = []
    # Python's sort keeps the order of equals, as redis-cli's does with the C library of Linux.
    for rank, node in enumerate(sorted(sources, key=lambda node: -len(node.slots))):
        part = single(single(single(wanted) / total) * len(node.slots))
        share = math.floor(part) if rank else math.ceil(part)
        share = min(share, wanted - len(plan))
        plan += [SlotMove(slot, node) for slot in sorted(node.slots)[:share]]
    return plan


class Transfer(NamedTuple):
    """How many slots go from one node to another."""

    source: Node
    target: Node
    slot_count: int


class Balance(NamedTuple):
    """What it takes to balance; no transfers where no node is further from its share than the threshold.

    `surplus` is what each node has too much (negative: too little), ascending.
    """

    total_weight: float
    surplus: list[tuple[Node, int]]
    transfers: list[Transfer]


def plan_rebalance(primaries: Sequence[Node], weights: Mapping[Node, float], threshold: float) -> Balance:
    """Transfers after which each node has slots by its weight (1 unless given).

    `threshold` is in percent of what a node has. Raises AdminError where nobody has any weight.
    """
    total_weight = 0.0
    for node in primaries:
        total_weight = single(total_weight + single(weights.get(node, 1.0)))
    if total_weight <= 0:
        raise AdminError("*** The weights of all nodes are zero: nobody could take the slots.")
    surplus: dict[Node, int] = {}
    is_needed = False
    for node in primaries:
        weight = single(weights.get(node, 1.0))
        expected = int(single(single(SLOT_COUNT / total_weight) * weight))
        surplus[node] = len(node.slots) - expected
        is_needed |= _is_beyond(threshold, len(node.slots), expected)
    if not is_needed:
        return Balance(total_weight, [], [])
    _level(surplus)
    ranked = sorted(surplus.items(), key=lambda pair: pair[1])
    return Balance(total_weight, ranked, _transfers(ranked))


def _is_beyond(threshold: float, has: int, expected: int) -> bool:
    if threshold <= 0:
        return False
    if not has:
        return expected > 1
    return single(abs(100 - 100.0 * expected / has)) > single(threshold)


def _level(surplus: dict[Node, int]) -> None:
    """Make the sum zero: what rounding left over goes to nodes that have not too much."""
    left = sum(surplus.values())
    takers = [node for node, count in surplus.items() if count <= 0]
    while left > 0 and takers:
        for node in takers[:left]:
            surplus[node] -= 1
        left -= min(left, len(takers))


def _transfers(ranked: Sequence[tuple[Node, int]]) -> list[Transfer]:
    surplus = [count for _, count in ranked]
    transfers = []
    target, source = 0, len(ranked) - 1
    while target < source:
        count = min(abs(surplus[target]), abs(surplus[source]))
        if count:
            transfers.append(Transfer(ranked[source][0], ranked[target][0], count))
        surplus[target] += count
        surplus[source] -= count
        if surplus[target] == 0:
            target += 1
        if surplus[source] == 0:
            source -= 1
    return transfers
