"""Replicas: who follows whom, in simulated time, and what the rest of the cluster sees of it."""

from __future__ import annotations

from typing import Any

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.ready import DataDropped, Delivery, FollowPrimary, StopFollowing
from pyredis_cluster.protocol.errors import CommandError
from tests.unit.cluster.world import Node, World


@pytest.fixture
def world() -> World:
    return World()


def members(node: Node, of: Node) -> list[dict[bytes, object]]:
    """The nodes of a shard as CLUSTER SHARDS of `node` shows them; `of` is one of them."""
    for shard in node.core.shards_reply():
        assert isinstance(shard, dict)
        found = shard[b"nodes"]
        assert isinstance(found, list)
        if any(each[b"id"] == of.node_id.encode() for each in found):  # type: ignore[index,call-overload]
            return found  # type: ignore[return-value]
    raise AssertionError("no such shard")


def test_replicas_are_seen_by_all_with_their_primarys_epoch_and_shard(world: World) -> None:
    primaries = world.cluster(3)
    replicas = world.replicas(primaries, (7003, 7004, 7005))
    for primary, replica in zip(primaries, replicas, strict=True):
        assert replica.core.my_shard_id == primary.core.my_shard_id
        assert replica.follows == primary.port
        line = f"slave {primary.node_id} "
        epoch = primary.core.state.myself.config_epoch
        for node in world.nodes.values():
            [text] = [
                each for each in node.core.nodes_text().splitlines() if each.startswith(replica.node_id)
            ]
            assert line in text
            assert text.endswith(f" {epoch} connected")
            assert len(node.core.replicas_reply(primary.node_id)) == 1
            assert "cluster_size:3\r\n" in node.core.info_text()
        assert f"cluster_my_epoch:{epoch}\r\n" in replica.core.info_text()
        assert not any(replica.core.served)
        replica.core.state.check()


