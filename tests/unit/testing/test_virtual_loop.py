"""Virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from pyredis_cluster.testing.simulation.loop import DeadlockError, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.close()


def test_hours_pass_in_no_time(loop: VirtualLoop) -> None:
    started_s = time.monotonic()
    loop.run(asyncio.sleep(36_000))
    assert loop.time() == pytest.approx(36_000)
    assert time.monotonic() - started_s < 5


def test_timers_fire_in_order(loop: VirtualLoop) -> None:
    fired: list[tuple[str, float]] = []

    def fire(name: str) -> None:
        fired.append((name, round(loop.time(), 6)))

    for name, delay_s in (("c", 0.3), ("a", 0.1), ("b", 0.2)):
        loop.call_later(delay_s, fire, name)
    loop.run(asyncio.sleep(1))
    assert fired == [("a", 0.1), ("b", 0.2), ("c", 0.3)]


def test_timeouts_work(loop: VirtualLoop) -> None:
    async def wait() -> None:
        async with asyncio.timeout(5):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        loop.run(wait())
    assert loop.time() == pytest.approx(5)


def test_waiting_for_nothing_is_an_error(loop: VirtualLoop) -> None:
    with pytest.raises(DeadlockError):
        loop.run(asyncio.Event().wait())


def test_closing_cancels_what_is_left() -> None:
    loop = VirtualLoop()
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            ended.append("ended")

    async def main() -> None:
        forever_task = asyncio.ensure_future(forever())
        await asyncio.sleep(1)
        assert not forever_task.done()

    loop.run(main())
    loop.close()
    assert ended == ["ended"]


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set(loop: VirtualLoop) -> None:
    fired: list[int] = []
    for number in range(20):
        loop.call_at(1.0, fired.append, number)
    loop.run(asyncio.sleep(2))
    assert fired == list(range(20))


def test_a_cancelled_timer_does_not_move_time(loop: VirtualLoop) -> None:
    loop.call_later(1.0, lambda: None)
    loop.call_later(5.0, lambda: None).cancel()
    with pytest.raises(DeadlockError):
        loop.run(asyncio.Event().wait())
    assert loop.time() == pytest.approx(1)


def test_what_a_callback_raises_is_raised_in_the_end(loop: VirtualLoop) -> None:
    def fail() -> None:
        raise LookupError("what was to be found")

    loop.call_later(1.0, fail)
    with pytest.raises(LookupError, match="what was to be found"):
        loop.run(asyncio.sleep(2))
    loop.run(asyncio.sleep(1))
