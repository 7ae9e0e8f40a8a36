from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.resharding import plan_rebalance, plan_reshard
from pyredis_cluster.admin.topology import Node
from tests.unit.admin.nodes import node


def nodes_with(*counts: int) -> list[Node]:
    """Nodes with so many slots each, one after the other."""
    first = 0
    found = []
    for number, count in enumerate(counts):
        found.append(node(number, range(first, first + count)))
        first += count
    return found


def taken(sources: list[Node], wanted: int) -> list[int]:
    counts = Counter(move.source for move in plan_reshard(sources, wanted))
    return [counts[source] for source in sources]


@pytest.mark.parametrize(
    ("slots", "wanted", "expected"),
    [
        # Computed in C with single precision, as redis-cli does.
        ((5461, 5462, 5461), 4096, [1365, 1366, 1365]),
        ((4096, 4096, 4096, 4096), 1000, [250, 250, 250, 250]),
        ((5461, 5462, 5461), 1, [0, 1, 0]),
        ((5461, 5462, 5461), 100, [33, 34, 33]),
        ((16384,), 7, [7]),
        ((10, 0), 100, [10, 0]),
        # Rounding down leaves one short.
        ((3, 3, 3), 4, [2, 1, 1]),
        ((5, 3, 3), 3, [2, 0, 0]),
    ],
)
def test_each_source_gives_in_proportion(slots: tuple[int, ...], wanted: int, expected: list[int]) -> None:
    assert taken(nodes_with(*slots), wanted) == expected


def test_the_lowest_slots_go_first_and_those_of_the_largest_source_before_others() -> None:
    small, large = node(1, [7, 3, 5]), node(2, range(100, 106))
    assert [(move.slot, move.source) for move in plan_reshard([small, large], 3)] == [
        (100, large),
        (101, large),
        (3, small),
    ]


def test_who_has_nothing_gives_nothing() -> None:
    assert plan_reshard([], 5) == []
    assert plan_reshard([node(1)], 5) == []


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), st.integers(1, 2000))
def test_a_plan_never_moves_more_than_wanted_nor_what_is_not_there(counts: list[int], wanted: int) -> None:
    sources = nodes_with(*counts)
    plan = plan_reshard(sources, wanted)
    assert len(plan) <= min(wanted, sum(counts))
    assert len({move.slot for move in plan}) == len(plan)
    assert all(move.slot in move.source.slots for move in plan)
    # What rounding loses is less than one for each source.
    assert len(plan) > min(wanted, sum(counts)) - len(counts)


def transfers(
    primaries: list[Node], weights: dict[Node, float] | None = None, threshold: float = 2.0
) -> list[tuple[int, int, int]]:
    balance = plan_rebalance(primaries, weights or {}, threshold)
    return [(source.config_epoch, target.config_epoch, count) for source, target, count in balance.transfers]


def test_within_the_threshold_nothing_moves() -> None:
    assert transfers(nodes_with(5461, 5462, 5461)) == []
    assert transfers(nodes_with(5500, 5423, 5461)) == []
    assert transfers(nodes_with(5500, 5423, 5461), threshold=0.5) == [(0, 1, 39)]
    # As with redis-cli, a threshold of zero means that nothing is ever beyond it.
    assert transfers(nodes_with(16384, 0, 0), threshold=0) == []


def test_a_new_node_gets_its_share_of_all() -> None:
    primaries = nodes_with(5461, 5462, 5461, 0)
    assert transfers(primaries) == [(1, 3, 1366), (2, 3, 1365), (0, 3, 1365)]


def test_weights() -> None:
    primaries = nodes_with(4096, 4096, 4096, 4096)
    assert transfers(primaries, {primaries[3]: 0.0}) == [(3, 0, 1366), (3, 1, 1365), (3, 2, 1365)]
    balance = plan_rebalance(primaries, {primaries[0]: 2.0, primaries[3]: 0.5}, 2.0)
    assert balance.total_weight == 4.5
    assert sum(surplus for _, surplus in balance.surplus) == 0


def test_somebody_has_to_have_weight() -> None:
    primaries = nodes_with(8192, 8192)
    with pytest.raises(AdminError, match="weights of all nodes are zero"):
        plan_rebalance(primaries, dict.fromkeys(primaries, 0.0), 2.0)
    with pytest.raises(AdminError):
        plan_rebalance([], {}, 2.0)


@pytest.mark.slow
@given(st.data())
def test_after_a_rebalance_each_has_its_share(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 7))
    cuts = sorted(data.draw(st.lists(st.integers(0, 16384), min_size=count - 1, max_size=count - 1)))
    sizes = [after - before for before, after in zip([0, *cuts], [*cuts, 16384], strict=True)]
    weights = data.draw(st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]), min_size=count, max_size=count))
    primaries = nodes_with(*sizes)
    balance = plan_rebalance(primaries, dict(zip(primaries, weights, strict=True)), 0.001)
    has = dict(zip(primaries, sizes, strict=True))
    for source, target, slot_count in balance.transfers:
        assert source is not target
        has[source] -= slot_count
        has[target] += slot_count
    if balance.transfers:
        for primary, weight in zip(primaries, weights, strict=True):
            assert abs(has[primary] - 16384 * weight / sum(weights)) <= count
