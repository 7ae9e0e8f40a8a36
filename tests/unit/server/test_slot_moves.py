"""Keys that move with their slot from one cluster node to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pyredis_cluster.server.network import Network
from tests.support.clusters import LocalNode, until

pytestmark = pytest.mark.slow

SLOT = 12182
"""Of `{foo}`."""


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[LocalNode, LocalNode]]:
    """The first of two nodes has all slots, and moves that of `{foo}` to the second."""
    network = Network(asyncio.get_running_loop())
    one, two = LocalNode(tmp_path, network), LocalNode(tmp_path, network)
    for node in (one, two):
        await node.start()
    one.run("CLUSTER ADDSLOTSRANGE 0 16383")
    one.run("CLUSTER", "MEET", "127.0.0.1", str(two.port))
    await until(lambda: one.cluster.core.ok and two.cluster.core.ok)
    one.run("SET {foo}1 v")
    one.run("RPUSH {foo}2 a b")
    here, there = one.cluster.core.state, two.cluster.core.state
    here.open_slot(SLOT, here.migrating_to, here.nodes[two.cluster.my_id])
    there.open_slot(SLOT, there.importing_from, there.nodes[one.cluster.my_id])
    yield one, two
    for node in (one, two):
        node.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    network.close()


async def test_migrate_puts_keys_where_they_are_imported(pair: tuple[LocalNode, LocalNode]) -> None:
    one, two = pair
    one.client.send(
        "MIGRATE", "127.0.0.1", str(two.port), "", "0", "5000", "KEYS", "{foo}1", "{foo}2", "{foo}3"
    )
    await until(lambda: one.client.session.blocked is None)
    assert one.client.read_all() == [b"OK"]
    assert str(one.run("GET {foo}1")) == f"ASK {SLOT} 127.0.0.1:{two.port}"
    assert two.run("CLUSTER", "COUNTKEYSINSLOT", str(SLOT)) == 2
    assert two.run("ASKING") == b"OK"
    assert two.run("GET {foo}1") == b"v"


async def test_only_restore_asking_needs_no_asking(pair: tuple[LocalNode, LocalNode]) -> None:
    one, two = pair
    payload = one.run("DUMP {foo}1")
    moved = f"MOVED {SLOT} 127.0.0.1:{one.port}"
    assert str(two.run(b"RESTORE", b"{foo}1", b"0", payload)) == moved
    assert two.run(b"RESTORE-ASKING", b"{foo}1", b"0", payload) == b"OK"
    assert str(two.run("GET {foo}1")) == moved
