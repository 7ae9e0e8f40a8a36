"""Our administrative commands on our own servers, and as a program of their own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.administration import ours, ours_as_json, spares
from tests.support.cluster_programs import until, views
from tests.support.ports import free_port, release_port
from tests.support.servers import our_program

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "pyredis_cluster", "cluster")


def test_a_cluster_of_ours_is_made_checked_and_changed() -> None:
    with spares(our_program(), 7) as cluster:
        addresses = [cluster.address(number) for number in range(6)]
        made = ours_as_json("create", *addresses, "--cluster-replicas", 1, "--cluster-yes")
        assert [node["flags"] for node in made["nodes"]].count("slave") == 3
        found = ours_as_json("check", addresses[4])
        assert (found["ok"], found["errors"], len(found["masters"]), found["keys"]) == (True, [], 3, 0)
        assert sorted(node["slots"][0] for node in found["nodes"] if node["slots"]) == [
            [0, 5460],
            [5461, 10922],
            [10923, 16383],
        ]
        assert ours("add-node", cluster.address(6), addresses[0], "--cluster-slave").code == 0
        until(lambda: all(len(views(each)) == 7 for each in cluster.servers))
        pings = ours_as_json("call", addresses[0], "PING")["replies"]
        assert [reply["reply"] for reply in pings] == ["PONG"] * 7
        replicas = ours_as_json("call", addresses[0], "PING", "--cluster-only-replicas")["replies"]
        assert len(replicas) == 4
        assert ours("call", addresses[0], "NOSUCH", "-e").code == 1
        assert ours("del-node", addresses[0], cluster.node_id(6)).code == 0
        until(lambda: all(len(views(each)) == 6 for each in cluster.servers[:6]))
        assert ours("check", addresses[0]).code == 0


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30, check=False)


def test_exit_codes_and_what_goes_where() -> None:
    port = free_port()
    try:
        done = run("check", f"127.0.0.1:{port}")
        reason = f"Could not connect to Redis at 127.0.0.1:{port}: Connection refused"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{reason}\n")
        done = run("check", f"127.0.0.1:{port}", "--json")
        assert (done.returncode, json.loads(done.stdout)) == (1, {"ok": False, "error": reason})
    finally:
        release_port(port)
    assert run("nosuch").returncode == 2
    assert run("reshard", "127.0.0.1:1", "--cluster-slots", "x").returncode == 2
    assert run("--help").returncode == 0