def test_offsets_decide_who_is_shown_and_how(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    primary, other = primaries[0], primaries[1]
    world.run(3000)
    for node in (primary, replica, other):
        # Without anything taken over it may not have its copy yet.
        assert len(node.core.slots_reply()[0]) == 3  # type: ignore[arg-type]
        assert [each[b"health"] for each in members(node, replica)] == [b"online", b"loading"]
    primary.offset = 70
    world.run(3000)
    for node in (primary, replica, other):
        slots = node.core.slots_reply()[0]
        assert isinstance(slots, list)
        assert slots[2:] == [
            [b"127.0.0.1", 7000, primary.node_id.encode(), {}],
            [b"127.0.0.1", 7003, replica.node_id.encode(), {}],
        ]
        seen = [
            (each[b"role"], each[b"replication-offset"], each[b"health"]) for each in members(node, replica)
        ]
        assert seen == [(b"master", 70, b"online"), (b"replica", 70, b"online")]
    replica.stop()
    world.run_until(lambda: other.sees(replica) == "slave,fail" and primary.sees(replica) == "slave,fail")
    assert [each[b"health"] for each in members(other, replica)] == [b"online", b"fail"]
    assert len(other.core.slots_reply()[0]) == 3  # type: ignore[arg-type]
    assert all(node.core.ok for node in primaries)


def test_refusals(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    fresh = world.add(7004)
    world.meet(fresh, primaries[0])
    world.run_until(lambda: world.agree(world.nodes.values()))
    before = fresh.core.config_text()
    for node, other, reason in (
        (fresh, "f" * 40, f"ERR Unknown node {'f' * 40}"),
        (fresh, fresh.node_id, "ERR Can't replicate myself"),
        (fresh, replica.node_id, "ERR I can only replicate a master, not a replica."),
        (
            primaries[1],
            primaries[0].node_id,
            "ERR To set a master the node must be empty and without assigned slots.",
        ),
    ):
        with pytest.raises(CommandError, match=reason):
            node.core.replicate(other, world.now_ms, has_keys=False)
    fresh.keys = {1: 1}
    with pytest.raises(CommandError, match="the node must be empty"):
        world.replicate(fresh, primaries[0])
    assert fresh.core.config_text() == before
    with pytest.raises(CommandError, match="The specified node is not a master"):
        fresh.core.replicas_reply(replica.node_id)
    with pytest.raises(CommandError, match="Can't forget my master!"):
        replica.core.forget(primaries[0].node_id, world.now_ms)


def test_a_replica_changes_its_primary_keys_or_not(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    replica.keys = {1: 1}
    world.replicate(replica, primaries[1])
    assert replica.follows == 7001
    world.run_until(lambda: world.agree(world.nodes.values()))
    world.run_until(lambda: replica.core.my_shard_id == primaries[1].core.my_shard_id)
    world.run_until(lambda: len(members(primaries[2], primaries[1])) == 2)
    assert len(members(primaries[2], primaries[0])) == 1
    # Once more the same: it connects anew.
    world.replicate(replica, primaries[1])
    follow = FollowPrimary(primaries[1].node_id, "127.0.0.1", 7001)
    assert replica.events[-2:] == [follow, follow]


def test_a_restarted_replica_follows_its_primary_again(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    shard_id = replica.core.my_shard_id
    replica.stop()
    world.run(500)
    replica.events.clear()
    replica.start()
    assert replica.core.is_replica
    assert replica.core.my_shard_id == shard_id
    world.run_until(lambda: replica.follows == 7000)
    assert replica.events.count(FollowPrimary(primaries[0].node_id, "127.0.0.1", 7000)) == 1
    # A replica does not wait before it serves, as a primary does that may have been replaced.
    assert world.run_until(lambda: replica.core.ok) < 500
    world.run_until(lambda: world.agree(world.nodes.values()))


def test_a_replica_follows_its_primary_to_another_address(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    victim = primaries[0]
    victim.stop()
    del world.nodes[victim.port]
    victim.settings.port = 7100
    world.nodes[7100] = victim
    victim.start()
    world.run_until(lambda: replica.follows == 7100)
    victim.settings.announce_port = 7200
    victim.core.settings_changed(world.now_ms)
    world.run_until(lambda: replica.follows == 7200)


def test_an_announced_address_of_a_replica_is_what_others_see(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    replica.settings.announce_ip, replica.settings.announce_port = "192.0.2.9", 6300
    replica.core.settings_changed(world.now_ms)
    address = f"{replica.node_id} 192.0.2.9:6300@17003 slave"
    world.run_until(lambda: all(address in node.core.nodes_text() for node in primaries))


def test_reset_makes_a_primary_without_data(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    shard_id = replica.core.my_shard_id
    replica.events.clear()
    replica.core.reset(world.now_ms, hard=True)
    replica.flush()
    assert [event for event in replica.events if isinstance(event, StopFollowing | DataDropped)] == [
        StopFollowing(),
        DataDropped(),
    ]
    assert not replica.core.is_replica
    assert replica.core.my_shard_id != shard_id
    world.run(5000)
    assert replica.follows == 0
    replica.core.state.check()


def test_a_primary_keeps_its_data_when_it_is_reset(world: World) -> None:
    node = world.add(7000)
    node.core.reset(world.now_ms, hard=False)
    node.flush()
    assert not any(isinstance(event, StopFollowing | DataDropped) for event in node.events)


def test_a_forgotten_replica_is_gone_from_its_shard(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    replica.stop()
    primaries[1].core.forget(replica.node_id, world.now_ms)
    primaries[1].flush()
    world.run_until(lambda: world.agree(primaries))
    for node in primaries:
        assert len(members(node, primaries[0])) == 1
        assert node.core.replicas_reply(primaries[0].node_id) == []
        node.core.state.check()


def test_a_forgotten_primary_is_kept_by_its_replica_alone(world: World) -> None:
    primaries = world.cluster(4)
    [replica] = world.replicas(primaries[:1], [7004])
    gone, rest = primaries[0], primaries[1:]
    gone.stop()
    rest[0].core.forget(gone.node_id, world.now_ms)
    rest[0].flush()
    world.run_until(lambda: all(node.sees(gone) == "" for node in rest))
    assert "slave" in replica.sees(replica)
    assert replica.sees(gone).startswith("master")
    for node in rest:
        assert node.sees(replica) == "slave"
        assert node.core.state.nodes[replica.node_id].primary is None
        node.core.state.check()


def test_a_replica_without_failover_says_so(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003], replica_no_failover=True)
    world.run_until(lambda: all(node.sees(replica) == "slave,nofailover" for node in primaries))
    replica.settings.replica_no_failover = False
    replica.core.settings_changed(world.now_ms)
    world.run_until(lambda: all(node.sees(replica) == "slave" for node in primaries))


def test_shard_messages_reach_replicas_and_their_primary(world: World) -> None:
    primaries = world.cluster(3)
    replicas = world.replicas(primaries, (7003, 7004))
    world.run_until(lambda: len(members(primaries[0], replicas[0])) == 2)
    for sender in (primaries[0], replicas[0]):
        sender.core.publish(b"ch", sender.node_id.encode(), world.now_ms, sharded=True)
        sender.flush()
    world.run(5)
    assert replicas[0].deliveries == [Delivery(b"ch", primaries[0].node_id.encode(), True)]
    assert primaries[0].deliveries == [Delivery(b"ch", replicas[0].node_id.encode(), True)]
    assert not any(node.deliveries for node in (*primaries[1:], replicas[1]))


def test_replicas_of_a_primary_that_turned_replica_follow_the_new_one(world: World) -> None:
    primaries = world.cluster(3)
    replicas = world.replicas(primaries[:1], (7003, 7004))
    loser, winner = primaries[0], primaries[1]
    state = winner.core.state
    loser_there = state.nodes[loser.node_id]
    slots = [slot for slot in range(16384) if loser_there.owns(slot)]
    state.delete_slots_of(loser_there)
    for slot in slots:
        state.add_slot(state.myself, slot)
    winner.core.bump_epoch(world.now_ms)
    followers = (loser, *replicas)
    world.run_until(lambda: all(node.follows == winner.port for node in followers))
    world.run_until(lambda: world.agree(world.nodes.values()))
    assert all(node.core.my_shard_id == winner.core.my_shard_id for node in followers)
    assert len(winner.core.replicas_reply(winner.node_id)) == 3


def test_a_sub_replica_moves_up_to_the_grand_primary(world: World) -> None:
    primaries = world.cluster(3)
    spare = world.add(7003)
    world.meet(spare, primaries[0])
    world.run_until(lambda: world.agree([*primaries, spare]))
    [replica] = world.replicas([spare], [7004])
    world.replicate(spare, primaries[2])
    # It takes a change of slots to be noticed; here one more slot of another primary.
    primaries[1].core.delete_slots([(6000, 6000)], world.now_ms)
    world.run_until(lambda: 6000 in replica.core.state.not_claimed)
    world.run_until(lambda: replica.follows == primaries[2].port)
    assert any("I'm a sub-replica!" in line for line in replica.logs)


class TestMigration:
    """Replicas that go to primaries that have lost theirs."""

    def four(self, world: World, **settings: Any) -> tuple[list[Node], list[Node]]:
        """Two primaries' worth of replicas: the first has three, the second one."""
        primaries = world.cluster(3, **settings)
        replicas = world.replicas(primaries[:1], (7003, 7004, 7005), **settings)
        replicas += world.replicas(primaries[1:2], [7006], **settings)
        return primaries, replicas

    def test_the_replica_of_least_id_goes_after_a_while(self, world: World) -> None:
        primaries, replicas = self.four(world)
        replicas[3].stop()
        world.run_until(lambda: primaries[0].sees(replicas[3]) == "slave,fail")
        took_ms = world.run_until(lambda: any(node.follows == 7001 for node in replicas[:3]))
        assert 5000 < took_ms < 6000
        world.run(10_000)
        movers = [node for node in replicas[:3] if node.follows == 7001]
        assert movers == [min(replicas[:3], key=lambda node: node.node_id)]
        assert f"Migrating to orphaned master {primaries[1].node_id}" in movers[0].logs
        up = [node for node in world.nodes.values() if node.up]
        world.run_until(lambda: len({line(node, movers[0]) for node in up}) == 1)
        # The one that returns is the second there, and stays.
        replicas[3].start()
        world.run(10_000)
        assert [node.follows for node in replicas].count(7001) == 2
        for node in up:
            node.core.state.check()

    def test_nobody_goes_to_a_primary_that_never_had_replicas(self, world: World) -> None:
        primaries = world.cluster(3)
        spares = [world.add(port) for port in (7003, 7004)]
        for spare in spares:
            world.meet(primaries[0], spare)
        world.run_until(lambda: world.agree(world.nodes.values()))
        for spare in spares:
            world.replicate(spare, primaries[0])
        world.run(20_000)
        assert [node.follows for node in spares] == [7000, 7000]
        # One that gets its first slot while others have replicas is meant to have some too.
        late = world.add(7005)
        world.meet(late, primaries[1])
        world.run_until(lambda: world.agree(world.nodes.values()))
        primaries[2].core.delete_slots([(16383, 16383)], world.now_ms)
        world.run_until(lambda: 16383 in late.core.state.not_claimed)
        late.core.state.delete_slot(16383)
        late.core.add_slots([(16383, 16383)], world.now_ms)
        late.core.bump_epoch(world.now_ms)
        world.run_until(lambda: late.port in [node.follows for node in spares])

    @pytest.mark.parametrize("settings", [{"allow_replica_migration": False}, {"migration_barrier": 3}])
    def test_directives_forbid_it(self, world: World, settings: dict[str, Any]) -> None:
        _, replicas = self.four(world, **settings)
        replicas[3].stop()
        world.run(20_000)
        assert [node.follows for node in replicas[:3]] == [7000, 7000, 7000]

    def test_the_last_but_one_stays(self, world: World) -> None:
        primaries = world.cluster(3)
        replicas = world.replicas(primaries[:2], (7003, 7004))
        replicas[1].stop()
        world.run(20_000)
        assert replicas[0].follows == 7000

    def test_not_while_the_cluster_is_down(self, world: World) -> None:
        primaries, replicas = self.four(world)
        primaries[2].stop()
        world.run_until(lambda: not replicas[0].core.ok)
        replicas[3].stop()
        world.run(20_000)
        assert [node.follows for node in replicas[:3]] == [7000, 7000, 7000]


def line(node: Node, other: Node) -> tuple[str, str]:
    """Who `node` takes for the primary of `other`, and in which role it sees it."""
    seen = node.core.state.nodes[other.node_id]
    return (seen.primary.node_id if seen.primary is not None else "", str(seen.flags & wire.REPLICA))


def test_keys_that_were_loaded_are_claimed_or_marked(world: World) -> None:
    nodes = world.cluster(3)
    node = nodes[0]
    node.stop()
    node.config = node.config.replace(" 0-5460\n", " 0-99 101-5460\n")
    node.keys = {5: 1, 100: 2, 16000: 1}
    node.start()
    node.core.claim_loaded_keys(sorted(node.keys), world.now_ms)
    node.flush()
    assert node.core.state.slots[100] is node.core.state.myself
    assert node.core.state.importing_from[16000].node_id == nodes[2].node_id
    assert "I have keys for unassigned slot 100. Taking responsibility for it." in node.logs
    assert any(text.startswith("I have keys for slot 16000, but") for text in node.logs)
    assert f"[16000-<-{nodes[2].node_id}]" in node.config
    node.core.state.check()


def test_a_replica_claims_nothing_of_what_it_loaded(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    replica.stop()
    replica.keys = {5: 1, 16000: 1}
    replica.start()
    before = replica.core.config_text()
    replica.core.claim_loaded_keys(sorted(replica.keys), world.now_ms)
    assert replica.core.config_text() == before
