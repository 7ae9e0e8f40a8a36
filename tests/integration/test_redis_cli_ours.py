"""Every `redis-cli --cluster` command on nodes of ours: what it prints and does there, as on real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.administration import Spares, theirs
from tests.support.cluster_programs import HAS_REDIS_CLI, until
from tests.support.nodes import Node, program, started
from tests.support.rdb import load
from tests.support.servers import OURS, REDIS_7_0
from tests.support.twins import Twins, twins

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli on this machine"),
]

TO_1 = ("--cluster-to", "#1", "--cluster-yes")


@pytest.fixture(scope="module")
def servers() -> Iterator[Twins]:
    # DEBUG compares the values of keys.
    options = ("--enable-debug-command", "yes")
    with twins(program(OURS), program(REDIS_7_0), 5, *options, runs=(theirs, theirs)) as found:
        yield found


@pytest.fixture
def pair(servers: Twins) -> Twins:
    servers.reset()
    return servers


def test_a_cluster_is_made_looked_at_and_changed(pair: Twins) -> None:
    assert pair.same("create", "@0", "@1", "@2", stdin="no").code == 0
    assert pair.same("create", "@0", "@1", "@2", stdin="yes").code == 0
    assert pair.same("create", "@0", "@3", "@4", "--cluster-yes").code == 1
    as_replica = ("--cluster-slave", "--cluster-master-id", "#1")
    assert pair.same("add-node", "@4", "@0", *as_replica).code == 0
    assert pair.same("add-node", "@0", "@4").code == 1
    assert pair.same("check", "@4").code == 0
    assert pair.same("info", "@0").code == 0
    assert pair.same("call", "@0", "ECHO", "hello").code == 0
    assert pair.same("call", "@0", "PING", "--cluster-only-replicas").code == 0
    assert pair.same("set-timeout", "@0", "4000").code == 0
    assert pair.same("del-node", "@0", "#1").code == 1
    assert pair.same("del-node", "@0", "#4").code == 0


def test_slots_move(pair: Twins) -> None:
    pair.form(3, replicas=[(4, 0)])
    pair.put(0, 0, 25)
    pair.put(0, 3)
    assert pair.same("reshard", "@0", stdin="5\n#1\n#0\n#2\ndone\nyes").code == 0
    words = ("--cluster-from", "#2", "--cluster-slots", "7", "--cluster-pipeline", "3")
    assert pair.same("reshard", "@4", *words, *TO_1).code == 0
    assert pair.same("rebalance", "@0", "--cluster-threshold", "0.01").code == 0
    weights = ("--cluster-weight", "#0=1.001", "#1=0.999", "--cluster-threshold", "0.01")
    assert pair.same("rebalance", "@1", *weights, "--cluster-simulate").code == 0
    assert pair.same("check", "@0", "--cluster-search-multiple-owners").code == 0


def test_what_is_wrong_is_mended(pair: Twins) -> None:
    pair.form(3)
    pair.put(0, 0, 12)
    pair.put(0, 1)
    pair.both(1, "CLUSTER", "SETSLOT", 0, "IMPORTING", "#0")
    pair.put(1, 0, 2)
    pair.both(0, "CLUSTER", "SETSLOT", 0, "MIGRATING", "#1")
    assert pair.same("check", "@2", any_order=True).code == 1
    assert pair.same("rebalance", "@2", any_order=True).code == 1
    assert pair.same("fix", "@2", any_order=True).code == 0
    pair.both(2, "CLUSTER", "SETSLOT", 0, "IMPORTING", "#1")
    pair.put(2, 0, 2, "another value")
    assert pair.same("fix", "@0", any_order=True).code == 1
    assert pair.same("fix", "@0", "--cluster-replace", any_order=True).code == 0
    pair.uncover(3, 1)
    assert pair.same("fix", "@0", stdin="yes").code == 0
    assert pair.same("check", "@0", "--cluster-search-multiple-owners").code == 0


def test_nodes_that_are_dead(pair: Twins) -> None:
    pair.form(3, replicas=[(3, 1)])
    pair.kill(3)
    assert pair.same("check", "@0").code == 0
    assert pair.same("fix", "@0").code == 0
    pair.kill(2)
    assert pair.same("check", "@0", any_order=True).code == 1
    forced = ("fix", "@0", "--cluster-fix-with-unreachable-masters")
    assert pair.same(*forced, stdin="no", any_order=True).code == 1


@pytest.mark.parametrize("source", [OURS, REDIS_7_0])
def test_import_from_a_server_that_wants_a_password(pair: Twins, source: str) -> None:
    pair.form(3)
    with started(source, options=("--requirepass", "secret")) as (node,):
        _fill(node)
        for cluster in (pair.left, pair.right):
            refused = theirs("import", cluster.address(0), "--cluster-from", f"127.0.0.1:{node.port}")
            assert (refused.code, "NOAUTH Authentication required." in refused.out) == (1, True)
            assert _import(cluster, node, "--cluster-from-pass", "secret", "--cluster-copy") == "OK"
            by_name = ("--cluster-from-user", "default", "--cluster-from-pass", "secret")
            assert _import(cluster, node, *by_name) == "BUSYKEY"
            assert _import(cluster, node, *by_name, "--cluster-replace") == "OK"
            assert node.client.call("DBSIZE") == b":0\r\n"
            _fill(node)
        pair.settle()


def _fill(node: Node) -> None:
    assert node.client.call("AUTH", "secret") == b"+OK\r\n"
    for n in range(40):
        node.client.call("RPUSH", f"list:{n}", n, "x")
    node.client.call("SET", "with an end", "x", "PX", 10**9)


def _import(cluster: Spares, source: Node, *words: str) -> str:
    done = theirs("import", cluster.address(0), "--cluster-from", f"127.0.0.1:{source.port}", *words)
    if done.code:
        return "BUSYKEY" if "BUSYKEY" in done.out else done.out
    assert done.out.count(": OK\n") == 41
    return "OK"


def test_backup(pair: Twins, tmp_path: Path) -> None:
    pair.form(3, replicas=[(3, 1)])
    for slot in (0, 6000, 16000):
        pair.put(slot // 5462, slot, 3)
    shown = []
    for cluster in (pair.left, pair.right):
        directory = tmp_path / str(cluster.servers[0].port)
        directory.mkdir()
        done = theirs("backup", cluster.address(0), directory)
        assert done.code == 0, done
        assert cluster.plain(done.out).endswith(f"[OK] Backup created into: {directory}\n"), done.out
        assert done.err.count("Transfer finished with success.\n") == 3
        nodes = json.loads((directory / "nodes.json").read_text())
        shown.append(
            sorted(
                (
                    cluster.plain(node["name"]),
                    cluster.plain(node["replicate"] or ""),
                    node["slots"],
                    node["slots_count"],
                    node["flags"],
                )
                for node in nodes
            )
        )
        for number in range(3):
            name = f"redis-node-127.0.0.1-{cluster.servers[number].port}-{cluster.node_id(number)}.rdb"
            assert len(load((directory / name).read_bytes()).keyspace.databases[0].values) == 3
    assert shown[0] == shown[1]
    until(lambda: theirs("check", pair.left.address(0)).code == 0)
