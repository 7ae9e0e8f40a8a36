"""The cases of redis-cli's fix; the texts are what redis-cli 7.2 prints in each."""

from __future__ import annotations

import pytest

from pyredis_cluster.admin.coverage import cover_empty, cover_multiple, cover_single, sort_uncovered
from pyredis_cluster.admin.open_slots import FixPlan, Holding, plan_multiple_owners, plan_open_slot
from pyredis_cluster.admin.steps import (
    AssignSlot,
    CloseSlot,
    ForgetSlot,
    ImportSlot,
    MoveSlot,
    Say,
    Step,
    TakeSlot,
)
from pyredis_cluster.admin.topology import Node
from tests.unit.admin.nodes import node

SLOT = 5


class Three:
    """Three primaries, the first of which has the slot."""

    def __init__(self) -> None:
        self.one, self.two, self.three = self.nodes = [node(1, [SLOT]), node(2, [6]), node(3, [7])]

    def plan(self, *key_counts: int) -> FixPlan:
        return plan_open_slot(SLOT, self.holdings(*key_counts))

    def holdings(self, *key_counts: int) -> list[Holding]:
        return [Holding(each, SLOT, count) for each, count in zip(self.nodes, key_counts, strict=True)]

    def migrates(self, source: Node, target: Node) -> None:
        source.migrating[SLOT] = target.node_id

    def imports(self, target: Node, source: Node) -> None:
        target.importing[SLOT] = source.node_id


@pytest.fixture
def three() -> Three:
    return Three()


def acts(steps: list[Step]) -> list[Step]:
    return [step for step in steps if not isinstance(step, Say)]


def texts(steps: list[Step]) -> list[str]:
    return [step.text for step in steps if isinstance(step, Say)]


def test_case_1_a_move_that_was_interrupted_is_finished(three: Three) -> None:
    three.migrates(three.one, three.two)
    three.imports(three.two, three.one)
    plan = three.plan(3, 0, 0)
    assert acts(plan.steps) == [MoveSlot(three.one, three.two, SLOT)]
    assert texts(plan.steps) == [
        ">>> Fixing open slot 5",
        "Set as migrating in: 127.0.0.1:7001",
        "Set as importing in: 127.0.0.1:7002",
        ">>> Case 1: Moving slot 5 from 127.0.0.1:7001 to 127.0.0.1:7002",
    ]
    assert plan.failure == ""


def test_case_2_keys_of_importing_nodes_go_to_the_owner(three: Three) -> None:
    three.imports(three.two, three.one)
    plan = three.plan(3, 0, 0)
    assert acts(plan.steps) == [
        MoveSlot(three.two, three.one, SLOT, keys_only=True),
        CloseSlot(three.two, SLOT),
        AssignSlot(three.two, SLOT, three.one),
        AssignSlot(three.three, SLOT, three.one),
    ]
    assert texts(plan.steps)[-2:] == [
        ">>> Case 2: Moving all the 5 slot keys to its owner 127.0.0.1:7001",
        ">>> Setting 5 as STABLE in 127.0.0.1:7002",
    ]


def test_case_3_several_import_but_one_is_meant(three: Three) -> None:
    three.migrates(three.one, three.three)
    three.imports(three.two, three.one)
    three.imports(three.three, three.one)
    plan = three.plan(3, 0, 0)
    assert acts(plan.steps) == [MoveSlot(three.one, three.three, SLOT), CloseSlot(three.two, SLOT)]
    assert texts(plan.steps)[-1] == (
        ">>> Case 3: Moving slot 5 from 127.0.0.1:7001 to 127.0.0.1:7003 and closing it on all the other "
        "importing nodes."
    )


def test_case_3_several_import_and_none_is_meant(three: Three) -> None:
    three.migrates(three.one, node(8))
    three.imports(three.two, three.one)
    three.imports(three.three, three.one)
    plan = three.plan(3, 0, 0)
    assert acts(plan.steps) == [CloseSlot(each, SLOT) for each in three.nodes]
    assert texts(plan.steps)[-1] == ">>> Case 3: Closing slot 5 on both migrating and importing nodes."


@pytest.mark.parametrize("keys", [0, 9])
def test_case_4_a_move_that_never_began_is_called_off(three: Three, keys: int) -> None:
    three.migrates(three.one, three.two)
    plan = three.plan(keys, 0, 0)
    assert acts(plan.steps) == [CloseSlot(three.one, SLOT)]
    assert texts(plan.steps)[-1] == ">>> Case 4: Closing slot 5 on 127.0.0.1:7001"


