"""Chains of ours and real servers whose links and servers fail at random under load: all end up alike.

`PYREDIS_TEST_CHAOS_S=120` makes it last so long.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.dataset import fill
from tests.support.digests import wait_for_same_data
from tests.support.nodes import Node, started
from tests.support.proxy import ThreadedProxy, proxied
from tests.support.replicating import follow, info, wait_for_link, wait_for_replicas, wait_until
from tests.support.servers import OURS, REDIS_7_0, VALKEY_9_1
from tests.support.traffic import Traffic

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

DURATION_S = float(os.environ.get("PYREDIS_TEST_CHAOS_S", "2"))
SEED = int(os.environ.get("PYREDIS_TEST_SEED", str(time.time_ns() % 100_000)))
OPTIONS = (
    *("--repl-diskless-sync-delay", "0", "--repl-timeout", "3", "--repl-ping-replica-period", "1"),
    *("--repl-backlog-size", "100kb", "--appendonly", "yes", "--appendfsync", "no"),
)


def fail_in_some_way(rng: random.Random, links: list[ThreadedProxy], nodes: list[Node]) -> None:
    """One thing goes wrong, or everything right again."""
    link = rng.choice(links)
    ways: list[Callable[[], None]] = [
        *(link.cut, link.drop, link.drop, link.pause, link.restore, link.restore),
        lambda: link.throttle(rng.choice((20_000, 200_000))),
        lambda: _kill_one(rng.choice(nodes[1:]), links, nodes),
        lambda: _swap_settings(rng, rng.choice(nodes)),
    ]
    rng.choice(ways)()


def _kill_one(node: Node, links: list[ThreadedProxy], nodes: list[Node]) -> None:
    """A replica dies and comes back with what it has on disk."""
    node.server.kill()
    node.restart()
    follow(node.client, links[nodes.index(node) - 1].port)


def _swap_settings(rng: random.Random, node: Node) -> None:
    for name, values in (
        ("repl-diskless-sync", ("yes", "no")),
        ("repl-diskless-load", ("disabled", "swapdb")),
        ("repl-backlog-size", ("20kb", "1mb")),
    ):
        assert node.client.call("CONFIG", "SET", name, rng.choice(values)) == b"+OK\r\n"


@pytest.mark.parametrize(
    "names",
    [(OURS, REDIS_7_0, OURS), (VALKEY_9_1, OURS, VALKEY_9_1), (OURS, OURS, REDIS_7_0)],
    ids="+".join,
)
def test_all_end_up_alike(names: tuple[str, ...]) -> None:
    rng = random.Random(f"{SEED} {names}")
    with ExitStack() as stack:
        nodes = stack.enter_context(started(*names, options=OPTIONS))
        links = [stack.enter_context(proxied(node.port)) for node in nodes[:-1]]
        fill(nodes[0].client, keys=500, seed=41)
        for link, node in zip(links, nodes[1:], strict=True):
            follow(node.client, link.port)
        for node in nodes[1:]:
            wait_for_link(node.client)
        with Traffic(nodes[0].port, per_second=1000, seed=SEED) as traffic:
            end = time.monotonic() + DURATION_S
            while time.monotonic() < end:
                fail_in_some_way(rng, links, nodes)
                reached = traffic.acknowledged + rng.randrange(20, 1000)
                wait_until(lambda reached=reached: traffic.acknowledged > reached)  # type: ignore[misc]
        assert not traffic.refused
        for link in links:
            link.restore()
            # What was lost while nothing was passed on is not sent again by TCP here.
            link.drop()
        head, *rest = nodes
        wait_for_replicas(head.client, *(node.client for node in rest))
        for node in rest:
            wait_for_same_data(head.client, node.client)
        assert {info(node.client)["master_replid"] for node in nodes} == {info(head.client)["master_replid"]}
        for node in nodes:
            assert "Traceback" not in node.server.log(1 << 20), f"seed {SEED}: {node.server.log(1 << 20)}"
