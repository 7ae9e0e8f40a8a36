"""Our administrative commands on our own servers, and as a program of their own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from tests.support.administration import ours, ours_as_json, spares
from tests.support.cluster_programs import is_ok, until, views
from tests.support.ports import free_port, release_port
from tests.support.servers import our_program

pytestmark = pytest.mark.slow

LIMIT_S = 120
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


def run(*words: str, redirections: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, by way of a shell that closes what `redirections` say."""
    return subprocess.run(
        f"{shlex.join([*COMMAND, *words])} {redirections}",
        shell=True,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={**os.environ, **variables},
    )


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
    assert run("check", "127.0.0.1:1", "--cluster-yes").returncode == 1
    assert "TLS is not supported" in run("check", "127.0.0.1:1", "--tls", "--cacert", "x").stderr
    assert "  reshard " in run("help").stdout
    assert run("reshard", "127.0.0.1:1", "--cluster-slots", "x").returncode == 2
    assert run("--help").returncode == 0


def test_streams_that_are_closed_or_cannot_show_everything() -> None:
    with spares(our_program(), 1) as cluster:
        for redirections, text in (("<&-", "The input ended before"), ("<&- >&-", ""), ("<&- >&- 2>&-", "")):
            done = run("fix", cluster.address(0), redirections=redirections)
            assert (done.returncode, "Traceback" in done.stderr, text in done.stderr) == (1, False, True)
        done = run("call", cluster.address(0), "ECHO", "\N{SNOWMAN}", PYTHONIOENCODING="ascii")
        assert (done.returncode, "\\u2603" in done.stdout) == (0, True)


def test_a_reshard_that_is_interrupted_can_be_finished() -> None:
    with spares(our_program(), 2) as cluster:
        for number, slots in enumerate(((0, 8191), (8192, 16383))):
            cluster.call(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            cluster.call(number, "CLUSTER", "ADDSLOTSRANGE", *slots)
        cluster.call(1, "CLUSTER", "MEET", "127.0.0.1", cluster.servers[0].port)
        until(lambda: all(map(is_ok, cluster.servers)))
        words = ("--cluster-from", cluster.node_id(0), "--cluster-to", cluster.node_id(1))
        command = [
            *COMMAND,
            "reshard",
            cluster.address(0),
            *words,
            "--cluster-slots",
            "8000",
            "--cluster-yes",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stdout:
                if line.startswith("Moving slot 20 "):
                    break
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=LIMIT_S)
            assert (process.returncode, err.strip()[:12]) == (130, "Interrupted.")
        assert ours("fix", cluster.address(1)).code == 0
        until(lambda: ours("check", cluster.address(0)).code == 0)
