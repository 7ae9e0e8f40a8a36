"""Failovers in virtual time: what is told, who is promoted, what gives up when."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.sentinel.ready import ErrorReply
from tests.unit.sentinel.world import MASTER, Sentinel, Server, World

DOWN_AFTER_MS = 5000


@pytest.fixture
def world() -> World:
    return World()


def settle(world: World) -> None:
    """Let everybody find everybody, and INFO of replicas be complete."""
    world.run(15_000)


def leader_of(world: World) -> Sentinel:
    leaders = [sentinel for sentinel in world.sentinels if "+elected-leader" in sentinel.types()]
    assert len(leaders) == 1
    return leaders[0]


def fail(world: World, master: Server, limit_ms: int = 20_000) -> int:
    """Stop the master, and wait until all sentinels know of another one."""
    master.stop()
    living = [sentinel for sentinel in world.sentinels if sentinel.up]
    return world.run_until(lambda: all(each.master != master.port for each in living), limit_ms)


def test_the_sentinels_promote_a_replica_and_the_other_follows_it(world: World) -> None:
    master, (heir, other) = world.group()
    settle(world)
    for sentinel in world.sentinels:
        sentinel.events.clear()
    took_ms = fail(world, master)
    assert DOWN_AFTER_MS < took_ms < DOWN_AFTER_MS + 2500
    world.run(4000)
    assert (heir.follows, other.follows) == (0, heir.port)
    leader = leader_of(world)
    old, new = "127.0.0.1 6390", "127.0.0.1:6391 127.0.0.1 6391"
    last = "127.0.0.1:6392 127.0.0.1 6392"
    group = f"@ mymaster {old}"
    vote = ("+vote-for-leader", f"{leader.core.my_id.decode()} 1")
    assert [(event.type.decode(), event.payload.decode()) for event in leader.events if event.publish] == [
        ("+sdown", f"master mymaster {old}"),
        ("+odown", f"master mymaster {old} #quorum 2/2"),
        ("+new-epoch", "1"),
        ("+try-failover", f"master mymaster {old}"),
        vote,
        ("+elected-leader", f"master mymaster {old}"),
        ("+failover-state-select-slave", f"master mymaster {old}"),
        ("+selected-slave", f"slave {new} {group}"),
        ("+failover-state-send-slaveof-noone", f"slave {new} {group}"),
        ("+failover-state-wait-promotion", f"slave {new} {group}"),
        ("-role-change", f"slave {new} {group} new reported role is master"),
        ("+promoted-slave", f"slave {new} {group}"),
        ("+failover-state-reconf-slaves", f"master mymaster {old}"),
        ("+slave-reconf-sent", f"slave {last} {group}"),
        ("+slave-reconf-inprog", f"slave {last} {group}"),
        ("+slave-reconf-done", f"slave {last} {group}"),
        ("-odown", f"master mymaster {old}"),
        ("+failover-end", f"master mymaster {old}"),
        ("+switch-master", f"mymaster {old} 127.0.0.1 6391"),
        ("+slave", f"slave {last} @ mymaster 127.0.0.1 6391"),
        ("+slave", f"slave 127.0.0.1:6390 {old} @ mymaster 127.0.0.1 6391"),
    ]
    for sentinel in world.sentinels:
        if sentinel is not leader:
            source = f"sentinel {leader.core.my_id.decode()} 127.0.0.1 {leader.port} {group}"
            assert sentinel.told("+config-update-from") == [source]
            assert sentinel.told("+vote-for-leader") == [vote[1]]
            assert sentinel.told("+switch-master") == [f"mymaster {old} 127.0.0.1 6391"]


def test_a_promotion_is_one_transaction_and_disconnects_clients(world: World) -> None:
    master, (heir, other) = world.group()
    settle(world)
    heir.asked.clear()
    fail(world, master)
    start = heir.asked.index((b"MULTI",))
    assert heir.asked[start : start + 6] == [
        (b"MULTI",),
        (b"SLAVEOF", b"NO", b"ONE"),
        (b"CONFIG", b"REWRITE"),
        (b"CLIENT", b"KILL", b"TYPE", b"normal"),
        (b"CLIENT", b"KILL", b"TYPE", b"pubsub"),
        (b"EXEC",),
    ]
    world.run(4000)
    assert (b"SLAVEOF", b"127.0.0.1", b"6391") in other.asked


def test_the_old_master_comes_back_as_a_replica(world: World) -> None:
    master, (heir, _other) = world.group()
    settle(world)
    fail(world, master)
    world.run(10_000)
    master.start()
    world.run_until(lambda: master.follows == heir.port, 30_000)
    told = [text for sentinel in world.sentinels for text in sentinel.told("+convert-to-slave")]
    assert set(told) == {"slave 127.0.0.1:6390 127.0.0.1 6390 @ mymaster 127.0.0.1 6391"}


def test_a_replica_that_follows_another_master_is_told_again(world: World) -> None:
    master, (heir, stray) = world.group(2, 1, b"sentinel failover-timeout mymaster 10000")
    settle(world)
    stray.follows = 6399
    world.run_until(lambda: stray.follows == MASTER, 60_000)
    assert world.sentinels[0].told("+fix-slave-config")
    assert (heir.follows, master.follows) == (MASTER, 0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"priority": 10}, {"offset": 9}, 0),
        ({"offset": 8}, {"offset": 9}, 1),
        ({"offset": 9}, {"offset": 9}, 0),
        ({"priority": 0, "offset": 9}, {}, 1),
    ],
)
def test_priority_then_offset_then_id_choose_the_replica(
    world: World, first: dict[str, int], second: dict[str, int], expected: int
) -> None:
    master, replicas = world.group()
    world.run(5000)
    master.stop()
    for replica, fields in zip(replicas, (first, second), strict=True):
        for name, value in fields.items():
            setattr(replica, name, value)
    world.run_until(lambda: any(not replica.follows for replica in replicas))
    assert replicas[expected].follows == 0


def test_it_is_given_up_where_no_replica_will_do(world: World) -> None:
    master, (replica,) = world.group(1)
    settle(world)
    replica.priority = 0
    world.run(11_000)
    master.stop()
    world.run_until(lambda: any("-failover-abort-no-good-slave" in each.types() for each in world.sentinels))
    world.run(30_000)
    for sentinel in world.sentinels:
        assert sentinel.master == MASTER
        assert b"failover_in_progress" not in sentinel.core.master(b"mymaster", world.now_ms)[b"flags"]


def test_it_is_given_up_where_the_replica_does_not_become_a_master(world: World) -> None:
    master, (replica,) = world.group(1, 3, b"sentinel failover-timeout mymaster 10000")
    settle(world)
    replica.odd[b"SLAVEOF"] = b"OK"
    master.stop()
    world.run_until(lambda: any("-failover-abort-slave-timeout" in each.types() for each in world.sentinels))
    assert all(sentinel.master == MASTER for sentinel in world.sentinels)
    # A later attempt, after twice the time, succeeds.
    replica.odd.clear()
    world.run_until(lambda: not replica.follows, 60_000)
    leaders = [each for each in world.sentinels if "+elected-leader" in each.types()]
    assert max(each.core.state.current_epoch for each in leaders) >= 2


def test_it_is_given_up_where_the_chosen_replica_cannot_be_reached(world: World) -> None:
    master, (replica,) = world.group(1, 1, b"sentinel failover-timeout mymaster 10000")
    settle(world)
    sentinel = world.sentinels[0]
    master.stop()
    world.run_until(lambda: "+selected-slave" in sentinel.types())
    replica.stop()
    world.run_until(lambda: "-failover-abort-slave-timeout" in sentinel.types())
    assert "+failover-state-wait-promotion" not in sentinel.types()
    assert b"promoted" not in sentinel.core.replicas(b"mymaster", world.now_ms)[0][b"flags"]


def test_without_a_majority_nobody_leads(world: World) -> None:
    master, (replica, _other) = world.group(2, 3, b"sentinel failover-timeout mymaster 8000")
    settle(world)
    world.sentinels[1].stop()
    world.sentinels[2].stop()
    master.stop()
    world.run(30_000)
    lonely = world.sentinels[0]
    assert "+sdown" in lonely.types()
    assert "+odown" not in lonely.types()
    assert replica.follows == MASTER


def test_one_that_is_not_elected_gives_up(world: World) -> None:
    master, _ = world.group(1, 3, b"sentinel failover-timeout mymaster 3000")
    settle(world)
    lonely = world.sentinels[0]
    # Others only say that the master is down, and vote for somebody else.
    for sentinel in world.sentinels[1:]:
        sentinel.core.is_master_down = (  # type: ignore[method-assign]
            lambda *args: [1, b"f" * 40, int(args[2])] if args[3] != b"*" else [1, b"*", 0]
        )
        sentinel.core.tick = lambda now_ms: None  # type: ignore[method-assign]
    master.stop()
    world.run_until(lambda: "-failover-abort-not-elected" in lonely.types(), 30_000)
    world.run(200)
    assert any("I will not start a failover before" in line for line in lonely.logs)


def test_replicas_follow_as_many_at_a_time_as_allowed(world: World) -> None:
    master, replicas = world.group(4, 1, b"sentinel parallel-syncs mymaster 2")
    settle(world)
    sentinel = world.sentinels[0]
    for replica in replicas[1:]:
        replica.odd[b"SLAVEOF"] = b"QUEUED"
    master.stop()
    world.run_until(lambda: "+slave-reconf-sent" in sentinel.types())
    world.run(3000)
    assert len(sentinel.told("+slave-reconf-sent")) == 2
    for replica in replicas[1:]:
        replica.odd.clear()
        replica.follows = replicas[0].port
    world.run_until(lambda: "+switch-master" in sentinel.types())
    assert len(sentinel.told("+slave-reconf-done")) == 3


def test_a_replica_that_does_not_follow_is_not_waited_for_for_ever(world: World) -> None:
    master, replicas = world.group(3, 1, b"sentinel failover-timeout mymaster 20000")
    settle(world)
    sentinel = world.sentinels[0]
    for replica in replicas[1:]:
        replica.odd[b"SLAVEOF"] = b"OK"
    sentinel.core.set(b"mymaster", [b"parallel-syncs", b"3"], world.now_ms)
    master.stop()
    world.run_until(lambda: "-slave-reconf-sent-timeout" in sentinel.types())
    world.run_until(lambda: "+switch-master" in sentinel.types(), 30_000)
    assert sentinel.master == replicas[0].port


def test_a_failover_ends_after_its_time_and_tells_the_rest_at_once(world: World) -> None:
    master, replicas = world.group(3, 1, b"sentinel failover-timeout mymaster 6000")
    settle(world)
    sentinel = world.sentinels[0]
    for replica in replicas[1:]:
        replica.odd[b"SLAVEOF"] = b"OK"
    master.stop()
    world.run_until(lambda: "+failover-end-for-timeout" in sentinel.types(), 30_000)
    assert len(sentinel.told("+slave-reconf-sent")) == 1
    assert len(sentinel.told("+slave-reconf-sent-be")) == 1
    assert sentinel.told("+failover-end")
    assert sentinel.master == replicas[0].port


def test_a_failover_waits_for_the_promoted_replica_to_be_there(world: World) -> None:
    master, replicas = world.group(2, 1)
    settle(world)
    sentinel = world.sentinels[0]
    replicas[1].odd[b"SLAVEOF"] = b"OK"
    master.stop()
    world.run_until(lambda: "+promoted-slave" in sentinel.types())
    replicas[0].freeze()
    world.run(7000)
    replicas[1].stop()
    world.run(7000)
    assert [text.split()[1] for text in sentinel.told("+sdown")[1:]] == ["127.0.0.1:6391", "127.0.0.1:6392"]
    assert "+failover-end" not in sentinel.types()
    replicas[0].thaw()
    world.run_until(lambda: "+switch-master" in sentinel.types())


def test_a_newer_configuration_with_the_old_master_ends_a_failover(world: World) -> None:
    """Others have made the old master the master again while this one was about to replace it."""
    master, replicas = world.group(2, 3)
    settle(world)
    sentinel, other = world.sentinels[:2]
    replicas[1].odd[b"SLAVEOF"] = b"OK"
    sentinel.core.fail_over(b"mymaster", world.now_ms)
    world.run_until(lambda: "+promoted-slave" in sentinel.types())
    hello = f"127.0.0.1,{other.port},{other.core.my_id.decode()},9,mymaster,127.0.0.1,{master.port},9"
    sentinel.core.hello_received(hello.encode(), world.now_ms)
    sentinel.flush()
    old, new = f"127.0.0.1 {replicas[0].port}", f"127.0.0.1 {master.port}"
    assert sentinel.told("+switch-master") == [f"mymaster {old} {new}"]
    fields = sentinel.core.master(b"mymaster", world.now_ms)
    assert (fields[b"flags"], fields[b"config-epoch"]) == (b"master,disconnected", b"9")
    world.run_until(lambda: {each.master for each in world.sentinels} == {master.port})
    world.run_until(lambda: replicas[0].follows == master.port)


def test_an_administrator_fails_over_without_votes(world: World) -> None:
    _, (heir, other) = world.group(2, 3)
    settle(world)
    sentinel = world.sentinels[0]
    for each in world.sentinels[1:]:
        each.stop()
    sentinel.core.fail_over(b"mymaster", world.now_ms)
    with pytest.raises(CommandError, match=r"^INPROG Failover already in progress$"):
        sentinel.core.fail_over(b"mymaster", world.now_ms)
    sentinel.flush()
    fields = sentinel.core.master(b"mymaster", world.now_ms)
    assert fields[b"failover-state"] == b"wait_start"
    assert fields[b"flags"] == b"master,failover_in_progress,force_failover"
    world.run_until(lambda: "+switch-master" in sentinel.types())
    assert (heir.follows, other.follows) == (0, heir.port)
    assert "Executing user requested FAILOVER of 'mymaster'" in sentinel.logs


def test_no_failover_without_a_replica_to_promote(world: World) -> None:
    world.group(0, 1)
    settle(world)
    with pytest.raises(CommandError, match=r"^NOGOODSLAVE No suitable replica to promote$"):
        world.sentinels[0].core.fail_over(b"mymaster", world.now_ms)


@pytest.mark.parametrize("moment", ["crash-after-election", "crash-after-promotion"])
def test_another_sentinel_goes_on_where_the_leader_crashed(world: World, moment: str) -> None:
    master, replicas = world.group(2, 3, b"sentinel failover-timeout mymaster 5000")
    settle(world)
    for sentinel in world.sentinels:
        sentinel.core.simulate_failure([moment.encode()])
    master.stop()
    world.run_until(lambda: any(sentinel.exits for sentinel in world.sentinels))
    for sentinel in world.sentinels:
        sentinel.core.simulate_failure([])
    (crashed,) = [sentinel for sentinel in world.sentinels if not sentinel.up]
    assert crashed.exits == [99]
    assert "Sentinel CRASH because of SENTINEL simulate-failure" in crashed.logs
    assert ("+promoted-slave" in crashed.types()) == (moment == "crash-after-promotion")
    living = [sentinel for sentinel in world.sentinels if sentinel.up]
    world.run_until(lambda: all(each.master != MASTER for each in living), 60_000)
    crashed.start()
    world.run_until(lambda: len({each.master for each in world.sentinels}) == 1, 60_000)
    world.run_until(lambda: sum(not each.follows for each in replicas) == 1, 60_000)


def test_a_sentinel_that_was_away_learns_of_the_new_master(world: World) -> None:
    master, (heir, _) = world.group()
    settle(world)
    away = world.sentinels[2]
    world.isolate(away.port)
    master.stop()
    others = world.sentinels[:2]
    world.run_until(lambda: all(each.master == heir.port for each in others))
    assert away.master == MASTER
    world.cut.clear()
    # What it tried in vain has brought it to a higher epoch, but its configuration is the older one.
    world.run_until(lambda: away.master == heir.port, 60_000)


def test_a_master_cut_off_from_the_majority_is_replaced_and_follows_later(world: World) -> None:
    master, (heir, _) = world.group()
    settle(world)
    lonely = world.sentinels[0]
    world.isolate(master.port, lonely.port)
    world.run_until(lambda: all(each.master == heir.port for each in world.sentinels[1:]))
    assert lonely.master == MASTER
    assert not master.follows
    world.cut.clear()
    world.run_until(lambda: lonely.master == heir.port and master.follows == heir.port, 120_000)


def test_epochs_and_votes_are_saved_before_anybody_hears_of_them(world: World) -> None:
    master, _ = world.group()
    settle(world)
    fail(world, master)
    for sentinel in world.sentinels:
        assert b"sentinel current-epoch 1" in sentinel.disk
        assert b"sentinel leader-epoch mymaster 1" in sentinel.disk
        assert b"sentinel config-epoch mymaster 1" in sentinel.disk
        sentinel.stop()
    world.run(1000)
    for sentinel in world.sentinels:
        sentinel.start()
        # It does not vote again in the epoch, not even for the one it voted for.
        reply = sentinel.core.is_master_down(b"127.0.0.1", b"6391", b"1", b"x", world.now_ms)
        assert reply == [0, b"*", 1]


def test_a_failing_master_with_reboot_period_is_down_until_it_answers(world: World) -> None:
    master, (heir, _) = world.group(2, 3, b"sentinel master-reboot-down-after-period mymaster 1000")
    settle(world)
    master.stop()
    master.start()
    master.odd[b"PING"] = ErrorReply(b"LOADING Redis is loading the dataset in memory")
    world.run_until(lambda: all("+reboot" in each.types() for each in world.sentinels), 12_000)
    world.run_until(lambda: all(each.master == heir.port for each in world.sentinels), 12_000)
