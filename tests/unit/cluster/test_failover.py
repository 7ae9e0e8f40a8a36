"""Failovers in simulated time: who replaces a failed primary, when, and what becomes of the others."""

from __future__ import annotations

import time

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.failure import become_failed
from pyredis_cluster.cluster.ready import PauseWrites, ResumeWrites, StopFollowing
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.wire import MessageType
from pyredis_cluster.protocol.errors import CommandError
from tests.unit.cluster.bench import A, B, Bench, C, D, sent, types
from tests.unit.cluster.world import Node, World


@pytest.fixture
def world() -> World:
    return World()


def promoted(replicas: list[Node]) -> list[Node]:
    return [node for node in replicas if node.up and not node.core.is_replica]


def all_well(world: World) -> bool:
    up = [node for node in world.nodes.values() if node.up]
    return all(node.core.ok for node in up)


@pytest.mark.parametrize("node_timeout_ms", [pytest.param(50, marks=pytest.mark.slow), 200, 1000, 5000])
def test_a_replica_takes_over_and_the_former_primary_follows_it(world: World, node_timeout_ms: int) -> None:
    primaries = world.cluster(3, node_timeout_ms=node_timeout_ms)
    replicas = world.replicas(primaries, (7003, 7004, 7005), node_timeout_ms=node_timeout_ms)
    victim, heir = primaries[0], replicas[0]
    slots = bytes(victim.core.state.myself.slots)
    world.run(3000)
    victim.stop()
    took_ms = world.run_until(lambda: not heir.core.is_replica, limit_ms=2 * node_timeout_ms + 5000)
    # Suspected, agreed on, the delay of the election, votes.
    assert node_timeout_ms / 2 + 500 < took_ms < node_timeout_ms + 3000
    assert bytes(heir.core.state.myself.slots) == slots
    assert heir.follows == 0
    assert heir.events.count(StopFollowing()) == 1
    assert sum(heir.core.served) == heir.core.state.myself.slot_count
    epochs = [node.core.state.myself.config_epoch for node in (heir, *primaries[1:])]
    assert max(epochs) == epochs[0]
    assert len(set(epochs)) == 3
    world.run_until(lambda: all_well(world), limit_ms=2000)
    assert "Failover election won: I'm the new master." in heir.logs
    victim.start()
    assert victim.core.state.myself.is_primary
    world.run_until(lambda: victim.follows == heir.port, limit_ms=2 * node_timeout_ms + 5000)
    nodes = list(world.nodes.values())
    world.run_until(lambda: world.agree(nodes))
    assert victim.core.my_shard_id == heir.core.my_shard_id
    for node in nodes:
        node.core.state.check()


def test_a_failover_of_six_nodes_at_the_default_timeout_is_quick_to_simulate(world: World) -> None:
    primaries = world.cluster(3, node_timeout_ms=15_000)
    replicas = world.replicas(primaries, (7003, 7004, 7005), node_timeout_ms=15_000)
    started_s = time.perf_counter()
    primaries[0].stop()
    world.run_until(lambda: not replicas[0].core.is_replica and all_well(world))
    assert time.perf_counter() - started_s < 2  # a tenth of that on a quiet machine


def test_a_replica_waits_for_its_turn_to_the_millisecond(world: World) -> None:
    primaries = world.cluster(3)
    (heir,) = world.replicas(primaries[:1], (7003,))
    state = heir.core.state
    primaries[0].stop()
    world.run_until(lambda: state.candidacy.start_ms > 0)
    failed_ms, turn_ms = state.nodes[primaries[0].node_id].fail_ms, state.candidacy.start_ms
    assert 500 <= turn_ms - failed_ms < 1000
    world.run(turn_ms - 1 - world.now_ms)
    assert not any(line.startswith("Starting a failover election") for line in heir.logs)
    world.run(10)
    assert not heir.core.is_replica


def test_the_replica_with_most_data_goes_first(world: World) -> None:
    primaries = world.cluster(3)
    replicas = world.replicas(primaries[:1], (7003, 7004, 7005), allow_replica_migration=False)
    world.run(2000)
    for offset, replica in zip((100, 300, 200), replicas, strict=True):
        world.cut.add((7000, replica.port))
        replica.offset = offset
    world.cut.clear()
    primaries[0].stop()
    world.run_until(lambda: bool(promoted(replicas)))
    assert promoted(replicas) == [replicas[1]]
    world.run_until(lambda: replicas[0].follows == replicas[2].follows == replicas[1].port)
    assert any("(rank #" in line for line in replicas[0].logs)
    world.run(5000)
    assert promoted(replicas) == [replicas[1]]
    assert len(primaries[1].core.replicas_reply(replicas[1].node_id)) == 2


