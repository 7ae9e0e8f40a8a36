"""A loop whose time tests move: timers by real time, by moved time, and not at all."""

from __future__ import annotations

import asyncio

import pytest

from pyredis_cluster.testing.movable_loop import MovableClock, MovableLoop
from pyredis_cluster.testing.node import until


def movable() -> MovableLoop:
    return MovableLoop(asyncio.get_running_loop())


async def test_timers_fire_by_real_time() -> None:
    loop, fired = movable(), asyncio.Event()
    loop.call_later(0.002, fired.set)
    async with asyncio.timeout(5):
        await fired.wait()


async def test_time_passes_at_once_and_in_order() -> None:
    loop = movable()
    began_s = loop.time()
    fired: list[tuple[str, float]] = []

    def fire(name: str) -> None:
        fired.append((name, round(loop.time() - began_s)))
        if name == "a":
            loop.call_later(5, fire, "after a")

    for name, delay_s in (("late", 3000), ("c", 30), ("a", 10), ("b", 20)):
        loop.call_later(delay_s, fire, name)
    with loop.moving():
        await loop.pass_until(began_s + 100)
        assert loop.time() - began_s == pytest.approx(100)
    assert fired == [("a", 10), ("after a", 15), ("b", 20), ("c", 30)]
    assert loop.time() - began_s >= 100


async def test_what_was_due_later_is_due_sooner_after_a_move() -> None:
    loop, fired = movable(), asyncio.Event()
    began_s = loop.time()
    loop.call_later(60.002, fired.set)
    with loop.moving():
        await loop.pass_until(began_s + 60)
    async with asyncio.timeout(5):
        await fired.wait()


async def test_io_goes_on_between_timers() -> None:
    """What one timer causes others to do by messages is done before the next timer."""
    loop = movable()
    order: list[str] = []

    def hop(left: int) -> None:
        if left:
            asyncio.get_running_loop().call_soon(hop, left - 1)
        else:
            order.append("message")

    loop.call_later(10, hop, 5)
    loop.call_later(11, order.append, "timer")
    with loop.moving():
        await loop.pass_until(loop.time() + 20)
    assert order == ["message", "timer"]


async def test_standing_time_fires_only_what_is_due() -> None:
    loop = movable()
    fired: list[str] = []
    loop.stand_still()
    before_s = loop.time()
    loop.call_later(0.001, fired.append, "later")
    loop.call_later(0, fired.append, "now")
    await asyncio.sleep(0.02)
    assert fired == ["now"]
    assert loop.time() == before_s
    loop.stand_still()
    assert loop.time() == before_s
    loop.go_on()
    await until(lambda: len(fired) == 2, 5, "the timer fired")
    assert loop.time() > before_s


async def test_the_clock_follows() -> None:
    loop = movable()
    clock = MovableClock(loop)
    before_ns = clock.unix_ns()
    with loop.moving():
        await loop.pass_until(loop.time() + 3600)
        assert clock.unix_ns() - before_ns == pytest.approx(3600e9, rel=1e-3)
    assert clock.unix_ns() - before_ns == pytest.approx(3600e9, rel=1e-3)
    loop.set_back()
    assert 0 <= clock.unix_ns() - before_ns < 60e9


async def test_cancelled_timers_neither_fire_nor_stay() -> None:
    loop = movable()
    fired: list[int] = []
    for number in range(10_000):
        loop.call_later(3600, fired.append, number).cancel()
    kept = loop.call_later(3600, fired.append, -1)
    assert len(loop._timers) < 3000
    with loop.moving():
        await loop.pass_until(loop.time() + 3601)
    assert fired == [-1]
    assert not kept.cancelled()


async def test_one_mover_at_a_time() -> None:
    loop = movable()
    with loop.moving():
        for call in (loop.moving().__enter__, loop.stand_still, loop.go_on):
            with pytest.raises(RuntimeError, match="being moved already"):
                call()


async def test_long_timers_are_no_ticks() -> None:
    loop = movable()
    began_s = loop.time()
    loop.call_later(0.1, print)
    loop.call_later(50, print).cancel()
    assert loop.next_long_timer_s() == float("inf")
    loop.call_later(100, print)
    assert loop.next_long_timer_s() == pytest.approx(began_s + 100, abs=1)
