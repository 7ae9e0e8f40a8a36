"""Rates over the last samples."""

from pyredis_cluster.execution.metrics import Rate


class Counter:
    """A counter to be read."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        return self.count


def sampled(rate: Rate, counter: Counter, steps: list[int], start_ms: int = 1000) -> int:
    """Let the counter grow by each step, 100 ms apart; returns the time after it."""
    now_ms = start_ms
    for step in steps:
        counter.count += step
        rate.sample(now_ms)
        now_ms += 100
    return now_ms


def test_a_steady_rate_shows_in_full_after_sixteen_samples() -> None:
    counter = Counter()
    rate = Rate(counter)
    now_ms = sampled(rate, counter, [5])
    assert rate.per_second == 0
    now_ms = sampled(rate, counter, [5] * 8, now_ms)
    assert rate.per_second == 25
    sampled(rate, counter, [5] * 8, now_ms)
    assert rate.per_second == 50


def test_a_counter_that_was_reset_begins_anew() -> None:
    counter = Counter()
    rate = Rate(counter)
    now_ms = sampled(rate, counter, [1000, 0])
    counter.count = 3
    sampled(rate, counter, [0, 0], now_ms)
    assert rate.per_second == 0


def test_a_clock_that_jumps_back_loses_one_sample() -> None:
    counter = Counter()
    rate = Rate(counter)
    sampled(rate, counter, [0, 16], 10_000)
    sampled(rate, counter, [16, 16], 1000)
    assert rate.per_second == 20
