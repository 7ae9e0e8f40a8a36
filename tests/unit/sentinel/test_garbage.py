"""Hellos, INFO and replies that are damaged, made up or lies: they may not raise, nor spoil sentinel.conf."""

from __future__ import annotations

import os
import random

import pytest

from pyredis_cluster.sentinel.info import take_info
from pyredis_cluster.sentinel.ready import ErrorReply, Event
from tests.support.mutants import damage
from tests.unit.sentinel.bench import OTHER_ID, Bench
from tests.unit.sentinel.world import Server, World

MUTATIONS = int(os.environ.get("PYREDIS_TEST_MUTATIONS", "10000"))
HELLO = b"127.0.0.1,26380,%b,3,mymaster,127.0.0.1,6379,2" % OTHER_ID
MASTER_INFO = b"\r\n".join(
    [
        b"# Server",
        b"run_id:" + b"1" * 40,
        b"role:master",
        b"connected_slaves:2",
        b"slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=1",
        b"slave1:127.0.0.1,6381,online",
        b"",
    ]
)
REPLICA_INFO = b"\r\n".join(
    [
        b"run_id:" + b"2" * 40,
        b"role:slave",
        b"master_host:127.0.0.1",
        b"master_port:6379",
        b"master_link_status:down",
        b"master_link_down_since_seconds:12",
        b"slave_repl_offset:77",
        b"slave_priority:100",
        b"replica_announced:1",
        b"",
    ]
)


@pytest.fixture(params=["no", "yes"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """A sentinel with a replica and another sentinel; with and without host names."""
    bench = Bench(
        f"sentinel resolve-hostnames {request.param}",
        f"sentinel announce-hostnames {request.param}",
        "sentinel known-replica mymaster 127.0.0.1 6380",
        f"sentinel known-sentinel mymaster 127.0.0.1 26380 {OTHER_ID.decode()}",
    )
    bench.connect()
    return bench


def check(bench: Bench) -> None:
    """What a sentinel must always be able to do: say all it knows, and read its own file."""
    core, now_ms = bench.core, bench.now_ms
    for name in core.role()[1]:
        core.master(name, now_ms)
        core.replicas(name, now_ms)
        core.sentinels(name, now_ms)
    for event in bench.steps:
        assert not isinstance(event, Event) or len(event.payload) <= 1023
    bench.steps.clear()
    # The epoch may be that of a configuration, which may be a lie.
    lines = [line for line in bench.lines() if "current-epoch" not in line]
    again = Bench(*lines[1:], monitor="")
    assert [line for line in again.lines() if "current-epoch" not in line] == lines


@pytest.mark.slow
def test_damaged_hellos(bench: Bench) -> None:
    rng = random.Random(1)
    for number in range(MUTATIONS):
        bench.core.hello_received(damage(rng, HELLO), bench.now_ms)
        bench.done()
        if number % 500 == 0:
            bench.tick()
            check(bench)
    assert len(bench.core.state.masters[b"mymaster"].sentinels) <= 1000
    check(bench)
    # One that is all right is still understood.
    bench.hello("127.0.0.1", 26399, OTHER_ID.decode())
    fields = [each for each in bench.core.sentinels(b"mymaster", bench.now_ms) if each[b"name"] == OTHER_ID]
    assert [each[b"port"] for each in fields] == [b"26399"]


@pytest.mark.slow
@pytest.mark.parametrize(("port", "text"), [(6379, MASTER_INFO), (6380, REPLICA_INFO)])
def test_damaged_info(bench: Bench, port: int, text: bytes) -> None:
    rng = random.Random(2)
    master = bench.core.state.masters[b"mymaster"]
    instance = master if port == 6379 else master.replicas[next(iter(master.replicas))]
    for number in range(MUTATIONS):
        take_info(bench.core.state, instance, damage(rng, text))
        bench.done()
        if number % 500 == 0:
            bench.tick()
            check(bench)
    assert len(master.replicas) <= 1000
    check(bench)


def any_reply(rng: random.Random, depth: int = 0) -> object:
    match rng.randrange(8 if depth < 3 else 6):
        case 0:
            return None
        case 1:
            return rng.choice([0, 1, -1, 2**63 - 1, -(2**63)])
        case 2:
            return ErrorReply(rng.choice([b"", b"BUSY x", b"ERR", b"LOADING", b"NOAUTH \xff"]))
        case 3:
            return rng.randbytes(rng.randrange(9))
        case 4:
            return rng.choice([b"PONG", b"message", b"__sentinel__:hello", b"*", b"", HELLO])
        case 5:
            return damage(rng, rng.choice([HELLO, MASTER_INFO, REPLICA_INFO]))
        case 6:
            return [1, any_reply(rng, 3), any_reply(rng, 3)]
        case _:
            return [any_reply(rng, depth + 1) for _ in range(rng.randrange(5))]


@pytest.mark.slow
def test_replies_of_any_shape_at_any_time(bench: Bench) -> None:
    rng = random.Random(3)
    bench.core.debug([b"ping-period", b"100"])
    for number in range(MUTATIONS):
        links = list(bench.core.state.connections)
        if links:
            bench.core.replied(rng.choice(links), any_reply(rng), bench.now_ms)
            bench.done()
        if number % 10 == 0 or not links:
            bench.tick(rng.randrange(1, 300))
            for link_id in list(bench.core.state.connections):
                bench.core.link_connected(link_id, "127.0.0.1", bench.now_ms)
        if number % 500 == 0:
            check(bench)
    check(bench)


@pytest.mark.slow
def test_liars_do_not_keep_the_others_from_failing_over() -> None:
    world = World()
    master, replicas = world.group(3, 4)
    world.run(15_000)
    rng = random.Random(4)
    liar, mad = replicas[2], world.sentinels[3]
    mad.answer = lambda pipe, argv: any_reply(rng)  # type: ignore[method-assign]
    mad.core.tick = lambda now_ms: None  # type: ignore[method-assign]
    liar.answer = lambda pipe, argv: any_reply(rng)  # type: ignore[method-assign]
    world.run(10_000)
    master.stop()
    honest = world.sentinels[:3]
    world.run_until(lambda: len({each.master for each in honest} - {master.port}) == 1, 60_000)
    world.run_until(lambda: all(each.master == honest[0].master for each in honest), 60_000)
    heir = world.peers[honest[0].master]
    assert isinstance(heir, Server)
    assert heir in replicas[:2]