def test_keys_in_a_node_that_is_not_the_owner_make_two_owners(three: Three) -> None:
    three.migrates(three.one, three.two)
    three.imports(three.two, three.one)
    plan = three.plan(1, 2, 0)
    one, two = three.one, three.two
    assert acts(plan.steps) == [
        CloseSlot(two, SLOT),
        TakeSlot(two, SLOT),
        ForgetSlot(one, SLOT),
        AssignSlot(one, SLOT, two),
        ImportSlot(one, SLOT, two),
        MoveSlot(one, two, SLOT, keys_only=True),
        CloseSlot(one, SLOT),
        AssignSlot(one, SLOT, two),
        AssignSlot(three.three, SLOT, two),
    ]
    assert texts(plan.steps)[1:6] == [
        "*** Found keys about slot 5 in non-owner node 127.0.0.1:7002!",
        "Set as migrating in: 127.0.0.1:7001",
        "Set as importing in: 127.0.0.1:7002",
        ">>> No single clear owner for the slot, selecting an owner by # of keys...",
        "*** Configuring 127.0.0.1:7002 as the slot owner",
    ]


def test_without_keys_anywhere_the_first_primary_becomes_the_owner(three: Three) -> None:
    three.one.slots.clear()
    three.imports(three.two, three.one)
    plan = three.plan(0, 0, 0)
    assert acts(plan.steps)[:2] == [CloseSlot(three.one, SLOT), TakeSlot(three.one, SLOT)]
    assert MoveSlot(three.two, three.one, SLOT, keys_only=True) in plan.steps
    assert plan.failure == ""


def test_when_the_only_importing_node_becomes_the_owner_nothing_is_left_to_do(three: Three) -> None:
    three.one.slots.clear()
    three.imports(three.one, three.two)
    plan = three.plan(0, 0, 0)
    assert acts(plan.steps) == [CloseSlot(three.one, SLOT), TakeSlot(three.one, SLOT)]
    assert plan.failure == ""


def test_two_nodes_that_give_the_slot_away_are_beyond_repair(three: Three) -> None:
    three.migrates(three.one, three.three)
    three.migrates(three.two, three.three)
    plan = three.plan(0, 0, 0)
    assert acts(plan.steps) == []
    assert plan.failure == (
        "[ERR] Sorry, redis-cli can't fix this slot yet (work in progress). Slot is set as migrating in "
        "127.0.0.1:7001,127.0.0.1:7002, as importing in , owner is 127.0.0.1:7001"
    )


def test_without_primaries_there_is_no_owner_to_choose() -> None:
    assert plan_open_slot(SLOT, []).failure == "[ERR] Can't select a slot owner. Impossible to fix."


def test_of_several_owners_who_has_most_keys_gets_all(three: Three) -> None:
    plan = plan_multiple_owners(SLOT, three.holdings(1, 2, 0))
    one, two, last = three.nodes
    assert acts(plan.steps) == [
        TakeSlot(two, SLOT),
        ForgetSlot(one, SLOT),
        AssignSlot(one, SLOT, two),
        ImportSlot(one, SLOT, two),
        MoveSlot(one, two, SLOT, keys_only=True),
        CloseSlot(one, SLOT),
        ForgetSlot(last, SLOT),
        AssignSlot(last, SLOT, two),
    ]


def test_an_owner_without_keys_is_preferred_to_nodes_that_have_nothing(three: Three) -> None:
    three.one.slots.clear()
    three.two.slots.add(SLOT)
    three.three.slots.add(SLOT)
    plan = plan_multiple_owners(SLOT, three.holdings(0, 0, 0))
    assert acts(plan.steps)[0] == TakeSlot(three.two, SLOT)


def test_uncovered_slots_by_where_their_keys_are(three: Three) -> None:
    one, two, _ = three.nodes
    uncovered = sort_uncovered(
        {5: three.holdings(0, 0, 0), 6: three.holdings(0, 4, 0), 7: three.holdings(1, 2, 0)}
    )
    assert uncovered.empty == [5]
    assert {slot: held.node for slot, held in uncovered.single.items()} == {6: two}
    assert {slot: [each.node for each in held] for slot, held in uncovered.multiple.items()} == {
        7: [one, two]
    }

    assert [acts(steps) for steps in cover_empty(uncovered.empty, lambda: one)] == [[TakeSlot(one, 5)]]
    (single,) = cover_single(uncovered.single)
    assert (texts(single), acts(single)) == ([">>> Covering slot 6 with 127.0.0.1:7002"], [TakeSlot(two, 6)])
    (multiple,), (moves,) = cover_multiple(uncovered.multiple)
    assert texts(multiple) == [">>> Covering slot 7 moving keys to 127.0.0.1:7002"]
    assert acts(multiple) == [TakeSlot(two, 7, closes=True), AssignSlot(one, 7, two)]
    assert moves == [ImportSlot(one, 7, two), MoveSlot(one, two, 7, keys_only=True), CloseSlot(one, 7)]
