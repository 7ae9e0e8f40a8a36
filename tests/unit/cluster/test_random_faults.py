"""Clusters under random faults: once they are over all is well again, and nobody has lost a slot."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.unit.cluster.world import Node, World

pytestmark = pytest.mark.slow


def disturb(world: World, nodes: list[Node], choose: random.Random, *, may_bump: bool = True) -> None:
    """One fault, or the end of one; `may_bump`: or an administrator who gives epochs without a vote."""
    match choose.randrange(7 if may_bump else 6):
        case 0:
            world.partition(choose.sample(nodes, choose.randrange(1, len(nodes))))
        case 1:
            one, other = choose.sample(nodes, 2)
            world.cut.add((one.port, other.port))
        case 2:
            world.heal()
        case 3:
            node = choose.choice(nodes)
            if node.up:
                node.stop()
        case 4 | 5:
            node = choose.choice(nodes)
            if not node.up:
                node.start()
        case 6:
            node = choose.choice(nodes)
            if node.up:
                node.core.bump_epoch(world.now_ms)
                node.flush()


@pytest.mark.parametrize("seed", range(6))
def test_a_cluster_recovers_from_whatever_happened(seed: int) -> None:
    choose = random.Random(seed)
    world = World()
    nodes = world.cluster(5, node_timeout_ms=choose.choice([100, 500, 2000]))
    slots = [bytes(node.core.state.myself.slots) for node in nodes]
    ids = [node.node_id for node in nodes]
    for _ in range(40):
        disturb(world, nodes, choose)
        world.run(choose.choice([5, 50, 500, 5000]))
        for node in nodes:
            assert not node.up or not any(node.core.served) or node.core.ok
    world.heal()
    for node in nodes:
        if not node.up:
            node.start()
    world.run_until(lambda: world.agree(nodes) and all(node.core.ok for node in nodes), limit_ms=60_000)
    world.run_until(lambda: not any("fail" in node.sees(other) for node in nodes for other in nodes))
    assert [node.node_id for node in nodes] == ids
    assert [bytes(node.core.state.myself.slots) for node in nodes] == slots
    assert len({node.core.state.myself.config_epoch for node in nodes}) == len(nodes)
    for node in nodes:
        node.core.state.check()
        assert sum(node.core.served) == node.core.state.myself.slot_count


@pytest.mark.parametrize("seed", range(4))
def test_replicas_end_up_where_administrators_put_them(seed: int) -> None:
    choose = random.Random(seed)
    world = World()
    settings: dict[str, Any] = {
        "node_timeout_ms": 500,
        "allow_replica_migration": False,
        "replica_no_failover": True,
    }
    primaries = world.cluster(3, **settings)
    replicas = world.replicas(primaries, (7003, 7004, 7005), **settings)
    for _ in range(40):
        disturb(world, [*primaries, *replicas], choose)
        if not choose.randrange(4):
            replica = choose.choice(replicas)
            if replica.up:
                world.replicate(replica, choose.choice(primaries))
        world.run(choose.choice([5, 50, 500, 5000]))
        assert not any(any(replica.core.served) for replica in replicas if replica.up)
    world.heal()
    nodes = list(world.nodes.values())
    for node in nodes:
        if not node.up:
            node.start()
    world.run_until(lambda: world.agree(nodes) and all(node.core.ok for node in nodes), limit_ms=60_000)
    by_port = {node.port: node for node in nodes}
    for replica in replicas:
        primary = by_port[replica.follows]
        assert replica.core.state.myself.primary is replica.core.state.nodes[primary.node_id]
        world.run_until(lambda: replica.core.my_shard_id == primary.core.my_shard_id)  # noqa: B023
    for node in nodes:
        node.core.state.check()


def owners_by_epoch(nodes: list[Node]) -> dict[tuple[int, int], str]:
    """Who says that it serves a slot under a config epoch; fails where two do."""
    owners: dict[tuple[int, int], str] = {}
    for node in nodes:
        me = node.core.state.myself
        if not node.up or not me.is_primary:
            continue
        for slot in (0, 5461, 10923):
            if me.owns(slot):
                assert owners.setdefault((slot, me.config_epoch), node.node_id) == node.node_id
    return owners


def votes(nodes: list[Node]) -> list[tuple[str, str]]:
    """Each vote as (voter, epoch)."""
    return [
        (node.node_id, line.rpartition(" ")[2])
        for node in nodes
        for line in node.logs
        if line.startswith("Failover auth granted to")
    ]


@pytest.mark.parametrize("seed", range(4))
def test_failovers_leave_one_primary_for_each_slot(seed: int) -> None:
    choose = random.Random(seed)
    world = World()
    settings: dict[str, Any] = {"node_timeout_ms": choose.choice([200, 500]), "replica_validity_factor": 0}
    primaries = world.cluster(3, **settings)
    replicas = world.replicas(primaries, range(7003, 7008), **settings)
    nodes = [*primaries, *replicas]
    owners: dict[tuple[int, int], str] = {}
    for _ in range(40):
        # Epochs that are given without a vote may be those of an election elsewhere.
        disturb(world, nodes, choose, may_bump=False)
        world.run(choose.choice([5, 50, 500, 3000]))
        for key, owner in owners_by_epoch(nodes).items():
            assert owners.setdefault(key, owner) == owner
        assert len(set(votes(nodes))) == len(votes(nodes))
    world.heal()
    for node in nodes:
        if not node.up:
            node.start()
    world.run_until(lambda: world.agree(nodes) and all(node.core.ok for node in nodes), limit_ms=60_000)
    owning = [node for node in nodes if node.core.state.myself.slot_count]
    assert sum(node.core.state.myself.slot_count for node in owning) == 16384
    assert all(node.core.is_replica or node in owning for node in nodes)
    for node in nodes:
        node.core.state.check()
        if node.core.is_replica:
            primary = node.core.state.myself.primary
            assert primary is not None
            assert world.nodes[node.follows].node_id == primary.node_id
        else:
            assert node.follows == 0
