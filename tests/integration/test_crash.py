"""kill -9 at random moments: what was acknowledged is there after a restart.

`PYREDIS_TEST_CRASHES=100` makes it so many crashes of each kind.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.support.dataset import fill
from tests.support.journal import Journal
from tests.support.nodes import Node, started
from tests.support.replicating import info, wait_until
from tests.support.servers import OURS

pytestmark = pytest.mark.slow

CRASHES = int(os.environ.get("PYREDIS_TEST_CRASHES", "3"))
SEED = int(os.environ.get("PYREDIS_TEST_SEED", str(time.time_ns() % 100_000)))
CRASHES_OF_ONE_DATASET = 10
WRITERS = 4
ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


def write_until_killed(node: Node, journals: list[Journal], rng: random.Random, meanwhile: str) -> None:
    """Let all journals write, and kill the server at a random moment of that."""
    for journal in journals:
        journal.start(node.port)
    acknowledged = sum(journal.acknowledged for journal in journals)
    wait_until(lambda: sum(journal.acknowledged for journal in journals) > acknowledged)
    end = time.monotonic() + rng.uniform(0, 0.4)
    while (left_s := end - time.monotonic()) > 0:
        if meanwhile:
            node.client.call(meanwhile)
        time.sleep(min(left_s, rng.uniform(0, 0.1)))
    if meanwhile:
        # Most crashes are in the midst of it: it has just begun.
        node.client.call(meanwhile)
        time.sleep(rng.uniform(0, 0.05))
    node.server.kill()
    for journal in journals:
        journal.join()


def fresh(node: Node) -> list[Journal]:
    """Journals that begin anew with a new file, beside a little of every type."""
    assert node.client.call("FLUSHALL") == b"+OK\r\n"
    assert node.client.call("BGREWRITEAOF").startswith(b"+")
    wait_until(lambda: info(node.client, "persistence")["aof_rewrite_in_progress"] == "0")
    fill(node.client, keys=1000, seed=21)
    return [Journal(f"writer {n}", batch=1 + 7 * n, transactions=n % 2 == 0) for n in range(WRITERS)]


def digests(node: Node) -> list[bytes]:
    """Of some of what `fresh` has made."""
    return [node.client.call("DEBUG", "DIGEST-VALUE", f"{n}:") for n in range(0, 900, 3)]


@pytest.mark.parametrize("meanwhile", ["", "BGREWRITEAOF", "BGSAVE"])
def test_always_loses_nothing_that_was_acknowledged(meanwhile: str) -> None:
    rng = random.Random(f"{SEED} {meanwhile}")
    with started(OURS, options=ALWAYS) as (node,):
        for crash in range(CRASHES):
            if crash % CRASHES_OF_ONE_DATASET == 0:
                journals = fresh(node)
                dataset = digests(node)
            write_until_killed(node, journals, rng, meanwhile)
            node.restart()
            try:
                for journal in journals:
                    journal.resume(node.client)
                assert digests(node) == dataset
            except AssertionError as error:
                raise AssertionError(f"seed {SEED}, crash {crash}: {error}\n{node.server.log()}") from error


@pytest.mark.parametrize(
    "options",
    [
        ("--appendonly", "yes", "--appendfsync", "everysec"),
        ("--save", "3600 1"),
        ("--appendonly", "yes", "--save", "60 1"),
    ],
    ids=" ".join,
)
def test_an_orderly_end_under_load_loses_nothing(options: tuple[str, ...]) -> None:
    with started(OURS, options=options) as (node,):
        journals = [Journal(f"writer {n}", transactions=n == 0) for n in range(WRITERS)]
        for journal in journals:
            journal.start(node.port)
        wait_until(lambda: all(journal.acknowledged > 100 for journal in journals))
        node.server.process.terminate()
        assert node.server.process.wait(15) == 0
        for journal in journals:
            journal.join()
        node.restart()
        for journal in journals:
            journal.check(node.client)


def test_everysec_loses_no_more_than_a_second() -> None:
    options = ("--appendonly", "yes", "--appendfsync", "everysec")
    with started(OURS, options=options) as (node,):
        journal = Journal("writer")
        journal.start(node.port)
        wait_until(lambda: journal.acknowledged > 2000)
        node.server.kill()
        killed_at = time.monotonic()
        journal.join()
        node.restart()
        safe = max((number for at, number in journal.acknowledged_at if at < killed_at - 1), default=0)
        journal.check(node.client, at_least=safe)


def test_a_crash_in_the_middle_of_loading_loses_nothing() -> None:
    rng = random.Random(SEED)
    with started(OURS, options=ALWAYS) as (node,):
        fill(node.client, keys=5000, seed=22)
        node.client.call("SET", "last", "1")
        digest = node.client.call("DEBUG", "DIGEST")
        node.server.kill()
        for _ in range(CRASHES):
            node.server.launch()
            time.sleep(rng.uniform(0.1, 0.6))
            node.server.kill()
        node.restart()
        assert node.client.call("DEBUG", "DIGEST") == digest


def test_an_rdb_file_is_replaced_as_a_whole() -> None:
    rng = random.Random(SEED)
    with started(OURS) as (node,):
        fill(node.client, keys=3000, seed=23)
        assert node.client.call("SAVE") == b"+OK\r\n"
        digest = node.client.call("DEBUG", "DIGEST")
        for _ in range(CRASHES):
            node.client.send("SAVE" if rng.random() < 0.5 else "BGSAVE")
            time.sleep(rng.uniform(0, 0.1))
            node.server.kill()
            node.restart()
            assert node.client.call("DEBUG", "DIGEST") == digest
