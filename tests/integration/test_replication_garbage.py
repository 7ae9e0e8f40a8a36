"""A replication link that garbles what it carries: our side drops it, tries again, and does no worse.

`PYREDIS_TEST_CHAOS_S=120` makes it last so long.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.support.dataset import fill
from tests.support.digests import wait_for_same_data
from tests.support.nodes import started
from tests.support.proxy import proxied
from tests.support.replicating import follow, wait_for_link, wait_for_replicas, wait_until
from tests.support.servers import OURS, REDIS_7_0
from tests.support.traffic import Traffic

pytestmark = pytest.mark.slow

DURATION_S = float(os.environ.get("PYREDIS_TEST_CHAOS_S", "2"))
SEED = int(os.environ.get("PYREDIS_TEST_SEED", str(time.time_ns() % 100_000)))
OPTIONS = (
    *("--repl-diskless-sync-delay", "0", "--repl-timeout", "2", "--repl-backlog-size", "50kb"),
    *("--repl-diskless-load", "swapdb"),
)
TELLING = (b"$", b"*", b"\r\n", b"99999999999", b"-1", b":", b"+CONTINUE\r\n", b"$EOF:", b"+FULLRESYNC ")


class Garbler:
    """Changes one piece of a stream in so many."""

    def __init__(self, seed: int, share: float) -> None:
        self._rng = random.Random(seed)
        self.share = share
        self.changed = 0

    def __call__(self, data: bytes) -> bytes:
        rng = self._rng
        if rng.random() >= self.share:
            return data
        self.changed += 1
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(changed) + 1)
            match rng.randrange(5):
                case 0:
                    changed[place : place + 1] = rng.randbytes(1)
                case 1:
                    del changed[place : place + rng.randrange(1, 20)]
                case 2:
                    changed[place:place] = rng.randbytes(rng.randrange(1, 20))
                case 3:
                    changed[place : place + 1] = rng.choice(TELLING)
                case _:
                    del changed[place:]
        return bytes(changed)


@pytest.mark.parametrize(
    ("primary", "replica"), [pytest.param(REDIS_7_0, OURS, marks=pytest.mark.real_server), (OURS, OURS)]
)
def test_our_side_survives(primary: str, replica: str) -> None:
    garbler = Garbler(SEED, 0.05)
    rng = random.Random(SEED)
    with started(primary, replica, options=OPTIONS) as (source, copy), proxied(source.port) as link:
        fill(source.client, keys=200, seed=51, streams=primary != OURS)
        follow(copy.client, link.port)
        wait_for_link(copy.client)
        link.garble(garbler)
        with Traffic(source.port, per_second=500, seed=SEED) as traffic:
            end = time.monotonic() + DURATION_S
            while time.monotonic() < end:
                garbler.share = rng.choice((0.01, 0.05, 0.3))
                if rng.random() < 0.3:
                    link.drop()
                reached = traffic.acknowledged + rng.randrange(200)
                wait_until(lambda reached=reached: traffic.acknowledged > reached)  # type: ignore[misc]
        assert garbler.changed > 0
        link.restore()
        link.drop()
        wait_for_link(copy.client)
        for node in (source, copy):
            if node.server.name == OURS:
                assert "Traceback" not in node.server.log(1 << 22), f"seed {SEED}: {node.server.log(1 << 22)}"
        # What came garbled and could be read was applied. Only a full synchronisation makes that good.
        follow(copy.client, None)
        assert source.client.call("DEBUG", "CHANGE-REPL-ID") == b"+OK\r\n"
        follow(copy.client, link.port)
        wait_for_replicas(source.client, copy.client)
        wait_for_same_data(source.client, copy.client)
