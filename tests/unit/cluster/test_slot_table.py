"""The table of slots: runs that change hands at once come out as slots that do so one by one."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.cluster import bitmap
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.protocol.slots import SLOT_COUNT
from tests.unit.cluster.bench import A, B, Bench


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.peer(A)
    bench.peer(B)
    bench.ready()
    return bench


def table(state: ClusterState) -> list[str]:
    return [owner.node_id if owner is not None else "" for owner in state.slots]


def test_a_run_is_assigned_at_once(bench: Bench) -> None:
    state = bench.state
    state.add_slots(state.nodes[A], 5, 5)
    state.add_slots(state.nodes[A], 100, 8191)
    state.add_slots(state.myself, 8192, SLOT_COUNT - 1)
    state.check()
    assert bitmap.ranges(state.nodes[A].slots) == [(5, 5), (100, 8191)]
    assert state.nodes[A].slot_count == 8093
    assert state.slots[99] is None
    with pytest.raises(AssertionError):
        state.add_slots(state.nodes[B], 50, 100)


@pytest.mark.parametrize("seed", range(10))
def test_taking_many_is_taking_one_by_one(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    state = bench.state
    state.ok = True
    nodes = [state.nodes[A], state.nodes[B], state.myself]
    for first in range(0, SLOT_COUNT, 64):
        if chance.random() < 0.8:
            state.add_slots(chance.choice(nodes), first, first + chance.randrange(64))
    state.not_claimed = {slot for slot in range(SLOT_COUNT) if state.slots[slot] and chance.random() < 0.1}
    state.out.released_slots.clear()
    state.check()
    taker = chance.choice(nodes)
    taken = {slot for slot in range(SLOT_COUNT) if state.slots[slot] is not taker and chance.random() < 0.5}
    had_owners = {slot for slot in taken if state.slots[slot] is not None}
    expected = [taker.node_id if slot in taken else owner for slot, owner in enumerate(table(state))]
    unclaimed = state.not_claimed - taken
    state.take_slots(taker, bitmap.to_int(bitmap.from_slots(taken)))
    state.check()
    assert table(state) == expected
    assert state.out.released_slots == had_owners
    assert state.not_claimed == unclaimed
