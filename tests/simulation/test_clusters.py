"""Whole clusters under random faults, in simulated time.

Each seed is one life: a cluster is formed, clients write, things go wrong, and after each step the invariants
are checked; then all is healed, and within a bound the cluster must be well, with nothing lost that no
failover explains. A failure names its seed and shows the latest events; the seed repeats it exactly:

    python -m tests.simulation SEED
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.life import live

pytestmark = pytest.mark.slow

_SEEDS = int(os.environ.get("PYREDIS_TEST_SEEDS", "24"))
_PER_TEST = 4


@pytest.mark.parametrize("first", range(0, _SEEDS, _PER_TEST))
def test_a_cluster_survives_whatever_happens(first: int) -> None:
    for seed in range(first, min(first + _PER_TEST, _SEEDS)):
        live(seed)