def test_who_may_not_replace_its_primary_does_not_stand_in_the_way(world: World) -> None:
    primaries = world.cluster(3)
    [barred] = world.replicas(primaries[:1], [7003], replica_no_failover=True)
    [other] = world.replicas(primaries[:1], [7004])
    world.run(2000)
    primaries[0].stop()
    barred.offset = 1000
    world.run_until(lambda: not other.core.is_replica)
    assert any("(rank #0" in line for line in other.logs)
    world.run_until(lambda: barred.follows == other.port)


def test_nobody_is_promoted_where_none_may_be(world: World) -> None:
    primaries = world.cluster(3)
    [barred] = world.replicas(primaries[:1], [7003], replica_no_failover=True)
    primaries[0].stop()
    world.run(20_000)
    assert barred.core.is_replica
    assert not any("election" in line for line in barred.logs)
    barred.settings.replica_no_failover = False
    barred.core.settings_changed(world.now_ms)
    world.run_until(lambda: not barred.core.is_replica)


@pytest.mark.parametrize(("factor", "takes_over"), [(1, False), (0, True)])
def test_data_that_is_too_old_is_no_replacement(world: World, factor: int, takes_over: bool) -> None:
    settings = {"replica_validity_factor": factor, "repl_ping_period_s": 1}
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003], **settings)
    world.run(1000)
    replica.follows = 0  # what the link was, is no more
    world.run(5000)
    primaries[0].stop()
    world.run(20_000)
    assert replica.core.is_replica is not takes_over
    too_old = [line for line in replica.logs if "cluster-replica-validity-factor" in line]
    assert bool(too_old) is not takes_over
    # Said at most each ten seconds.
    assert len(too_old) <= 2


@pytest.mark.parametrize("factor", [10, 0])
def test_a_replica_without_its_copy_does_not_take_over(world: World, factor: int) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003], replica_validity_factor=factor)
    replica.stop()
    primaries[0].stop()
    replica.start()
    world.run(20_000)
    assert replica.core.is_replica
    assert not replica.core.ok


def test_without_a_majority_there_is_no_failover(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003], replica_validity_factor=0)
    world.run(2000)
    primaries[0].stop()
    primaries[1].stop()
    world.run(20_000)
    assert replica.core.is_replica
    primaries[1].start()
    world.run_until(lambda: not replica.core.is_replica, limit_ms=20_000)


def test_lost_elections_are_repeated(world: World) -> None:
    primaries = world.cluster(3)
    [replica] = world.replicas(primaries[:1], [7003])
    world.run(2000)
    primaries[0].stop()
    world.run_until(lambda: "fail" in primaries[1].sees(primaries[0]).split(","))
    # Its requests do not get through for a while.
    world.cut = {(7003, 7001), (7003, 7002)}
    world.run(3500)
    assert replica.core.is_replica
    world.cut = set()
    world.run_until(lambda: not replica.core.is_replica, limit_ms=10_000)
    assert sum(line.startswith("Starting a failover election") for line in replica.logs) >= 1


def test_a_primary_in_a_minority_is_replaced_and_comes_back_as_replica(world: World) -> None:
    primaries = world.cluster(3)
    replicas = world.replicas(primaries, (7003, 7004, 7005))
    world.run(2000)
    world.partition([primaries[0]])
    world.run_until(lambda: not replicas[0].core.is_replica)
    # Where it is alone it serves nobody any more: no write of it is acknowledged and lost.
    assert not any(primaries[0].core.served)
    world.run(1000)
    assert not primaries[0].core.is_replica
    world.heal()
    world.run_until(lambda: primaries[0].follows == 7003)
    world.run_until(lambda: world.agree(world.nodes.values()) and all_well(world))


def test_two_primaries_may_fail_at_once(world: World) -> None:
    primaries = world.cluster(5)
    replicas = world.replicas(primaries[:2], (7005, 7006))
    world.run(2000)
    for victim in primaries[:2]:
        victim.stop()
    world.run_until(lambda: len(promoted(replicas)) == 2, limit_ms=20_000)
    world.run_until(lambda: all_well(world))
    epochs = {node.core.state.myself.config_epoch for node in replicas}
    assert len(epochs) == 2


