"""The heartbeat: intervals, order, and what a failing task costs."""

from __future__ import annotations

import pytest

from pyredis_cluster.execution.host import Timer
from pyredis_cluster.server.cron import Cron
from tests.support.inprocess import FakeHost, ManualClock


class Ticking:
    """A cron on a manual clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.host = FakeHost(self.clock)
        self.cron = Cron(self._schedule, self.now_ms)

    def _schedule(self, delay_ms: float, callback: object) -> Timer:
        assert callable(callback)
        return self.host.call_later(delay_ms, callback)

    def now_ms(self) -> int:
        return self.clock.now_us // 1000

    def advance(self, duration_ms: int) -> None:
        end_us = self.clock.now_us + duration_ms * 1000
        while (due_us := self.host.next_due_us()) is not None and due_us <= end_us:
            self.clock.now_us = int(due_us)
            self.host.fire_next()
        self.clock.now_us = end_us


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


def test_tasks_run_in_order_at_their_intervals(ticking: Ticking) -> None:
    calls: list[str] = []
    ticking.cron.every(0, lambda now_ms: calls.append("tick"))
    ticking.cron.every(300, lambda now_ms: calls.append("slow"))
    ticking.cron.set_hz(10)
    ticking.cron.start()
    ticking.advance(400)
    assert calls == ["tick", "slow", "tick", "tick", "tick", "slow"]


def test_hz_is_the_rate(ticking: Ticking) -> None:
    times: list[int] = []
    ticking.cron.every(0, times.append)
    ticking.cron.set_hz(50)
    ticking.cron.start()
    ticking.advance(1000)
    assert len(times) == 50
    assert times[1] - times[0] == 20


def test_stopped_it_ticks_no_more(ticking: Ticking) -> None:
    times: list[int] = []
    ticking.cron.every(0, times.append)
    ticking.cron.start()
    ticking.advance(100)
    ticking.cron.stop()
    ticking.advance(1000)
    assert len(times) == 1


def test_failing_task_costs_one_tick(ticking: Ticking) -> None:
    times: list[int] = []

    def task(now_ms: int) -> None:
        times.append(now_ms)
        raise RuntimeError

    ticking.cron.every(0, task)
    ticking.cron.start()
    with pytest.raises(RuntimeError):
        ticking.advance(100)
    with pytest.raises(RuntimeError):
        ticking.advance(100)
    assert len(times) == 2


def test_clock_that_steps_back_delays_nothing(ticking: Ticking) -> None:
    times: list[int] = []
    ticking.cron.every(1000, times.append)
    ticking.cron.start()
    ticking.advance(100)
    assert len(times) == 1
    # The timers' own clock goes on; only the wall clock is set back by an hour.
    real_now_ms = ticking.now_ms
    ticking.cron._now_ms = lambda: real_now_ms() - 3_600_000
    ticking.advance(1100)
    assert len(times) == 3
