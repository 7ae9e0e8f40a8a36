"""What to do about a slot that some node has as migrating or importing, or that several nodes own.

The cases, and the order in which things are done and said, are those of redis-cli's `fix`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyredis_cluster.admin.steps import (
    AssignSlot,
    CloseSlot,
    ForgetSlot,
    ImportSlot,
    MoveSlot,
    Say,
    Step,
    TakeSlot,
    Tone,
)
from pyredis_cluster.admin.topology import Node


@dataclass(frozen=True, slots=True)
class Holding:
    """What one primary has of a slot."""

    node: Node
    slot: int
    key_count: int

    @property
    def owns(self) -> bool:
        """Whether the node says that the slot is its own."""
        return self.slot in self.node.slots

    @property
    def migrates_to(self) -> str | None:
        """Id of the node that is to get the slot."""
        return self.node.migrating.get(self.slot)

    @property
    def imports(self) -> bool:
        """Whether the node is set to take the slot over."""
        return self.slot in self.node.importing and self.migrates_to is None


@dataclass(slots=True)
class FixPlan:
    """Steps, and where they do not lead to a slot that is as it should be: why not."""

    steps: list[Step] = field(default_factory=list)
    failure: str = ""

    def say(self, tone: Tone, text: str) -> None:
        """Say something at this point."""
        self.steps.append(Say(tone, text))


def most_keys(holdings: Sequence[Holding]) -> Node:
    """The first node with the most keys. Precondition: there is one."""
    return max(holdings, key=lambda held: held.key_count).node


def plan_open_slot(slot: int, holdings: Sequence[Holding]) -> FixPlan:
    """Close a slot: finish its move, gather its keys where it belongs, or call the move off.

    `holdings` has all primaries.
    """
    plan = FixPlan()
    if not holdings:
        plan.failure = "[ERR] Can't select a slot owner. Impossible to fix."
        return plan
    plan.say(Tone.INFO, f">>> Fixing open slot {slot}")
    _OpenSlot(slot, holdings, plan).fix()
    return plan


class _OpenSlot:
    """The working state of `plan_open_slot`: whom the slot concerns, in which way."""

    def __init__(self, slot: int, holdings: Sequence[Holding], plan: FixPlan) -> None:
        self.slot = slot
        self.holdings = holdings
        self.plan = plan
        self.keys = {held.node: held.key_count for held in holdings}
        self.owners: list[Node] = []
        self.migrating: list[Node] = []
        self.importing: list[Node] = []

    def fix(self) -> None:
        self._find_owners()
        owner = self.owners[0] if len(self.owners) == 1 else None
        self._find_movers(owner)
        # As they are shown if all fails.
        migrating, importing = _addresses(self.migrating), _addresses(self.importing)
        if migrating:
            self.plan.say(Tone.PLAIN, f"Set as migrating in: {migrating}")
        if importing:
            self.plan.say(Tone.PLAIN, f"Set as importing in: {importing}")
        if owner is None:
            owner = self._choose_owner()
        if len(self.owners) > 1:
            self._demote_other_owners(owner)
        if not self._close(owner):
            self.plan.failure = (
                "[ERR] Sorry, redis-cli can't fix this slot yet (work in progress). Slot is set as migrating "
                f"in {migrating}, as importing in {importing}, owner is {owner}"
            )

    def _find_owners(self) -> None:
        for held in self.holdings:
            if held.owns:
                self.owners.append(held.node)
            elif held.key_count:
                self.plan.say(
                    Tone.WARNING, f"*** Found keys about slot {self.slot} in non-owner node {held.node}!"
                )
                self.owners.append(held.node)

    def _find_movers(self, owner: Node | None) -> None:
        for held in self.holdings:
            if held.migrates_to is not None:
                self.migrating.append(held.node)
            elif held.imports:
                self.importing.append(held.node)
            elif held.node is not owner and held.key_count:
                self.plan.say(Tone.WARNING, f"*** Found keys about slot {self.slot} in node {held.node}!")
                self.importing.append(held.node)

    def _choose_owner(self) -> Node:
        self.plan.say(Tone.INFO, ">>> No single clear owner for the slot, selecting an owner by # of keys...")
        owner = most_keys(self.holdings)
        self.plan.say(Tone.WARNING, f"*** Configuring {owner} as the slot owner")
        self.plan.steps += [CloseSlot(owner, self.slot), TakeSlot(owner, self.slot)]
        _discard(self.migrating, owner)
        _discard(self.importing, owner)
        return owner

    def _demote_other_owners(self, owner: Node) -> None:
        """Leave one owner, the others importing, which then is one of the plain cases."""
        for node in self.owners:
            if node is owner:
                continue
            self.plan.steps += [
                ForgetSlot(node, self.slot),
                AssignSlot(node, self.slot, owner),
                ImportSlot(node, self.slot, owner),
            ]
            _discard(self.importing, node)
            self.importing.append(node)
            _discard(self.migrating, node)

    def _close(self, owner: Node) -> bool:
        """The last steps; returns whether there are any that help."""
        match len(self.migrating), len(self.importing):
            case 1, 1:
                self._finish_move()
            case 0, 0:
                # Making one node the owner was all: redis-cli does that too, and then says that it cannot.
                return True
            case 0, _:
                self._gather_keys(owner)
            case 1, 0:
                return self._call_off(owner)
            case 1, _:
                return self._choose_target()
            case _:
                return False
        return True

    def _finish_move(self) -> None:
        source, target = self.migrating[0], self.importing[0]
        self.plan.say(Tone.INFO, f">>> Case 1: Moving slot {self.slot} from {source} to {target}")
        self.plan.steps.append(MoveSlot(source, target, self.slot))

    def _gather_keys(self, owner: Node) -> None:
        """Nobody gives the slot away: probably nodes that were ended while they took it over."""
        slot = self.slot
        self.plan.say(Tone.INFO, f">>> Case 2: Moving all the {slot} slot keys to its owner {owner}")
        for node in self.importing:
            if node is owner:
                continue
            self.plan.steps.append(MoveSlot(node, owner, slot, keys_only=True))
            self.plan.say(Tone.INFO, f">>> Setting {slot} as STABLE in {node}")
            self.plan.steps.append(CloseSlot(node, slot))
        self.plan.steps += [
            AssignSlot(held.node, slot, owner) for held in self.holdings if held.node is not owner
        ]

    def _choose_target(self) -> bool:
        """Several nodes import: only the one that the giving node names is to have it."""
        if any(self.keys[node] for node in self.importing):
            return False
        slot = self.slot
        source = self.migrating[0]
        wanted = source.migrating[slot]
        target = next((node for node in self.importing if node.node_id == wanted), None)
        if target is None:
            self.plan.say(
                Tone.INFO, f">>> Case 3: Closing slot {slot} on both migrating and importing nodes."
            )
            self.plan.steps.append(CloseSlot(source, slot))
        else:
            self.plan.say(
                Tone.INFO,
                f">>> Case 3: Moving slot {slot} from {source} to {target} and closing it on all the other "
                "importing nodes.",
            )
            self.plan.steps.append(MoveSlot(source, target, slot))
        self.plan.steps += [CloseSlot(node, slot) for node in self.importing if node is not target]
        return True

    def _call_off(self, owner: Node) -> bool:
        """Nobody imports: nothing was moved yet."""
        node = self.migrating[0]
        if node is not owner and self.keys[node]:
            return False
        self.plan.say(Tone.INFO, f">>> Case 4: Closing slot {self.slot} on {node}")
        self.plan.steps.append(CloseSlot(node, self.slot))
        return True


def gather_steps(node: Node, owner: Node, slot: int) -> list[Step]:
    """Move the keys of a slot out of a node that knows who owns it.

    The node is set as importing, though it gives: in any other state MIGRATE would be redirected. (redis-cli
    does so for slots without owner only, and fails for those with several.)
    """
    return [
        ImportSlot(node, slot, owner),
        MoveSlot(node, owner, slot, keys_only=True),
        CloseSlot(node, slot),
    ]


def plan_multiple_owners(slot: int, holdings: Sequence[Holding]) -> FixPlan:
    """Have one owner only: of those that have the slot or keys of it, who has the most keys gets all.

    `holdings` has all primaries.
    """
    plan = FixPlan()
    plan.say(Tone.INFO, f">>> Fixing multiple owners for slot {slot}...")
    owner = most_keys([held for held in holdings if held.owns or held.key_count])
    plan.say(Tone.INFO, f">>> Setting slot {slot} owner: {owner}")
    plan.steps.append(TakeSlot(owner, slot))
    for held in holdings:
        if held.node is owner:
            continue
        plan.steps += [ForgetSlot(held.node, slot), AssignSlot(held.node, slot, owner)]
        if held.key_count:
            plan.steps += gather_steps(held.node, owner, slot)
    return plan


def _addresses(nodes: Sequence[Node]) -> str:
    return ",".join([str(node) for node in nodes])


def _discard(nodes: list[Node], node: Node) -> None:
    if node in nodes:
        nodes.remove(node)
