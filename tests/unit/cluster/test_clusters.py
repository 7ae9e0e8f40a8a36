"""Whole clusters in simulated time."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.ready import Delivery, FollowPrimary, SlotsLost, SlotsReleased, StateChanged
from tests.unit.cluster.world import Node, World


@pytest.fixture
def world() -> World:
    return World()


def failed(nodes: list[Node], victim: Node) -> bool:
    return all(node.sees(victim) == "master,fail" for node in nodes)


def healthy(nodes: list[Node], victim: Node) -> bool:
    return all(node.sees(victim) == "master" and node.core.ok for node in nodes)


def test_nodes_that_meet_agree_on_ids_slots_and_epochs(world: World) -> None:
    nodes = world.cluster(5)
    for node in nodes:
        node.core.state.check()
        assert sum(node.core.served) == node.core.state.myself.slot_count
        assert "cluster_state:ok" in node.core.info_text()
        assert node.core.state.myself.ip == "127.0.0.1"


def test_equal_config_epochs_end_up_unique(world: World) -> None:
    nodes = [world.add(7000 + n) for n in range(4)]
    for node in nodes[1:]:
        world.meet(nodes[0], node)
    world.run_until(lambda: world.agree(nodes))
    world.run_until(lambda: len({node.core.state.myself.config_epoch for node in nodes}) == 4)
    world.run_until(lambda: world.agree(nodes))


@pytest.mark.parametrize("node_timeout_ms", [pytest.param(50, marks=pytest.mark.slow), 200, 1000, 15000])
def test_a_killed_node_is_failed_in_time_and_cleared_when_it_returns(
    world: World, node_timeout_ms: int
) -> None:
    nodes = world.cluster(4, node_timeout_ms=node_timeout_ms)
    victim, others = nodes[0], nodes[1:]
    world.run(3000)
    victim.stop()
    took_ms = world.run_until(lambda: failed(others, victim), limit_ms=node_timeout_ms * 2 + 2000)
    assert node_timeout_ms / 2 < took_ms < node_timeout_ms + 2000
    assert not any(node.core.ok for node in others)
    victim.start()
    world.run_until(lambda: healthy(others, victim), limit_ms=2 * node_timeout_ms + 5000)
    world.run_until(lambda: victim.core.ok)
    assert world.agree(nodes)


@pytest.mark.slow
def test_live_nodes_are_never_suspected_under_a_short_timeout(world: World) -> None:
    nodes = world.cluster(6, node_timeout_ms=50)
    for _ in range(300):
        world.run(20)
        assert not any("fail" in node.sees(other) for node in nodes for other in nodes)


def test_a_restarted_node_comes_back_as_itself(world: World) -> None:
    nodes = world.cluster(3)
    node_id, slots = nodes[1].node_id, bytes(nodes[1].core.state.myself.slots)
    nodes[1].stop()
    world.run(100)
    nodes[1].start()
    assert nodes[1].node_id == node_id
    assert bytes(nodes[1].core.state.myself.slots) == slots
    assert not nodes[1].core.ok  # a primary waits before it takes writes
    world.run_until(lambda: all(node.core.ok for node in nodes) and world.agree(nodes))


def test_a_minority_goes_down_and_comes_back_after_the_rejoin_delay(world: World) -> None:
    nodes = world.cluster(5, require_full_coverage=False)
    minority, majority = nodes[:2], nodes[2:]
    world.partition(minority)
    world.run_until(lambda: not any(node.core.ok for node in minority), limit_ms=3000)
    assert not any(sum(node.core.served) for node in minority)
    world.run(2000)
    assert all(node.core.ok for node in majority)
    assert all(failed(majority, node) for node in minority)
    # A minority cannot agree on a failure: it only suspects.
    assert all(node.sees(majority[0]) == "master,fail?" for node in minority)
    world.heal()
    world.run_until(lambda: all(node.core.ok for node in nodes) and world.agree(nodes))
    assert StateChanged(False) in minority[0].events
    assert StateChanged(True) in minority[0].events


def test_publish_reaches_all_nodes_and_spublish_the_shard(world: World) -> None:
    nodes = world.cluster(3)
    nodes[0].core.publish(b"ch", b"hello", world.now_ms)
    nodes[0].core.publish(b"shard", b"x", world.now_ms, sharded=True)
    nodes[0].flush()
    world.run(5)
    assert [node.deliveries for node in nodes[1:]] == [[Delivery(b"ch", b"hello", False)]] * 2


def test_an_announcement_spreads_a_change_at_once(world: World) -> None:
    nodes = world.cluster(3)
    world.run(2000)
    nodes[0].core.delete_slots([(7, 7)], world.now_ms)
    nodes[0].core.announce(world.now_ms)
    nodes[0].flush()
    world.run(2)
    assert all(7 in node.core.state.not_claimed for node in nodes[1:])


def test_spublish_reaches_members_of_the_same_shard(world: World) -> None:
    nodes = world.cluster(3)
    state = nodes[0].core.state
    other = state.nodes[nodes[1].node_id]
    state.join_shard(other, nodes[0].core.my_shard_id)
    nodes[0].core.publish(b"ch", b"m", world.now_ms, sharded=True)
    nodes[0].flush()
    world.run(5)
    assert nodes[1].deliveries == [Delivery(b"ch", b"m", True)]
    assert nodes[2].deliveries == []


def test_a_forgotten_node_is_forgotten_by_all_and_may_return_after_a_minute(world: World) -> None:
    nodes = world.cluster(4)
    gone, rest = nodes[3], nodes[:3]
    nodes[0].core.forget(gone.node_id, world.now_ms)
    nodes[0].flush()
    world.run_until(lambda: all(node.sees(gone) == "" for node in rest), limit_ms=5000)
    world.run(40_000)
    assert all(node.sees(gone) == "" for node in rest)
    # Who has forgotten it answers «OK» once more; a node never heard of does not exist.
    nodes[1].core.forget(gone.node_id, world.now_ms)
    nodes[0].core.state.check()


def test_hostnames_and_nodenames_spread_and_vanish(world: World) -> None:
    nodes = world.cluster(3)
    nodes[0].settings.announce_hostname = "alpha.example"
    nodes[0].settings.announce_human_nodename = "alpha"
    nodes[0].core.settings_changed(world.now_ms)
    seen = [node.core.state.nodes[nodes[0].node_id] for node in nodes[1:]]
    world.run_until(lambda: all(node.hostname == "alpha.example" for node in seen))
    assert seen[0].human_nodename == "alpha"
    assert "127.0.0.1:7000@17000,alpha.example " in nodes[1].core.nodes_text()
    assert "nodename=alpha" in nodes[1].core.config_text()
    nodes[0].settings.announce_hostname = nodes[0].settings.announce_human_nodename = ""
    nodes[0].core.settings_changed(world.now_ms)
    world.run_until(lambda: not any(node.hostname for node in seen))


def test_an_announced_address_replaces_the_one_of_the_socket(world: World) -> None:
    nodes = world.cluster(3)
    nodes[0].settings.announce_ip = "192.0.2.7"
    nodes[0].settings.announce_port = 6390
    nodes[0].core.settings_changed(world.now_ms)
    assert nodes[0].core.state.myself.ip == "192.0.2.7"
    seen = nodes[1].core.state.nodes[nodes[0].node_id]
    world.run_until(lambda: (seen.ip, seen.tcp_port, seen.bus_port) == ("192.0.2.7", 6390, 17000))
    assert any(line.startswith("Address updated for node") for line in nodes[1].logs)
    nodes[0].settings.announce_ip = ""
    nodes[0].core.settings_changed(world.now_ms)
    assert nodes[0].core.state.myself.ip == ""
    world.run_until(lambda: nodes[0].core.state.myself.ip == "127.0.0.1")


def test_a_node_that_moved_while_failing_is_found_at_its_new_address(world: World) -> None:
    nodes = world.cluster(4)
    victim, others = nodes[0], nodes[1:]
    victim.stop()
    world.run_until(lambda: failed(others, victim))
    del world.nodes[victim.port]
    victim.settings.port = 7100
    world.nodes[7100] = victim
    # It knows all others, and pings them: they learn its new address from that.
    victim.start()
    world.run_until(lambda: healthy(others, victim))
    assert all("127.0.0.1:7100@17100 master" in node.core.nodes_text() for node in others)


def test_reset_makes_a_fresh_node(world: World) -> None:
    nodes = world.cluster(3)
    node, old_id = nodes[2], nodes[2].node_id
    node.core.reset(world.now_ms, hard=False)
    node.flush()
    assert node.node_id == old_id
    assert len(node.core.state.nodes) == 1
    assert any(isinstance(event, SlotsReleased) for event in node.events)
    node.core.reset(world.now_ms, hard=True)
    node.flush()
    assert node.node_id != old_id
    assert node.core.state.myself.config_epoch == node.core.state.current_epoch == 0
    node.core.state.check()
    assert not any(node.core.served)


def test_a_former_id_at_a_known_address_loses_the_address(world: World) -> None:
    nodes = world.cluster(3)
    old_id = nodes[2].node_id
    nodes[2].core.reset(world.now_ms, hard=True)
    nodes[2].flush()
    stale = nodes[0].core.state.nodes[old_id]
    world.run_until(lambda: "noaddr" in stale.flag_text())
    assert (stale.ip, stale.tcp_port, stale.bus_port) == ("", 0, 0)


def test_slots_follow_the_greater_config_epoch_and_stale_claims_are_corrected(world: World) -> None:
    nodes = world.cluster(4)
    loser, winner = nodes[0], nodes[1]
    loser.keys = {5: 3, 6: 0}
    world.partition([loser])
    world.run(100)
    state = winner.core.state
    for slot in (5, 6):
        state.delete_slot(slot)
        state.add_slot(state.myself, slot)
    assert winner.core.bump_epoch(world.now_ms) == (True, 5)
    assert winner.core.bump_epoch(world.now_ms) == (False, 5)
    world.run_until(lambda: nodes[2].core.state.slots[5] is nodes[2].core.state.nodes[winner.node_id])
    world.heal()
    world.run_until(lambda: world.agree(nodes))
    assert SlotsLost((5,)) in loser.events
    assert not loser.core.served[5]
    loser.core.state.check()


def test_an_update_corrects_a_node_that_its_new_owner_cannot_reach(world: World) -> None:
    nodes = world.cluster(4)
    loser, winner = nodes[0], nodes[1]
    world.cut = {(loser.port, winner.port), (winner.port, loser.port)}
    winner.core.state.delete_slot(5)
    winner.core.state.add_slot(winner.core.state.myself, 5)
    winner.core.bump_epoch(world.now_ms)
    owner = loser.core.state.nodes[winner.node_id]
    world.run_until(lambda: loser.core.state.slots[5] is owner)
    assert any("has old slots configuration" in line for node in nodes[2:] for line in node.logs)
    assert loser.core.state.received[wire.MessageType.UPDATE] > 0


@pytest.mark.parametrize("may_move", [False, True])
def test_a_primary_that_loses_all_slots(world: World, may_move: bool) -> None:
    nodes = world.cluster(3, allow_replica_migration=may_move)
    loser, winner = nodes[0], nodes[1]
    loser.keys = {0: 1}
    state = winner.core.state
    state.delete_slots_of(state.nodes[loser.node_id])
    # To a node that had slots before, replicas come only where they may move.
    for slot in range(16384 // 3):
        state.add_slot(state.myself, slot)
    winner.core.bump_epoch(world.now_ms)
    world.run_until(lambda: loser.core.state.myself.slot_count == 0)
    if may_move:
        assert loser.core.is_replica
        assert FollowPrimary(winner.node_id, "127.0.0.1", winner.port) in loser.events
        world.run_until(lambda: winner.sees(loser) == "slave")
        world.run_until(lambda: world.agree(nodes))
        assert loser.core.my_shard_id == winner.core.my_shard_id
        assert len(winner.core.replicas_reply(winner.node_id)) == 1
    else:
        assert not loser.core.is_replica
        assert SlotsLost((0,)) in loser.events


def test_a_slot_no_longer_claimed_stays_bound_but_is_free_to_take(world: World) -> None:
    nodes = world.cluster(3)
    nodes[0].core.delete_slots([(7, 7)], world.now_ms)
    state = nodes[1].core.state
    world.run_until(lambda: 7 in state.not_claimed)
    assert state.slots[7] is state.nodes[nodes[0].node_id]
    nodes[0].core.add_slots([(7, 7)], world.now_ms)
    world.run_until(lambda: 7 not in state.not_claimed)
    nodes[0].core.delete_slots([(7, 7)], world.now_ms)
    world.run_until(lambda: 7 in state.not_claimed and 7 in nodes[2].core.state.not_claimed)
    nodes[2].core.state.delete_slot(7)
    nodes[2].core.add_slots([(7, 7)], world.now_ms)
    world.run_until(lambda: state.slots[7] is state.nodes[nodes[2].node_id])
    state.check()


def test_meeting_oneself_leaves_nothing_behind(world: World) -> None:
    node = world.add(7000)
    world.meet(node, node)
    world.run(3000)
    assert list(node.core.state.nodes) == [node.node_id]
    node.core.state.check()


def test_meeting_a_known_node_again_changes_nothing(world: World) -> None:
    nodes = world.cluster(3)
    world.meet(nodes[1], nodes[2])
    world.meet(nodes[1], nodes[2])
    assert len(nodes[1].core.state.nodes) == 4
    world.run(1000)
    assert world.agree(nodes)


def test_meeting_nobody_is_given_up(world: World) -> None:
    node = world.add(7000)
    assert node.core.meet("127.0.0.1", 7999, 17999, world.now_ms)
    assert "handshake" in node.core.nodes_text()
    assert "handshake" not in node.core.config_text()
    world.run(1500)
    assert len(node.core.state.nodes) == 1
