"""One vote per epoch, saved before it is told."""

from __future__ import annotations

import pytest

from pyredis_cluster.sentinel.instance import FAILOVER_IN_PROGRESS, FailoverState
from tests.unit.sentinel.bench import MY_ID, OTHER_ID, Bench, told

THIRD_ID = b"c" * 40


def ask(bench: Bench, epoch: int, candidate: bytes = OTHER_ID, ip: bytes = b"127.0.0.1") -> list[object]:
    return bench.core.is_master_down(ip, b"6379", b"%d" % epoch, candidate, bench.now_ms)


def test_the_first_who_asks_gets_the_vote_of_an_epoch() -> None:
    bench = Bench()
    assert ask(bench, 1) == [0, OTHER_ID, 1]
    assert told(bench.done()) == [("+new-epoch", "1"), ("+vote-for-leader", f"{OTHER_ID.decode()} 1")]
    assert bench.last.rewrite
    assert "sentinel leader-epoch mymaster 1" in bench.lines()
    saves = bench.saves
    assert ask(bench, 1, THIRD_ID) == [0, OTHER_ID, 1]
    assert not bench.done()
    assert bench.saves == saves
    assert ask(bench, 2, THIRD_ID) == [0, THIRD_ID, 2]
    assert ask(bench, 1) == [0, THIRD_ID, 2]


def test_no_vote_for_an_epoch_that_is_over() -> None:
    bench = Bench("sentinel current-epoch 5")
    assert ask(bench, 4) == [0, b"*", 0]
    assert not bench.done()


def test_a_question_without_candidate_is_no_request_for_a_vote() -> None:
    bench = Bench()
    assert ask(bench, 9, b"*") == [0, b"*", 0]
    assert "sentinel current-epoch 0" in bench.lines()


def test_nobody_votes_about_a_master_that_is_not_known() -> None:
    bench = Bench()
    assert ask(bench, 1, ip=b"127.0.0.9") == [0, b"*", 0]
    assert ask(bench, 1, ip=b"no address") == [0, b"*", 0]


@pytest.mark.parametrize("epoch", [-1, -(2**63)])
def test_an_epoch_below_none_is_none(epoch: int) -> None:
    bench = Bench()
    assert ask(bench, epoch) == [0, b"*", 0]
    assert not bench.done()


def test_a_vote_is_not_given_again_after_a_restart() -> None:
    bench = Bench()
    ask(bench, 1)
    again = Bench(*bench.lines()[2:])
    assert ask(again, 1, THIRD_ID) == [0, b"*", 1]
    assert ask(again, 2, THIRD_ID) == [0, THIRD_ID, 2]


def test_who_voted_for_another_waits_before_it_tries_itself() -> None:
    bench = Bench(
        "sentinel down-after-milliseconds mymaster 1000", monitor="sentinel monitor mymaster 127.0.0.1 6379 1"
    )
    ask(bench, 1)
    bench.run(30_000)
    assert "+odown" in [type for type, _ in told(bench.steps)]
    assert "+try-failover" not in [type for type, _ in told(bench.steps)]
    own = Bench(
        "sentinel down-after-milliseconds mymaster 1000", monitor="sentinel monitor mymaster 127.0.0.1 6379 1"
    )
    ask(own, 1, MY_ID)
    own.run(30_000)
    assert "+try-failover" in [type for type, _ in told(own.steps)]


def test_down_is_told_but_not_while_tilted() -> None:
    bench = Bench("sentinel down-after-milliseconds mymaster 1000")
    bench.run(1500)
    assert ask(bench, 0, b"*") == [1, b"*", 0]
    bench.tick(3000)
    assert ask(bench, 0, b"*") == [0, b"*", 0]


def test_the_refusals() -> None:
    bench = Bench()
    wrong = "ERR value is not an integer or out of range"
    assert bench.refused("is_master_down", b"127.0.0.1", b"x", b"0", b"*", 0) == wrong
    assert bench.refused("is_master_down", b"127.0.0.1", b"1", b"18446744073709551615", b"*", 0) == wrong


def test_a_vote_follows_the_most_common_one() -> None:
    bench = Bench(
        "sentinel down-after-milliseconds mymaster 1000",
        *[
            f"sentinel known-sentinel mymaster 127.0.0.1 {26380 + at} {name * 40}"
            for at, name in enumerate("bcde")
        ],
        monitor="sentinel monitor mymaster 127.0.0.1 6379 1",
    )
    state = bench.core.state
    master = state.masters[b"mymaster"]
    bench.run(1100)
    assert state.current_epoch == 1
    # This sentinel has voted for itself when it began; in the next epoch it is later than others.
    assert master.leader == MY_ID
    master.failover_epoch = state.current_epoch = 2
    for name, choice in ((b"b", b"x"), (b"c", b"d"), (b"d", b"d")):
        master.sentinels[name * 40].leader = choice * 40
        master.sentinels[name * 40].leader_epoch = 2
        master.sentinels[name * 40].last_opinion_ms = bench.now_ms
    steps = bench.tick()
    assert ("+vote-for-leader", f"{'d' * 40} 2") in told(steps)


def test_who_voted_in_a_newer_epoch_does_not_lead_an_older_one() -> None:
    bench = Bench(
        "sentinel down-after-milliseconds mymaster 1000", monitor="sentinel monitor mymaster 127.0.0.1 6379 1"
    )
    failing = bench.core.state.masters[b"mymaster"]
    bench.run(1000)
    failing.flags |= FAILOVER_IN_PROGRESS
    failing.failover_state, failing.failover_epoch = FailoverState.WAIT_START, 1
    ask(bench, 2)
    bench.done()
    assert "+elected-leader" not in [type for type, _ in told(bench.tick())]
    assert failing.failover_state == FailoverState.WAIT_START
