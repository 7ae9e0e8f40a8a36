"""What is down, for whom, and since when."""

from __future__ import annotations

import pytest

from pyredis_cluster.sentinel.ready import ErrorReply
from tests.unit.sentinel.bench import OTHER_ID, Bench, closed, logged, sent, told, types
from tests.unit.sentinel.world import World

ME = "master mymaster 127.0.0.1 6379"
DOWN_AFTER = "sentinel down-after-milliseconds mymaster 1000"


def ask(bench: Bench) -> tuple[bytes, ...]:
    """The last question to another sentinel."""
    return [argv for argv in sent(bench.steps) if argv[:2] == (b"SENTINEL", b"is-master-down-by-addr")][-1]


def pong(bench: Bench, port: int = 6379, reply: object = b"PONG") -> None:
    """Answer all that is awaited, PINGs with `reply`, and INFO with nothing that is of use."""
    link_id = bench.link(port)
    awaited = bench.core.state.connections[link_id][1].awaited
    while awaited:
        bench.core.replied(link_id, reply if awaited[0].expected == "ping" else None, bench.now_ms)
    bench.done()


def test_one_that_never_answered_is_down_after_the_time() -> None:
    bench = Bench(DOWN_AFTER)
    assert not told(bench.run(1000))
    assert told(bench.run(100)) == [("+sdown", ME)]
    bench.run(1500)
    assert bench.fields()[b"flags"] == b"s_down,master"
    assert bench.fields()[b"s-down-time"] == b"1500"


def test_a_valid_answer_brings_it_back() -> None:
    bench = Bench(DOWN_AFTER)
    bench.connect()
    bench.run(1000)
    assert bench.fields()[b"flags"] == b"s_down,master"
    pong(bench)
    assert told(bench.tick()) == [("-sdown", ME)]
    assert bench.fields()[b"last-ping-sent"] == b"0"


@pytest.mark.parametrize(
    ("reply", "is_down"),
    [
        (b"PONG", False),
        (ErrorReply(b"LOADING Redis is loading"), False),
        (ErrorReply(b"MASTERDOWN Link with MASTER is down"), False),
        (ErrorReply(b"NOAUTH Authentication required."), True),
        (ErrorReply(b"BUSY Redis is busy"), True),
        (1, True),
        (None, True),
        ([b"PONG"], True),
    ],
)
def test_some_answers_mean_that_it_is_available(reply: object, is_down: bool) -> None:
    bench = Bench(DOWN_AFTER)
    bench.connect()
    for _ in range(20):
        bench.tick()
        pong(bench, reply=reply)
    assert (b"s_down" in bench.fields()[b"flags"]) == is_down


def test_a_script_that_keeps_it_busy_is_killed_once() -> None:
    bench = Bench(DOWN_AFTER)
    bench.connect()
    for _ in range(30):
        bench.tick()
        pong(bench, reply=ErrorReply(b"BUSY Redis is busy running a script."))
    assert sent(bench.steps).count((b"SCRIPT", b"KILL")) == 1
    assert bench.fields()[b"flags"] == b"s_down,master,script_kill_sent"
    pong(bench)
    bench.tick(1000)
    pong(bench)
    bench.tick()
    assert bench.fields()[b"flags"] == b"master"


def test_a_silent_link_is_made_anew() -> None:
    bench = Bench()
    bench.connect()
    old = bench.link(6379)
    assert old not in closed(bench.run(15_000))
    assert old in closed(bench.run(1500))
    assert bench.link(6379) != old


def test_a_channel_by_which_nothing_comes_back_is_made_anew() -> None:
    bench = Bench()
    bench.connect()
    old = bench.link(6379, pubsub=True)
    steps = []
    for _ in range(160):
        pong(bench)
        steps += bench.tick()
    assert closed(steps) == [old]


def test_a_master_that_says_to_be_a_replica_is_down_before_long() -> None:
    bench = Bench(DOWN_AFTER)
    bench.connect()
    bench.info(6379, "role:slave", "master_host:127.0.0.2", "master_port:6379")
    for _ in range(210):
        pong(bench)
        assert "+sdown" not in types(bench.tick())
    pong(bench)
    assert "+sdown" in types(bench.tick())


def test_others_are_asked_and_agree() -> None:
    bench = Bench(DOWN_AFTER)
    bench.hello()
    bench.connect()
    pong(bench, 26380)
    bench.run(300)
    assert ask(bench)[2:] == (b"127.0.0.1", b"6379", b"0", b"*")
    steps = bench.reply(bench.link(26380), b"PONG", *_opinions(bench, [1, b"*", 0]))
    assert not steps
    assert told(bench.tick())[0] == ("+odown", f"{ME} #quorum 2/2")
    # What it said does not count for ever.
    pong(bench, 26380)
    bench.core.debug([b"ask-period", b"20"])
    steps = bench.tick()
    assert ("-odown", ME) in told(steps) or ("-odown", ME) in told(bench.tick())


def _opinions(bench: Bench, reply: object) -> list[object]:
    awaited = bench.core.state.connections[bench.link(26380)][1].awaited
    kinds = [each.expected for each in awaited]
    return (
        [reply if kind == "opinion" else b"PONG" for kind in kinds[1:]] if kinds[0] != "opinion" else [reply]
    )


@pytest.mark.parametrize(
    "reply",
    [
        None,
        1,
        b"1",
        [],
        [1],
        [1, b"*"],
        [b"1", b"*", 0],
        [1, None, 0],
        [1, b"*", b"0"],
        [1, b"*", 0, 0],
        ErrorReply(b"ERR"),
    ],
)
def test_answers_of_another_kind_say_nothing(reply: object) -> None:
    world = World()
    master, _ = world.group()
    world.run(10_000)
    for sentinel in world.sentinels[1:]:
        sentinel.core.is_master_down = lambda *args: reply  # type: ignore[assignment, method-assign]
        sentinel.core.tick = lambda now_ms: None  # type: ignore[method-assign]
    master.stop()
    world.run(10_000)
    assert "+sdown" in world.sentinels[0].types()
    assert "+odown" not in world.sentinels[0].types()


def test_votes_of_others_are_noted_and_logged() -> None:
    bench = Bench(DOWN_AFTER)
    bench.hello()
    bench.connect()
    pong(bench, 26380)
    bench.run(300)
    ask(bench)
    link = bench.link(26380)
    awaited = bench.core.state.connections[link][1].awaited
    while awaited[0].expected != "opinion":
        bench.core.replied(link, b"PONG", bench.now_ms)
    steps = bench.reply(link, [0, b"c" * 40, 5])
    assert logged(steps) == [f"{OTHER_ID.decode()} voted for {'c' * 40} 5"]
    (fields,) = bench.core.sentinels(b"mymaster", bench.now_ms)
    assert (fields[b"voted-leader"], fields[b"voted-leader-epoch"]) == (b"c" * 40, b"5")
    assert b"master_down" not in fields[b"flags"]


def test_a_quorum_of_one_needs_nobody_else() -> None:
    world = World()
    master, _ = world.group(1, 1)
    world.run(10_000)
    master.freeze()
    world.run_until(lambda: "+odown" in world.sentinels[0].types())
    assert world.sentinels[0].told("+odown") == ["master mymaster 127.0.0.1 6390 #quorum 1/1"]
