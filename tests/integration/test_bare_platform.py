"""The program, and servers of tests, on Windows and macOS, as far as another platform can stand in for them.

What those lack is hidden (`tests/support/bare.py`): epoll, fork, fcntl, resource, signals, /proc and so on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_port, release_port
from tests.support.program import connect, messages, run, started
from tests.support.servers import Program
from tests.support.wire import ConnectionClosedError

pytestmark = pytest.mark.slow

BARE = (sys.executable, str(Path(__file__).parents[1] / "support" / "bare.py"))
WINDOWS = Program("windows", (*BARE, "windows", "program"), "7.2")
MACOS = Program("macos", (*BARE, "macos", "program"), "7.2")
FIXTURES = """
def test_fixtures(redis_cluster, redis_server):
    with redis_cluster.client() as client, redis_server.client() as other:
        assert client.set("key", "value") and other.set("key", "value")
"""
IN_PROCESS = """
import asyncio
import sys

import pytest

from pyredis_cluster import Cluster, Server

with Server(config={"appendonly": True}) as server, server.client() as client:
    client.set("key", "value")
    client.bgrewriteaof()
    client.save()
    server.restart()
    assert client.get("key") == b"value"
with Cluster(primaries=2) as cluster, cluster.client() as client:
    client.set("key", "value")
    cluster.fail_over(cluster.replicas_for("key")[0])
    assert client.get("key") == b"value"
    cluster.reset()

async def in_the_loop():
    async with Cluster(primaries=1) as cluster, cluster.client() as client:
        assert await client.set("key", "value")

asyncio.run(in_the_loop())
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


@pytest.fixture
def port() -> Iterator[int]:
    number = free_port(with_bus=True)
    yield number
    release_port(number)


@pytest.mark.parametrize("platform", [WINDOWS, MACOS], ids=lambda platform: platform.name)
@pytest.mark.parametrize("mode", ["standalone", "cluster"])
def test_serves_and_ends(tmp_path: Path, port: int, mode: str, platform: Program) -> None:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    if mode == "cluster":
        options += ["--cluster-enabled", "yes"]
    with started(platform, *options, directory=tmp_path) as process:
        with connect(port) as client:
            assert client.call("CONFIG", "SET", "maxclients", 5000) == b"+OK\r\n"
            assert b"process_id:" in client.call("INFO")
            client.send("SHUTDOWN", "NOSAVE")
            with pytest.raises(ConnectionClosedError):
                client.read()
        assert process.wait() == 0
        assert "Traceback" not in process.text()
        assert messages(process.text())[-1] == "Redis is now ready to exit, bye bye..."


def test_signal_ends_it(tmp_path: Path, port: int) -> None:
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "")
    with started(WINDOWS, *options, directory=tmp_path) as process:
        connect(port).close()
        process.process.terminate()
        assert process.wait() == 0
        assert "Received SIGTERM scheduling shutdown..." in process.text()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--daemonize", "yes", "Can't run in the background: daemonize is not supported on this platform"),
        ("--syslog-enabled", "yes", "syslog-enabled: this platform has no system logger"),
    ],
)
def test_what_the_platform_lacks_is_one_clear_line(
    tmp_path: Path, port: int, option: str, value: str, message: str
) -> None:
    code, output = run(WINDOWS, "--port", str(port), "--bind", "127.0.0.1", option, value, directory=tmp_path)
    assert code == 1
    assert messages(output)[-1] == message


@pytest.mark.parametrize(
    ("platform", "way"),
    [(WINDOWS, ()), (MACOS, ()), (WINDOWS, ("--processes",))],
    ids=["windows", "macos", "windows-processes"],
)
def test_cluster_of_one_command(tmp_path: Path, port: int, platform: Program, way: tuple[str, ...]) -> None:
    options = ("--primaries", "1", "--replicas", "0", "--port", str(port), "--dir", str(tmp_path / "data"))
    with started(platform, "up", *options, *way, directory=tmp_path) as process:
        process.wait_for("Ctrl-C ends it")
        with connect(port) as client:
            assert client.call("SET", "key", "value") == b"+OK\r\n"
        process.process.terminate()
        assert process.wait() == 0
        assert "Traceback" not in process.text()


@pytest.mark.parametrize("platform", ["windows", "macos"])
def test_servers_of_tests(tmp_path: Path, platform: str) -> None:
    (tmp_path / "in_process.py").write_text(IN_PROCESS)
    (tmp_path / "test_fixtures.py").write_text(FIXTURES)
    program = Program(platform, (*BARE, platform, "in_process.py"), "7.2")
    code, output = run(program, "test_fixtures.py", directory=tmp_path)
    assert code == 0, output
    assert "1 passed" in output
