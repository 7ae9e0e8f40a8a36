"""Primaries are killed, stopped and restarted while clients write and slots move; nothing is lost in silence.

`PYREDIS_TEST_CHAOS_S=600` makes it last so long; `python -m tests.nemesis` does the same to real servers.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.nemesis.life import live
from tests.support.cluster_programs import HAS_REDIS_CLI
from tests.support.servers import our_program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli"),
]

DURATION_S = float(os.environ.get("PYREDIS_TEST_CHAOS_S", "30"))
SEED = int(os.environ.get("PYREDIS_TEST_SEED", str(time.time_ns() % 100_000)))


def test_what_was_acknowledged_is_lost_to_failovers_alone() -> None:
    report = live(our_program(), SEED, DURATION_S)
    assert not report.verdict.unexplained, f"{report}\n{report.verdict.unexplained}"
    assert report.writes > 50 * DURATION_S
    assert report.moves > DURATION_S
    # One that is found to be away by nobody costs nobody its place.
    assert report.failovers <= sum(report.faults.values())
