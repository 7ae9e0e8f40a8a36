"""Our administrative commands on real clusters: what redis-cli makes of the cluster afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from pyredis_cluster.protocol.slots import key_slot
from tests.support.administration import Spares, ours, ours_as_json, require_clean, spares
from tests.support.cluster_programs import HAS_REDIS_CLI, is_ok, slots_entry, until, views
from tests.support.nodes import program
from tests.support.rdb import load
from tests.support.servers import REDIS_6_2, REDIS_7_0, REDIS_7_2, VALKEY_8_1, VALKEY_9_1, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli on this machine"),
]

SERVERS = [REDIS_6_2, REDIS_7_0, REDIS_7_2, VALKEY_8_1, VALKEY_9_1]
KEYS = [f"key:{number}" for number in range(500)]


@contextmanager
def cluster_of(server: str, count: int, *, in_use: int, replicas: int = 0) -> Iterator[Spares]:
    """A cluster of the first `in_use` of `count` servers."""
    with spares(program(server), count) as cluster:
        addresses = [cluster.address(number) for number in range(in_use)]
        printed = ours("create", *addresses, "--cluster-replicas", replicas, "--cluster-yes")
        assert printed.code == 0, printed
        until(lambda: all(is_ok(each) for each in cluster.servers[:in_use]))
        yield cluster


@contextmanager
def client_of(cluster: Spares) -> Iterator[redis.RedisCluster]:
    client = redis.RedisCluster(host="127.0.0.1", port=cluster.servers[0].port, decode_responses=True)
    try:
        yield client
    finally:
        client.close()


def write_keys(cluster: Spares) -> None:
    with client_of(cluster) as client:
        for key in KEYS:
            client.set(key, key)


def require_keys(cluster: Spares) -> None:
    with client_of(cluster) as client:
        assert [client.get(key) for key in KEYS] == KEYS
    sizes = re.findall(r"-> (\d+) keys", ours("info", cluster.address(0)).out)
    assert sum(map(int, sizes)) == len(KEYS)


def slots_of(cluster: Spares, number: int) -> int:
    nodes = ours_as_json("check", cluster.address(0))["nodes"]
    return next(int(node["slots_count"]) for node in nodes if node["name"] == cluster.node_id(number))


@pytest.mark.parametrize("server", SERVERS)
def test_the_life_of_a_cluster(server: str) -> None:
    with cluster_of(server, 8, in_use=6, replicas=1) as cluster:
        require_clean(cluster)
        write_keys(cluster)
        epochs = [view.epoch for view in views(cluster.servers[0]).values() if view.slots]
        assert sorted(epochs) == [1, 2, 3]

        new = cluster.node_id(6)
        assert ours("add-node", cluster.address(6), cluster.address(0)).out.endswith(
            "[OK] New node added correctly.\n"
        )
        until(lambda: all(new in views(each) for each in cluster.servers[:7]))
        as_replica = ("--cluster-slave", "--cluster-master-id", new)
        assert ours("add-node", cluster.address(7), cluster.address(0), *as_replica).code == 0
        until(lambda: all(len(views(each)) == 8 for each in cluster.servers))

        words = ("--cluster-from", "all", "--cluster-to", new, "--cluster-slots", "25", "--cluster-yes")
        printed = ours("reshard", cluster.address(1), *words)
        assert (printed.code, printed.err) == (0, "")
        until(lambda: slots_of(cluster, 6) == 25)
        require_clean(cluster)
        require_keys(cluster)
        replica = cluster.servers[7].port
        until(lambda: slots_entry(cluster.servers[0], cluster.servers[6].port)[1:] == [replica])

        # What leaves the cluster has to give its slots away; its replica then follows another one.
        moved = ours_as_json("rebalance", cluster.address(0), "--cluster-weight", f"{new[:8]}=0")
        assert sum(transfer["slots"] for transfer in moved["transfers"]) == 25
        until(lambda: slots_of(cluster, 6) == 0)
        require_keys(cluster)
        assert ours("del-node", cluster.address(0), new).code == 0
        until(lambda: all(new not in views(each) for each in cluster.servers[:6]))
        require_clean(cluster)
        require_keys(cluster)


def test_a_new_node_gets_slots_while_clients_write() -> None:
    with cluster_of(REDIS_7_0, 4, in_use=3) as cluster:
        assert ours("add-node", cluster.address(3), cluster.address(0)).code == 0
        until(lambda: all(len(views(each)) == 4 for each in cluster.servers))
        words = ["rebalance", cluster.address(0), "--cluster-use-empty-masters"]
        command = [sys.executable, "-m", "pyredis_cluster", "cluster", *words]
        written = 0
        with (
            client_of(cluster) as client,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
        ):
            while process.poll() is None:
                assert client.set(f"n{written}", written)
                written += 1
            assert process.stdout is not None
            text = process.stdout.read()
            assert process.returncode == 0, text
            assert text.count("#") == 4096
            until(lambda: slots_of(cluster, 3) == 4096)
            require_clean(cluster)
            assert [client.get(f"n{number}") for number in range(written)] == [
                str(number) for number in range(written)
            ]


def open_slots(cluster: Spares) -> None:
    """Every state of a slot that `fix` knows; the slots are those of node 0 that have a key."""
    ids = [cluster.node_id(number) for number in range(3)]
    key_of = {key_slot(key.encode()): key for key in KEYS if key_slot(key.encode()) < 5000}
    slots = sorted(key_of)
    states = [
        (slots[0], 1, (1,)),  # half moved
        (slots[1], None, (2,)),  # importing, nobody gives
        (slots[2], 1, ()),  # migrating, nobody takes
        (slots[3], 1, (1, 2)),  # two take, one is meant
        (slots[4], 2, (1,)),  # one gives, and another one takes than is meant
    ]
    for slot, migrates_to, importing in states:
        for number in importing:
            cluster.call(number, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        if migrates_to is not None:
            cluster.call(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[migrates_to])
    put_beside(cluster, 1, key_of[slots[6]], key_of[slots[6]])
    put_beside(cluster, 2, f"{{{key_of[slots[7]]}}}:other", "x")
    for number in range(3):
        # Of these, two nodes have keys of the first, one has keys of the second, and nobody of the third.
        for slot in (slots[7], slots[8], 16000):
            cluster.call(number, "CLUSTER", "DELSLOTS", slot)


def put_beside(cluster: Spares, number: int, key: str, value: str) -> None:
    """Have a node hold a key of a slot that node 0 owns."""
    slot = key_slot(key.encode())
    cluster.call(number, "CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.node_id(0))
    with cluster.servers[number].connect() as client:
        assert client.call("ASKING") == b"+OK\r\n"
        assert client.call("SET", key, value) == b"+OK\r\n"
    cluster.call(number, "CLUSTER", "SETSLOT", slot, "STABLE")


@pytest.mark.parametrize("server", SERVERS)
def test_whatever_is_wrong_with_slots_is_mended(server: str) -> None:
    with cluster_of(server, 3, in_use=3) as cluster:
        write_keys(cluster)
        open_slots(cluster)
        broken = ours_as_json("check", cluster.address(0), "--cluster-search-multiple-owners")
        assert (len(broken["open_slots"]), broken["ok"]) == (5, False)
        printed = ours("fix", cluster.address(0), "--cluster-search-multiple-owners", stdin="yes\n" * 3)
        assert printed.code == 0, printed
        assert set(re.findall(r"Case \d", printed.out)) == {"Case 1", "Case 2", "Case 3", "Case 4"}
        for text in ("have no keys", "keys in just one node", "keys in multiple nodes"):
            assert text in printed.out
        assert printed.out.endswith("[OK] No multiple owners found.\n")
        until(lambda: ours("check", cluster.address(1)).code == 0)
        require_clean(cluster, "--cluster-search-multiple-owners")
        with client_of(cluster) as client:
            assert [client.get(key) for key in KEYS] == KEYS


def test_keys_that_both_nodes_have_are_replaced_only_if_told() -> None:
    with cluster_of(REDIS_7_0, 3, in_use=3) as cluster:
        write_keys(cluster)
        key = next(key for key in KEYS if key_slot(key.encode()) < 5000)
        slot = key_slot(key.encode())
        put_beside(cluster, 1, key, "another value")
        cluster.call(1, "CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.node_id(0))
        cluster.call(0, "CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.node_id(1))
        printed = ours("fix", cluster.address(0))
        assert printed.code == 1
        assert (
            "*** Found 1 key(s) in both source node and target node having different values." in printed.out
        )
        assert f"    - {key}\n" in printed.out
        assert ours("fix", cluster.address(0), "--cluster-replace").code == 0
        until(lambda: ours("check", cluster.address(1)).code == 0)
        require_clean(cluster, "--cluster-search-multiple-owners")
        with client_of(cluster) as client:
            assert client.get(key) == "another value"


@pytest.mark.parametrize("server", [REDIS_7_0, VALKEY_9_1])
def test_import_and_backup(server: str, tmp_path: Path) -> None:
    with (
        cluster_of(server, 3, in_use=3) as cluster,
        running(program(server), "--requirepass", "secret") as source,
    ):
        source_address = f"127.0.0.1:{source.port}"
        with redis.Redis(port=source.port, password="secret") as client:
            for key in KEYS:
                client.set(key, key)
        words = ["import", cluster.address(0), "--cluster-from", source_address]
        assert "NOAUTH Authentication required." in ours(*words).out
        words += ["--cluster-from-pass", "secret"]
        printed = ours(*words, "--cluster-copy")
        assert printed.code == 0, printed
        assert printed.out.count(": OK\n") == len(KEYS)
        require_keys(cluster)
        assert "BUSYKEY" in ours(*words).out
        assert ours(*words, "--cluster-replace").code == 0
        with redis.Redis(port=source.port, password="secret") as client:
            assert client.dbsize() == 0
        require_keys(cluster)

        printed = ours("backup", cluster.address(0), tmp_path)
        assert printed.code == 0, printed
        found = set()
        for number in range(3):
            port, node_id = cluster.servers[number].port, cluster.node_id(number)
            data = (tmp_path / f"redis-node-127.0.0.1-{port}-{node_id}.rdb").read_bytes()
            found |= {key.decode() for key in load(data).keyspace.databases[0].values}
        assert found == set(KEYS)
        nodes = json.loads((tmp_path / "nodes.json").read_text())
        assert {node["name"] for node in nodes} == {cluster.node_id(number) for number in range(3)}


@pytest.mark.parametrize("server", [REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_a_cluster_with_a_password(server: str, tmp_path: Path) -> None:
    with spares(program(server), 3, "--requirepass", "secret", "--masterauth", "secret") as cluster:
        addresses = [cluster.address(number) for number in range(3)]
        printed = ours("create", *addresses, "--cluster-yes")
        assert printed.out == f"[ERR] Node {addresses[0]} NOAUTH Authentication required.\n"
        printed = ours("info", addresses[0], "-a", "wrong")
        assert printed.out == (
            f"Node {addresses[0]} replied with error:\n"
            "WRONGPASS invalid username-password pair or user is disabled.\n"
        )
        by_name = ("--user", "default", "--pass", "secret")
        assert ours("create", *addresses, "--cluster-yes", *by_name).code == 0
        infos = ("call", addresses[0], "CLUSTER", "INFO", *by_name)
        until(lambda: ours(*infos).out.count("cluster_state:ok") == 3)
        with redis.Redis(port=cluster.servers[0].port, password="secret") as client:
            client.set("{fHh}", "slot 0")
            assert key_slot(b"{fHh}") == 0
        nodes = ours_as_json("check", addresses[0], *by_name)["nodes"]
        one, two = [node["name"] for node in nodes if node["slots"][0][0] in (0, 5461)]
        for source, target, credentials in ((one, two, ("-a", "secret")), (two, one, by_name)):
            words = ("--cluster-from", source, "--cluster-to", target, "--cluster-slots", "1")
            printed = ours("reshard", addresses[0], *words, "--cluster-yes", *credentials)
            assert printed.code == 0, printed
            assert f"Moving slot 0 from {source}\n" in printed.out
            assert printed.out.endswith(": .\n")
        assert ours("backup", addresses[0], tmp_path, *by_name).code == 0
