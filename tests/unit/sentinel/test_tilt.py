"""TILT: what is not done while time cannot be trusted."""

from __future__ import annotations

import pytest

from tests.unit.sentinel.bench import Bench, sent, told, types
from tests.unit.sentinel.world import World


@pytest.mark.parametrize("jump_ms", [-1, 2001])
def test_a_clock_that_jumps_tilts_for_a_time(jump_ms: int) -> None:
    bench = Bench("sentinel down-after-milliseconds mymaster 1000")
    bench.tick()
    steps = bench.tick(jump_ms)
    assert told(steps) == [("+tilt", "#tilt mode entered")]
    fields = dict(bench.core.info_fields(bench.now_ms + 2500))
    assert (fields[b"sentinel_tilt"], fields[b"sentinel_tilt_since_seconds"]) == (b"1", b"2")
    steps = bench.run(29_900)
    assert not told(steps)
    # Information is collected all the same.
    assert (b"INFO",) in sent(steps)
    assert types(bench.tick()) == ["-tilt", "+sdown"]


def test_two_seconds_are_still_all_right() -> None:
    bench = Bench()
    bench.tick()
    assert not told(bench.tick(2000))


def test_a_sentinel_that_stood_still_does_not_fail_over() -> None:
    world = World()
    master, _ = world.group()
    world.run(10_000)
    sentinel = world.sentinels[0]
    sentinel.freeze()
    world.run(20_000)
    sentinel.thaw()
    world.run(10_000)
    assert "+tilt" in sentinel.types()
    assert not {"+sdown", "+try-failover"} & set(sentinel.types())
    world.run(30_000)
    assert "-tilt" in sentinel.types()
    assert sentinel.master == master.port


def test_ticks_come_ten_to_twenty_times_a_second() -> None:
    bench = Bench()
    assert {bench.core.tick_interval_ms() for _ in range(500)} == {1000 // hz for hz in range(13, 23)}
