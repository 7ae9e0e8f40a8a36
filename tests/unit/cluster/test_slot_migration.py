"""Slots that go from one primary to another by CLUSTER SETSLOT."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster.ready import FollowPrimary, SlotsReleased
from pyredis_cluster.cluster.redirect import Query, Redirect
from pyredis_cluster.protocol.errors import CommandError
from tests.unit.cluster.bench import A, B, Bench, C, D
from tests.unit.cluster.world import Node, World

SLOT = 7


@pytest.fixture
def world() -> World:
    return World()


def move(world: World, slot: int, source: Node, target: Node) -> None:
    """What redis-cli does for one slot, its keys apart."""
    target.core.mark_importing(slot, source.node_id, world.now_ms)
    source.core.mark_migrating(slot, target.node_id, world.now_ms)
    for node in (target, source):
        node.core.assign_slot(slot, target.node_id, world.now_ms)
        node.flush()


def test_a_slot_moves_and_everyone_hears_of_it(world: World) -> None:
    nodes = world.cluster(4)
    source, target = nodes[0], nodes[1]
    epoch = max(node.core.state.myself.config_epoch for node in nodes)
    move(world, SLOT, source, target)
    assert target.core.served[SLOT]
    assert not source.core.served[SLOT]
    assert target.core.state.myself.config_epoch == epoch + 1
    assert f"configEpoch updated after importing slot {SLOT}" in target.logs
    # The new owner tells everyone at once.
    world.run(5)
    for node in nodes:
        owner = node.core.state.slots[SLOT]
        assert owner is node.core.state.nodes[target.node_id]
        assert not node.core.state.migrating_to
        assert not node.core.state.importing_from
    assert any(isinstance(event, SlotsReleased) and event.slots == (SLOT,) for event in source.events)
    world.run_until(lambda: world.agree(nodes))
    for node in nodes:
        node.core.state.check()


def test_marks_change_who_serves_what_and_outlive_a_restart(world: World) -> None:
    nodes = world.cluster(3)
    source, target = nodes[0], nodes[1]
    target.core.mark_importing(SLOT, source.node_id, world.now_ms)
    source.core.mark_migrating(SLOT, target.node_id, world.now_ms)
    for node in (source, target):
        node.flush()
    assert not source.core.served[SLOT]
    missing = Query(count_missing=lambda: (0, 1))
    asked = source.core.redirection(SLOT, missing)
    assert asked is not None
    assert (asked.kind, asked.node_id) == (Redirect.ASK, target.node_id)
    assert source.core.redirection(SLOT, Query(count_missing=lambda: (1, 0))) is None
    assert target.core.redirection(SLOT, missing._replace(session_is_asking=True)) is None
    for node in (source, target):
        node.stop()
        node.start()
    assert SLOT in source.core.state.migrating_to
    assert SLOT in target.core.state.importing_from
    world.run_until(lambda: source.core.ok)
    for node in (source, target):
        node.core.mark_stable(SLOT, world.now_ms)
        assert "[" not in node.core.nodes_text()
    assert source.core.served[SLOT]


def primary_of_one_slot(world: World, nodes: list[Node], *, allow_replica_migration: bool = True) -> Node:
    spare = world.add(7003, allow_replica_migration=allow_replica_migration)
    world.meet(spare, nodes[0])
    world.run_until(lambda: world.agree(world.nodes.values()))
    nodes[0].core.delete_slots([(SLOT, SLOT)], world.now_ms)
    spare.core.state.delete_slot(SLOT)
    spare.core.add_slots([(SLOT, SLOT)], world.now_ms)
    spare.core.bump_epoch(world.now_ms)
    world.run_until(lambda: world.agree(world.nodes.values()))
    return spare


def test_a_primary_that_gives_its_last_slot_follows_the_new_owner(world: World) -> None:
    nodes = world.cluster(3)
    spare = primary_of_one_slot(world, nodes)
    move(world, SLOT, spare, nodes[1])
    assert FollowPrimary(nodes[1].node_id, "127.0.0.1", 7001) in spare.events
    world.run_until(lambda: world.agree(world.nodes.values()))
    assert spare.core.my_shard_id == nodes[1].core.my_shard_id


def test_a_primary_that_may_not_move_stays_without_slots(world: World) -> None:
    nodes = world.cluster(3)
    spare = primary_of_one_slot(world, nodes, allow_replica_migration=False)
    move(world, SLOT, spare, nodes[1])
    world.run_until(lambda: world.agree(world.nodes.values()))
    assert not spare.core.is_replica
    assert spare.core.state.myself.slot_count == 0


def test_refusals() -> None:
    bench = Bench()
    bench.core.add_slots([(SLOT, SLOT)], bench.now_ms)
    bench.peer(A, slots=[9])
    bench.peer(B, primary=A)
    core, now_ms = bench.core, bench.now_ms
    with pytest.raises(CommandError, match="ERR I'm not the owner of hash slot 9"):
        core.mark_migrating(9, A, now_ms)
    with pytest.raises(CommandError, match="ERR I'm already the owner of hash slot 7"):
        core.mark_importing(SLOT, A, now_ms)
    for mark, slot in ((core.mark_migrating, SLOT), (core.mark_importing, 9)):
        with pytest.raises(CommandError, match=f"ERR I don't know about node {D}"):
            mark(slot, D, now_ms)
        with pytest.raises(CommandError, match="ERR Target node is not a master"):
            mark(slot, B, now_ms)
    with pytest.raises(CommandError, match=f"ERR Unknown node {C}"):
        core.assign_slot(9, C, now_ms)
    with pytest.raises(CommandError, match="ERR Target node is not a master"):
        core.assign_slot(9, B, now_ms)
    bench.keys = {SLOT: 1}
    with pytest.raises(CommandError, match="Can't assign hashslot 7 to a different node while I still hold"):
        core.assign_slot(SLOT, A, now_ms)
    assert bench.state.slots[SLOT] is bench.state.myself
    bench.state.check()


def test_a_slot_is_assigned_to_whoever_is_named() -> None:
    bench = Bench()
    bench.peer(A, slots=[9])
    bench.peer(B)
    bench.core.assign_slot(9, B, bench.now_ms)
    assert bench.state.slots[9] is bench.state.nodes[B]
    # Without an import there is no new epoch.
    bench.core.assign_slot(9, bench.core.my_id, bench.now_ms)
    assert bench.state.myself.config_epoch == 0
    bench.core.assign_slot(10, bench.core.my_id, bench.now_ms)
    assert bench.state.myself.slot_count == 2
    bench.state.check()


def test_keys_that_are_left_keep_the_mark() -> None:
    bench = Bench()
    bench.core.add_slots([(SLOT, SLOT)], bench.now_ms)
    bench.peer(A, slots=[9])
    bench.core.mark_migrating(SLOT, A, bench.now_ms)
    bench.keys = {SLOT: 2}
    bench.core.assign_slot(SLOT, bench.core.my_id, bench.now_ms)
    assert SLOT in bench.state.migrating_to
    bench.keys = {}
    bench.core.assign_slot(SLOT, bench.core.my_id, bench.now_ms)
    assert not bench.state.migrating_to
