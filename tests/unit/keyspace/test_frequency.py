"""The LFU counter."""

import random

import pytest

from pyredis_cluster.keyspace.frequency import Frequency, initial_frequency

NOW_S = 1_700_000_000


def _used(times: int, log_factor: int) -> int:
    frequency = Frequency(random.Random(1), log_factor)
    field = initial_frequency(NOW_S)
    for _ in range(times):
        field = frequency.used(field, NOW_S)
    return frequency.count(field, NOW_S)


def test_a_new_key_begins_above_zero() -> None:
    assert Frequency(random.Random(1)).count(initial_frequency(NOW_S), NOW_S) == 5


@pytest.mark.parametrize(
    ("log_factor", "least", "most"), [(0, 105, 105), (1, 13, 24), (10, 6, 16), (100, 5, 12)]
)
def test_one_hundred_uses_count_logarithmically(log_factor: int, least: int, most: int) -> None:
    assert least <= _used(100, log_factor) <= most


def test_the_counter_ends_at_255() -> None:
    assert _used(1000, 0) == 255


def test_the_counter_falls_by_one_for_each_decay_time() -> None:
    frequency = Frequency(random.Random(1), decay_time_min=2)
    field = initial_frequency(NOW_S)
    assert frequency.count(field, NOW_S + 4 * 60) == 3
    assert frequency.count(field, NOW_S + 60 * 60) == 0
    frequency.decay_time_min = 0
    assert frequency.count(field, NOW_S + 60 * 60) == 5


def test_the_clock_of_16_bits_wraps() -> None:
    frequency = Frequency(random.Random(1))
    late_s = (0xFFFF + 0x10000 * 430) * 60
    assert frequency.count(initial_frequency(late_s), late_s + 2 * 60) == 3
