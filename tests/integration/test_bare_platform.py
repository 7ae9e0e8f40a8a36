"""The program where there is no epoll, fork, fcntl, resource, syslog, nor signal handlers of the event loop.

That is Windows, as far as another platform can stand in for it.
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

BARE = """
import os, select, signal, sys
for module, names in (
    (select, ("epoll", "poll", "EPOLLIN", "EPOLLOUT", "EPOLLHUP", "EPOLLERR")),
    (os, ("fork", "setsid")),
    (signal, ("SIGHUP", "SIGPIPE", "SIGSTOP")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for name in ("fcntl", "resource", "syslog", "uvloop"):
    sys.modules[name] = None

# After select has lost its means: the loop has to take what is left as well.
import asyncio

def refuse(self, *args):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = refuse
asyncio.SelectorEventLoop.add_reader = refuse
from pyredis_cluster.cli.main import main
sys.exit(main())
"""
PROGRAM = Program("bare", (sys.executable, "-c", BARE), "7.2")


@pytest.fixture
def port() -> Iterator[int]:
    number = free_port(with_bus=True)
    yield number
    release_port(number)


@pytest.mark.parametrize("mode", ["standalone", "cluster"])
def test_serves_and_ends(tmp_path: Path, port: int, mode: str) -> None:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    if mode == "cluster":
        options += ["--cluster-enabled", "yes"]
    with started(PROGRAM, *options, directory=tmp_path) as process:
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
    with started(PROGRAM, *options, directory=tmp_path) as process:
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
    code, output = run(PROGRAM, "--port", str(port), "--bind", "127.0.0.1", option, value, directory=tmp_path)
    assert code == 1
    assert messages(output)[-1] == message
