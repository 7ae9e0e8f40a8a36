"""What to do about slots that nobody has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyredis_cluster.admin.open_slots import Holding, gather_steps, most_keys
from pyredis_cluster.admin.steps import (
    AssignSlot,
    Say,
    Step,
    TakeSlot,
    Tone,
)
from pyredis_cluster.admin.topology import Node


@dataclass(slots=True)
class Uncovered:
    """Slots that nobody has, by how many nodes hold keys of them; each with those nodes."""

    empty: list[int] = field(default_factory=list)
    single: dict[int, Holding] = field(default_factory=dict)
    multiple: dict[int, list[Holding]] = field(default_factory=dict)


def sort_uncovered(holdings: dict[int, list[Holding]]) -> Uncovered:
    """`holdings` has, for each uncovered slot, all primaries."""
    uncovered = Uncovered()
    for slot, all_held in holdings.items():
        held = [each for each in all_held if each.key_count]
        if not held:
            uncovered.empty.append(slot)
        elif len(held) == 1:
            uncovered.single[slot] = held[0]
        else:
            uncovered.multiple[slot] = held
    return uncovered


def cover_empty(slots: Sequence[int], choose: Callable[[], Node]) -> list[list[Step]]:
    """Give each slot to any node; the steps of each slot."""
    return [_cover(choose(), slot) for slot in slots]


def cover_single(single: dict[int, Holding]) -> list[list[Step]]:
    """Give each slot to the node that has keys of it; the steps of each slot."""
    return [_cover(held.node, slot) for slot, held in single.items()]


def cover_multiple(multiple: dict[int, list[Holding]]) -> tuple[list[list[Step]], list[list[Step]]]:
    """Give each slot to the node with the most keys of it, and then those of the others too.

    Steps of each slot, twice: nodes move no keys while any slot is uncovered, so all are covered first.
    """
    plans, moves = [], []
    for slot, holdings in multiple.items():
        owner = most_keys(holdings)
        others = [held.node for held in holdings if held.node is not owner]
        steps: list[Step] = [
            Say(Tone.INFO, f">>> Covering slot {slot} moving keys to {owner}"),
            TakeSlot(owner, slot, closes=True),
        ]
        plans.append([*steps, *[AssignSlot(node, slot, owner) for node in others]])
        moves.append([step for node in others for step in gather_steps(node, owner, slot)])
    return plans, moves


def _cover(node: Node, slot: int) -> list[Step]:
    return [Say(Tone.INFO, f">>> Covering slot {slot} with {node}"), TakeSlot(node, slot)]
