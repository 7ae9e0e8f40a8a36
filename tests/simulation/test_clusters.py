"""Whole clusters under random faults, in simulated time.

Each seed is one life: a cluster of 3 to 12 nodes is formed, clients write, an administrator moves slots,
things go wrong, and after each step the rules are checked; then all is healed, and within a bound the cluster
must be well, with nothing lost that no failover explains. A failure names its seed and shows the latest
events; to repeat it exactly:

    python -m tests.simulation SEED
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.life import live

pytestmark = pytest.mark.slow

_SEEDS = int(os.environ.get("PYREDIS_TEST_SEEDS", "500"))
_PER_TEST = 10


@pytest.mark.parametrize("first", range(0, _SEEDS, _PER_TEST))
def test_a_cluster_survives_whatever_happens(first: int) -> None:
    for seed in range(first, min(first + _PER_TEST, _SEEDS)):
        live(seed)


def test_a_seed_repeats_exactly() -> None:
    assert live(7) == live(7)