class TestVotes:
    """What one replica makes of the votes it gets: three primaries, of which its own is down."""

    @pytest.fixture
    def bench(self) -> Bench:
        bench = Bench(node_timeout_ms=5000)
        primary = bench.peer(A, slots=[1], epoch=1)
        bench.peer(B, slots=[2], epoch=2)
        bench.peer(C, slots=[3], epoch=3)
        bench.peer(D)
        become_replica_of(bench.state, primary)
        become_failed(bench.state, primary)
        bench.state.current_epoch = 3
        bench.ready()
        bench.advance(100)
        bench.advance(1000)
        assert bench.state.candidacy.is_asked
        return bench

    def vote(self, bench: Bench, voter: str, epoch: int = 4) -> bool:
        bench.hear(MessageType.FAILOVER_AUTH_ACK, voter, current_epoch=epoch)
        return not bench.core.is_replica

    def test_the_epoch_is_saved_before_votes_are_asked_for(self) -> None:
        bench = Bench(node_timeout_ms=5000)
        primary = bench.peer(A, slots=[1], epoch=1)
        bench.peer(B, slots=[2], epoch=2)
        become_replica_of(bench.state, primary)
        become_failed(bench.state, primary)
        bench.ready()
        bench.advance(100)
        ready = bench.advance(1000)
        assert MessageType.FAILOVER_AUTH_REQUEST in types(ready)
        assert ready.fsync
        assert ready.config is not None
        assert "currentEpoch 1 " in ready.config
        requests = [each for _, each in sent(ready) if each.header.type == MessageType.FAILOVER_AUTH_REQUEST]
        header = requests[0].header
        assert (header.current_epoch, header.config_epoch, header.message_flags) == (1, 1, 0)
        assert header.slots == bytes(primary.slots)

    def test_the_majority_decides_at_once(self, bench: Bench) -> None:
        assert not self.vote(bench, B)
        ready = bench.hear(MessageType.FAILOVER_AUTH_ACK, C, current_epoch=4)
        assert StopFollowing() in ready.events
        assert ready.fsync
        assert bench.state.slots[1] is bench.state.myself
        assert bench.state.myself.config_epoch == 4
        told = [message.header for _, message in sent(ready)]
        assert {header.type for header in told} == {MessageType.PONG}
        assert all(header.flags & wire.PRIMARY and header.slots[0] == 2 for header in told)
        bench.state.check()

    def test_one_voter_has_one_vote(self, bench: Bench) -> None:
        assert not self.vote(bench, B)
        assert not self.vote(bench, B)
        assert self.vote(bench, C)

    def test_votes_of_earlier_elections_and_of_nodes_without_slots_do_not_count(self, bench: Bench) -> None:
        assert not self.vote(bench, B, epoch=3)
        assert not self.vote(bench, C, epoch=3)
        assert not self.vote(bench, D)
        assert not bench.state.candidacy.voters

    def test_votes_nobody_asked_for_do_not_count(self) -> None:
        bench = Bench(node_timeout_ms=5000)
        primary = bench.peer(A, slots=[1])
        bench.peer(B, slots=[2])
        become_replica_of(bench.state, primary)
        bench.ready()
        assert not self.vote(bench, A)
        assert not self.vote(bench, B)

    def test_an_expired_election_tells_how_many_votes_it_got(self, bench: Bench) -> None:
        self.vote(bench, B)
        lines = [line.text for _ in range(210) for line in bench.advance(100).logs]
        assert "Currently unable to failover: Failover attempt expired." in lines
        assert "Needed quorum: 2. Number of votes received so far: 1" in lines
        assert any(line.startswith("Start of election delayed for") for line in lines)


