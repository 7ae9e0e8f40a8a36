"""`pyredis-cluster up`: a whole cluster from one command."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pyredis_cluster.cli.taken_ports import owner_of
from tests.support.ports import BUS_OFFSET, free_port, release_port
from tests.support.program import run, started, wait_until
from tests.support.servers import our_program
from tests.support.wire import ConnectionClosedError, RawClient

OURS = our_program()
NODES = 3
TABLE = """\
The cluster is ready: 3 primaries, all slots.

  primary           slots         replicas
  127.0.0.1:{0}   0-5460        –
  127.0.0.1:{1}   5461-10922    –
  127.0.0.1:{2}   10923-16383   –

  redis-cli   redis-cli -c -h 127.0.0.1 -p {0}
  redis-py    RedisCluster("127.0.0.1", {0})
  look        pyredis-cluster status 127.0.0.1:{0} --watch

Nothing is kept; with --dir DIRECTORY it comes back.
Ctrl-C ends it.
"""


@pytest.fixture
def port() -> Iterator[int]:
    """The first of three neighbouring ports that are free, as are those of the bus."""
    for _ in range(100):
        first = free_port(with_bus=True)
        rest = [number + offset for number in (first + 1, first + 2) for offset in (0, BUS_OFFSET)]
        if all(is_free(number) for number in rest):
            yield first
            release_port(first)
            return
        release_port(first)
    pytest.fail("no neighbouring free ports")


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def ids(port: int) -> set[bytes]:
    found = set()
    for number in range(port, port + NODES):
        with RawClient(number) as client:
            found.add(client.call("CLUSTER", "MYID"))
    return found


@pytest.mark.slow
class TestUp:
    def test_cluster_is_whole_when_it_says_so(self, tmp_path: Path, port: int) -> None:
        with started(OURS, "up", "--replicas", "0", "--port", str(port), directory=tmp_path) as process:
            process.wait_for("Ctrl-C ends it.")
            assert process.text() == TABLE.format(*range(port, port + NODES))
            for number in range(port, port + NODES):
                with RawClient(number) as client:
                    info = client.call("CLUSTER", "INFO")
                    assert b"cluster_state:ok\r\n" in info
                    assert b"cluster_slots_ok:16384\r\n" in info
                    assert b"cluster_known_nodes:3\r\n" in info
            routed = redis.RedisCluster(host="127.0.0.1", port=port)
            for number in range(200):
                routed.set(f"key:{number}", number)
            assert [routed.get(f"key:{number}") for number in range(200)] == [b"%d" % n for n in range(200)]
            routed.close()
            process.signal(signal.SIGINT)
            assert process.wait() == 0
            assert process.text().endswith("Ctrl-C ends it.\n")

    def test_clients_may_end_nodes_and_start_them_again(self, tmp_path: Path, port: int) -> None:
        words = ("--replicas", "0", "--enable-fault-command", "local")
        with started(OURS, "up", "--port", str(port), *words, directory=tmp_path) as process:
            process.wait_for("Ctrl-C ends it.")
            with RawClient(port) as client, RawClient(port + 1) as other:
                before = other.call("CLUSTER", "MYID")
                assert client.call("FAULT", "NODE", port + 1, "KILL") == b"+OK\r\n"
                with pytest.raises(ConnectionClosedError):
                    other.read()
                assert client.call("FAULT", "NODE", port + 1, "START") == b"+OK\r\n"
            with RawClient(port + 1) as client:
                assert client.call("CLUSTER", "MYID") == before
                assert client.call("FAULT", "NODE", port, "KILL") == b"+OK\r\n"
                assert client.call("FAULT", "NODE", port, "START") == b"+OK\r\n"
                before_s = int(client.call("TIME").split()[2])
                assert client.call("FAULT", "CLOCK", "ADVANCE", 3_600_000) == b"+OK\r\n"
                assert int(client.call("TIME").split()[2]) - before_s in range(3600, 3660)
            process.signal(signal.SIGINT)
            assert process.wait() == 0

    def test_one_node_is_a_cluster_too(self, tmp_path: Path, port: int) -> None:
        with started(
            OURS, "up", "--primaries", "1", "--replicas", "0", "--port", str(port), directory=tmp_path
        ) as process:
            process.wait_for("The cluster is ready: 1 primary, all slots.")
            with RawClient(port) as client:
                assert client.call("SET", "k", "v") == b"+OK\r\n"

    def test_its_nodes_are_an_older_version(self, tmp_path: Path, port: int) -> None:
        options = ("up", "--replicas", "0", "--port", str(port), "--redis-version", "6.2")
        with started(OURS, *options, directory=tmp_path) as process:
            process.wait_for("Ctrl-C ends it.")
            with RawClient(port) as client:
                assert b"\r\nredis_version:6.2.14\r\n" in client.call("INFO", "server")
                for run in client.ask("CLUSTER", "SLOTS").items:
                    assert [len(node.items) for node in run.items[2:]] == [3]

    def test_replicas_are_in_sync_and_shown_when_it_says_so(self, tmp_path: Path, port: int) -> None:
        options = ("up", "--primaries", "1", "--replicas", "2", "--port", str(port))
        with started(OURS, *options, directory=tmp_path) as process:
            process.wait_for("Ctrl-C ends it.")
            assert process.text().startswith(
                "The cluster is ready: 1 primary, 2 replicas, all slots.\n\n"
                "  primary           slots     replicas\n"
                f"  127.0.0.1:{port}   0-16383   127.0.0.1:{port + 1}, 127.0.0.1:{port + 2}\n"
            )
            with RawClient(port) as client, RawClient(port + 2) as replica:
                assert client.call("SET", "k", "v") == b"+OK\r\n"
                assert client.call("WAIT", "2", "5000") == b":2\r\n"
                assert replica.call("READONLY") == b"+OK\r\n"
                assert replica.call("GET", "k") == b"$1\r\nv\r\n"
                for each in (client, replica):
                    slots = each.call("CLUSTER", "SLOTS")
                    assert [slots.count(b":%d\r\n" % (port + n)) for n in range(3)] == [1, 1, 1]

    def test_directory_keeps_the_nodes_and_the_data(self, tmp_path: Path, port: int) -> None:
        seen = []
        for value in (b"$-1\r\n", b"$1\r\nv\r\n"):
            with started(
                OURS, "up", "--replicas", "0", "--port", str(port), "--dir", "data", directory=tmp_path
            ) as process:
                process.wait_for("Ctrl-C ends it.")
                seen.append(ids(port))
                with RawClient(port) as client:
                    assert client.call("GET", "{06S}") == value
                    client.call("SET", "{06S}", "v")
                process.signal(signal.SIGTERM)
                assert process.wait() == 0
        assert seen[0] == seen[1]
        assert len(seen[0]) == NODES
        log = (tmp_path / "data" / str(port) / "server.log").read_text()
        assert log.count("Redis is now ready to exit, bye bye...") == 2

    def test_directory_of_another_cluster(self, tmp_path: Path, port: int) -> None:
        up = ("up", "--replicas", "0", "--port", str(port), "--dir", "data")
        with started(OURS, *up, directory=tmp_path) as process:
            process.wait_for("Ctrl-C ends it.")
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
        code, output = run(OURS, *up, "--primaries", "2", directory=tmp_path)
        assert code == 1
        assert output == (
            "Error: The directory holds nodes that were started with --primaries 3: leave --primaries out, or"
            " give another --dir.\n"
        )

    def test_ended_before_it_is_ready(self, tmp_path: Path, port: int) -> None:
        up = ("up", "--replicas", "0", "--port", str(port), "--dir", "data")
        log = tmp_path / "data" / str(port + 2) / "server.log"

        def starts() -> int:
            return log.read_text().count("Ready to accept") if log.exists() else 0

        for seen in range(2):
            # The second time the nodes wait before they serve, as nodes that start again do.
            with started(OURS, *up, directory=tmp_path) as process:
                wait_until(lambda seen=seen: starts() > seen)  # type: ignore[misc]
                process.signal(signal.SIGINT)
                assert process.wait() == 0

    def test_port_in_use(self, tmp_path: Path, port: int) -> None:
        with socket.create_server(("127.0.0.1", port + 1)):
            owner = owner_of(port + 1)
            code, output = run(OURS, "up", "--replicas", "0", "--port", str(port), directory=tmp_path)
        assert code == 1
        assert output == (
            f"Port {port + 1} is taken by {owner}.\n"
            "Nothing was started. `--port auto` finds free ports, `--port N` names others.\n"
        )

    def test_ports_may_be_others_after_a_start_that_failed(self, tmp_path: Path, port: int) -> None:
        with socket.create_server(("127.0.0.1", port + 1)):
            code, _ = run(
                OURS, "up", "--dir", "kept", "--replicas", "0", "--port", str(port), directory=tmp_path
            )
        assert code == 1
        with started(
            OURS,
            "up",
            "--dir",
            "kept",
            "--primaries",
            "1",
            "--replicas",
            "0",
            "--port",
            str(port),
            directory=tmp_path,
        ) as process:
            process.wait_for("Ctrl-C ends it.")

    def test_one_node_may_leave(self, tmp_path: Path, port: int) -> None:
        with started(OURS, "up", "--replicas", "0", "--port", str(port), directory=tmp_path) as process:
            process.wait_for("Ctrl-C ends it.")
            for number in (port + 2, port, port + 1):
                assert process.process.poll() is None
                with RawClient(number) as client:
                    client.send("SHUTDOWN", "NOSAVE")
            assert process.wait() == 0

    def test_bad_options(self, tmp_path: Path) -> None:
        for options in (
            ("--primaries", "0"),
            ("--replicas", "-1"),
            ("--port", "70000"),
            ("--port", "55534"),
            ("--port", "55531", "--replicas", "1"),
            ("--nonsense",),
        ):
            code, output = run(OURS, "up", *options, directory=tmp_path)
            assert code == 2
            assert output.startswith("Usage: pyredis-cluster up [OPTIONS]")

    def test_help(self, tmp_path: Path) -> None:
        code, output = run(OURS, "up", "--help", directory=tmp_path)
        assert code == 0
        assert "--primaries" in output

    @pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
    def test_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        code, output = run(OURS, "up", "--dir", "file/sub", directory=tmp_path)
        assert code == 1
        assert output == "file/sub: Not a directory\n"
