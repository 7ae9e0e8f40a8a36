"""`pyredis-cluster up --processes`: a process for each node, which end with the one that started them."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.link import NOBODY, NodeLink
from pyredis_cluster.admin.observing import Observer
from tests.support.program import started, wait_until
from tests.support.servers import Program, our_program

OURS = our_program()
ELSEWHERE = """
import sys
from pyredis_cluster.cli import up_launch
from pyredis_cluster.cli.main import main
up_launch.CAN_FORK = False
sys.exit(main())
"""
SPAWNING = Program("spawning", (sys.executable, "-c", ELSEWHERE), "7.2")
"""As on systems where processes are not forks."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")]


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be asked how it ended does not count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_nodes_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    options = ("up", "--processes", "--port", "auto", "--json", "--maxmemory", "100mb")
    with started(OURS, *options, directory=tmp_path) as process:
        process.wait_for("\n")
        told = json.loads(process.text())
        pids = [node["pid"] for node in told["nodes"]]
        assert len({*pids, process.process.pid}) == 7
        first = told["nodes"][0]
        address = Address(first["host"], first["port"], 0)
        observer = Observer(lambda to: NodeLink(to, NOBODY, 10), address)
        status = observer.look()
        observer.close()
        assert status.problems == []
        assert {(member.node.address.port, member.node.is_replica) for member in status.members} == {
            (node["port"], node["role"] == "replica") for node in told["nodes"]
        }
        os.kill(pids[-1], signal.SIGKILL)
        process.wait_for("has ended: signal 9.")
        process.process.kill()
        wait_until(lambda: not any(map(is_running, pids)))


def test_comes_back_from_its_directory_either_way(tmp_path: Path) -> None:
    ids = []
    for way in ("--processes", "--json"):
        options = ("up", "--port", "auto", "--dir", "kept", "--primaries", "1", "--json", way)
        with started(SPAWNING, *options, directory=tmp_path) as process:
            process.wait_for("\n")
            told = json.loads(process.text())
            ids.append([node["id"] for node in told["nodes"]])
            link = NodeLink(Address("127.0.0.1", told["nodes"][0]["port"], 0), NOBODY, 10)
            assert link.call("GET", "k") == (b"v" if way == "--json" else None)
            link.call("SET", "k", "v")
            link.close()
            process.signal(signal.SIGINT)
            assert process.wait() == 0
            assert process.text().count("\n") == 1
    assert ids[0] == ids[1]


def test_a_primary_with_sentinels(tmp_path: Path) -> None:
    options = ("up", "--sentinels", "1", "--replicas", "1", "--port", "auto", "--json")
    with started(OURS, *options, directory=tmp_path) as process:
        process.wait_for("\n")
        told = json.loads(process.text())
        assert [node["role"] for node in told["nodes"] + told["sentinels"]] == [
            "primary",
            "replica",
            "sentinel",
        ]
        link = NodeLink(Address("127.0.0.1", told["sentinels"][0]["port"], 0), NOBODY, 10)
        primary = told["nodes"][0]["port"]
        known = link.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", told["master_name"])
        assert known == [b"127.0.0.1", b"%d" % primary]
        link.close()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