class TestManual:
    """Failovers that are asked for."""

    def pair(self, world: World) -> tuple[list[Node], Node]:
        primaries = world.cluster(3)
        [replica] = world.replicas(primaries[:1], [7003])
        primaries[0].offset = 500
        world.run(2000)
        return primaries, replica

    def ask(self, world: World, replica: Node, *, force: bool = False, takeover: bool = False) -> None:
        replica.core.fail_over(world.now_ms, force=force, takeover=takeover)
        replica.flush()

    def test_the_primary_stands_still_until_the_replica_has_everything(self, world: World) -> None:
        primaries, replica = self.pair(world)
        primary = primaries[0]
        world.cut = {(7000, 7003)}  # it does not get the last of the stream, nor hears of the standstill
        primary.offset = 700
        self.ask(world, replica)
        world.run_until(lambda: primary.is_paused)
        world.run(1000)
        assert replica.core.is_replica
        world.cut = set()
        world.run_until(lambda: not replica.core.is_replica, limit_ms=1500)
        assert replica.offset == 700
        world.run_until(lambda: primary.core.is_replica and not primary.is_paused)
        assert primary.follows == 7003
        assert "All master replication stream processed, manual failover can start." in replica.logs
        world.run_until(lambda: world.agree(world.nodes.values()) and all_well(world))

    def test_there_and_back(self, world: World) -> None:
        primaries, replica = self.pair(world)
        nodes = (primaries[0], replica)
        for n in range(4):
            primary, successor = nodes[n % 2], nodes[1 - n % 2]
            self.ask(world, successor)
            assert world.run_until(lambda: not successor.core.is_replica) < 1000  # noqa: B023
            world.run_until(lambda: primary.core.is_replica)  # noqa: B023
            world.run_until(lambda: world.agree(world.nodes.values()))
            world.run(2000)  # nobody votes twice about one primary within two node timeouts
        epochs = [node.core.state.myself.slot_owner.config_epoch for node in (*primaries[1:], nodes[0])]
        assert len(set(epochs)) == 3

    def test_it_is_given_up_in_time(self, world: World) -> None:
        primaries, replica = self.pair(world)
        world.nodes[7003].follows = 0  # its link is down: it never gets there
        primaries[0].offset = 900
        self.ask(world, replica)
        world.run_until(lambda: primaries[0].is_paused)
        world.run(6000)
        assert not primaries[0].is_paused
        assert replica.core.is_replica
        for node in (primaries[0], replica):
            assert "Manual failover timed out." in node.logs
            assert node.core.state.manual_failover is None

    def test_without_a_majority_it_is_given_up_too(self, world: World) -> None:
        primaries, replica = self.pair(world)
        for node in primaries[1:]:
            node.stop()
        self.ask(world, replica)
        world.run(6000)
        assert replica.core.is_replica
        assert not primaries[0].is_paused

    def test_force_does_not_ask_the_primary(self, world: World) -> None:
        primaries, replica = self.pair(world)
        world.cut = {(7000, 7003), (7003, 7000)}
        self.ask(world, replica, force=True)
        assert world.run_until(lambda: not replica.core.is_replica) < 500
        assert not primaries[0].is_paused
        world.cut = set()
        world.run_until(lambda: primaries[0].follows == 7003)

    def test_a_takeover_asks_nobody(self, world: World) -> None:
        primaries, replica = self.pair(world)
        for node in primaries:
            node.stop()
        self.ask(world, replica, takeover=True)
        assert not replica.core.is_replica
        assert replica.core.state.myself.config_epoch == replica.core.state.current_epoch
        for node in primaries:
            node.start()
        world.run_until(lambda: primaries[0].follows == 7003)
        world.run_until(lambda: world.agree(world.nodes.values()) and all_well(world))

    def test_refusals(self, world: World) -> None:
        primaries, replica = self.pair(world)
        with pytest.raises(CommandError, match="ERR You should send CLUSTER FAILOVER to a replica"):
            self.ask(world, primaries[0])
        primaries[0].stop()
        world.run(100)
        with pytest.raises(CommandError, match="please use CLUSTER FAILOVER FORCE"):
            self.ask(world, replica)
        replica.core.state.remove_replica(
            replica.core.state.nodes[primaries[0].node_id], replica.core.state.myself
        )
        with pytest.raises(CommandError, match="I'm a replica but my master is unknown to me"):
            self.ask(world, replica, force=True)

    def test_barred_replicas_take_over_when_told(self, world: World) -> None:
        _, replica = self.pair(world)
        replica.settings.replica_no_failover = True
        replica.core.settings_changed(world.now_ms)
        self.ask(world, replica)
        world.run_until(lambda: not replica.core.is_replica)

    def test_only_a_replica_of_ours_makes_us_stand_still(self) -> None:
        bench = Bench()
        bench.core.add_slots([(0, 5)], bench.now_ms)
        bench.peer(A, slots=[9])
        bench.peer(B, primary=A)
        for sender in (A, B):
            assert bench.hear(MessageType.MFSTART, sender).events == []
        bench.peer(C, primary=bench.core.my_id)
        ready = bench.hear(MessageType.MFSTART, C)
        assert PauseWrites(10_000) in ready.events
        [header] = [message.header for _, message in sent(ready)]
        assert header.message_flags & wire.PAUSED
        assert bench.advance(5001).events == [ResumeWrites()]
