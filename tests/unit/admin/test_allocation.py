from __future__ import annotations

from random import Random

import pytest

from pyredis_cluster.admin.affinity import BESIDE_PRIMARY, affinity_score, optimize_affinity
from pyredis_cluster.admin.allocation import allocate, share_slots
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.topology import Node
from tests.unit.admin.nodes import node


def names(pairs: list[tuple[Node, Node]]) -> list[tuple[int, int]]:
    return [(one.address.port - 7000, other.address.port - 7000) for one, other in pairs]


@pytest.mark.parametrize("count", [3, 5, 6, 7, 11, 100, 333, 1000])
def test_all_slots_are_shared_out_evenly(count: int) -> None:
    shares = share_slots(count)
    assert [slot for share in shares for slot in share] == list(range(16384))
    sizes = {len(share) for share in shares}
    assert max(sizes) - min(sizes) <= 1


def test_the_shares_of_three_are_those_that_every_tutorial_shows() -> None:
    assert [(share[0], share[-1]) for share in share_slots(3)] == [(0, 5460), (5461, 10922), (10923, 16383)]


def test_on_one_host_the_replicas_are_rotated() -> None:
    allocation = allocate([node(number) for number in range(6)], 1)
    assert [primary.address.port for primary, _ in allocation.primaries] == [7000, 7001, 7002]
    assert names(allocation.replicas) == [(4, 0), (5, 1), (3, 2)]
    assert allocation.extra == []


def test_primaries_are_on_different_hosts_and_replicas_elsewhere() -> None:
    nodes = [node(number, host=f"10.0.0.{number // 2}") for number in range(6)]
    allocation = allocate(nodes, 1)
    assert {primary.address.host for primary, _ in allocation.primaries} == {
        "10.0.0.0",
        "10.0.0.1",
        "10.0.0.2",
    }
    assert all(replica.address.host != primary.address.host for replica, primary in allocation.replicas)
    assert affinity_score(allocation.primary_by_replica(), nodes) == (0, [])


def test_nodes_beyond_a_multiple_become_extra_replicas() -> None:
    allocation = allocate([node(number) for number in range(8)], 1)
    assert len(allocation.primaries) == 4
    allocation = allocate([node(number) for number in range(7)], 1)
    assert (len(allocation.replicas), names(allocation.extra)) == (3, [(3, 0)])
    # More are left over than there are primaries.
    allocation = allocate([node(number) for number in range(23)], 5)
    assert len(allocation.extra) == 5
    assert len(allocation.primary_by_replica()) == 20


@pytest.mark.parametrize(("count", "replicas", "needed"), [(2, 0, 3), (5, 1, 6), (11, 3, 12)])
def test_three_primaries_are_needed(count: int, replicas: int, needed: int) -> None:
    with pytest.raises(AdminError) as caught:
        allocate([node(number) for number in range(count)], replicas)
    assert f"with {count} nodes and {replicas} replicas per node." in str(caught.value)
    assert str(caught.value).endswith(f"*** At least {needed} nodes are required.")


def test_a_replica_beside_its_primary_is_worst() -> None:
    one, two = node(0, host="a"), node(1, host="b")
    beside, first, second = node(2, host="a"), node(3, host="a"), node(4, host="a")
    score, offenders = affinity_score(
        {beside: one, first: two, second: two}, [one, two, beside, first, second]
    )
    assert score == BESIDE_PRIMARY + 2
    assert offenders == [beside, first]


@pytest.mark.parametrize("seed", range(10))
def test_swaps_find_a_perfect_layout(seed: int) -> None:
    primaries = [node(number, host="abc"[number]) for number in range(3)]
    replicas = [node(number + 3, host="abc"[number]) for number in range(3)]
    primary_of = dict(zip(replicas, primaries, strict=True))
    assert affinity_score(primary_of, primaries + replicas)[0] == 3 * BESIDE_PRIMARY
    assert optimize_affinity(primary_of, primaries + replicas, Random(seed)) == 0
    assert sorted(names(list(primary_of.items()))) != [(3, 0), (4, 1), (5, 2)]
    assert set(primary_of.values()) == set(primaries)


def test_on_one_host_there_is_nothing_to_find() -> None:
    primaries = [node(number) for number in range(3)]
    replicas = [node(number + 3) for number in range(3)]
    primary_of = dict(zip(replicas, primaries, strict=True))
    assert optimize_affinity(primary_of, primaries + replicas, Random(1)) == 3 * BESIDE_PRIMARY
    assert set(primary_of.values()) == set(primaries)
