"""A cluster of three primaries with a replica each, of ours or real, and what an administrator does to it."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pyredis_cluster.cluster.founding import Founder, found
from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET
from pyredis_cluster.protocol.slots import key_slot

HOST = "127.0.0.1"
_PRIMARIES = 3
_LIMIT_S = 30.0
_DIRECTIVES = {
    "cluster-node-timeout": "1000",
    # Until a failover is asked for: on a busy machine nodes seem to have failed.
    "cluster-replica-no-failover": "yes",
    "enable-debug-command": "local",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
    "save": "",
}


def until(holds: Callable[[], object], what: str) -> None:
    """Poll until `holds()`. Raises TimeoutError."""
    deadline_s = time.monotonic() + _LIMIT_S
    while not holds():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited in vain: {what}")
        time.sleep(0.03)


class Node:
    """A client of one node that does nothing by itself; redis-py has no types for what is called here."""

    def __init__(self, port: int) -> None:
        options: dict[str, Any] = {"decode_responses": True, "protocol": 2, "socket_timeout": 5}
        self._client: Any = redis.Redis(port=port, retry=Retry(NoBackoff(), 0), **options)

    def ask(self, *words: str | bytes | float) -> Any:
        """A reply, as redis-py has it. Raises its errors."""
        return self._client.execute_command(*words)

    def ask_raw(self, *words: str | float) -> Any:
        """A reply as it came."""
        with self.begin(*words) as connection:
            return connection.read_response()

    @contextlib.contextmanager
    def begin(self, *words: str | float) -> Iterator[Any]:
        """A connection on which something was asked, for the length of a with-block."""
        connection = self._client.connection_pool.make_connection()
        connection.connect()
        try:
            connection.send_command(*words)
            yield connection
        finally:
            connection.disconnect()

    def info(self, section: str) -> dict[str, Any]:
        """What INFO says."""
        return dict(self._client.info(section))


class Stage:
    """Six nodes on adjacent ports, the primaries first."""

    def __init__(self, port: int, *, is_real: bool) -> None:
        self.ports = range(port, port + 2 * _PRIMARIES)
        self.is_real = is_real
        self._clients = {each: Node(each) for each in self.ports}

    @property
    def addresses(self) -> list[str]:
        """Of the nodes that programs begin with."""
        return [f"{HOST}:{port}" for port in self.ports[:_PRIMARIES]]

    def node(self, port: int) -> Node:
        """A client of one node that does nothing by itself."""
        return self._clients[port]

    def id(self, port: int) -> str:
        """A node's id."""
        return str(self.node(port).ask("CLUSTER MYID"))

    def owner(self, key: str) -> int:
        """Port of the node that has a key's slot, as the first one that answers sees it."""
        return next(ports[0] for first, last, ports in self._shares() if first <= slot_of(key) <= last)

    def replica_of(self, port: int) -> int:
        """Port of a replica."""
        return next(ports[1] for _, _, ports in self._shares() if ports[0] == port and len(ports) > 1)

    def another(self, port: int) -> int:
        """Port of another primary."""
        return next(ports[0] for _, _, ports in self._shares() if ports[0] != port)

    def _shares(self) -> list[tuple[int, int, list[int]]]:
        for port in self.ports:
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
                reply = self.node(port).ask_raw("CLUSTER", "SLOTS")
                return [(share[0], share[1], [node[1] for node in share[2:]]) for share in reply]
        raise ConnectionError("no node answers")

    def is_primary(self, port: int) -> bool:
        """Whether a node answers that it is a primary."""
        try:
            return bool(self.node(port).ask("ROLE")[0] == "master")
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def is_well(self) -> bool:
        """Whether all nodes serve, and all replicas are in sync."""
        try:
            return all(
                self.node(port).ask("CLUSTER INFO")["cluster_state"] == "ok"
                and (role := self.node(port).ask("ROLE"))
                and (role[0] == "master" or role[3] == "connected")
                for port in self.ports
            ) and all(len(ports) == 2 for _, _, ports in self._shares())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def allow_failover(self) -> None:
        """Have replicas replace primaries that have failed."""
        for port in self.ports:
            self.node(port).ask("CONFIG", "SET", "cluster-replica-no-failover", "no")

    def is_copied(self, port: int, key: str) -> bool:
        """Set a key; whether the replica has got it. It gets what is new only a while after it is in sync."""
        self.node(port).ask("SET", key, "")
        return bool(self.node(port).ask("WAIT", 1, 1000))

    def open_slot(self, slot: int, source: int, target: int) -> None:
        """Begin to move a slot."""
        self.node(target).ask("CLUSTER SETSLOT", slot, "IMPORTING", self.id(source))
        self.node(source).ask("CLUSTER SETSLOT", slot, "MIGRATING", self.id(target))

    def move_keys(self, source: int, target: int, *keys: str) -> None:
        """Move keys of a slot that is open."""
        self.node(source).ask("MIGRATE", HOST, target, "", 0, 5000, "KEYS", *keys)

    def close_slot(self, slot: int, source: int, target: int) -> None:
        """Move what is left of a slot that is open, and end it."""
        while keys := self.node(source).ask("CLUSTER GETKEYSINSLOT", slot, 100):
            self.move_keys(source, target, *keys)
        for port in (target, source):
            self.node(port).ask("CLUSTER SETSLOT", slot, "NODE", self.id(target))

    def errors(self, code: str) -> int:
        """How many error replies of a kind clients got from the nodes that are primaries."""
        counts = 0
        for port in self.ports:
            stats = self.node(port).info("errorstats").get(f"errorstat_{code}", {})
            counts += stats.get("count", 0)
        return counts


def slot_of(key: str) -> int:
    """A key's slot."""
    return key_slot(key.encode())


@contextlib.contextmanager
def our_cluster(port: int, directory: Path) -> Iterator[Stage]:
    """`pyredis-cluster up`, all nodes in one process."""
    options = ["--primaries", str(_PRIMARIES), "--replicas", "1", "--port", str(port)]
    with up([*options, *_words(_DIRECTIVES), "--enable-fault-command", "local"], directory):
        yield Stage(port, is_real=False)


@contextlib.contextmanager
def up(options: list[str], directory: Path) -> Iterator[None]:
    """Any cluster of ours, ready. Raises ChildProcessError, also if it had an error of its own."""
    log = directory / "up.log"
    with _process([sys.executable, "-m", "pyredis_cluster", "up", *options], directory, log) as process:
        until(lambda: process.poll() is not None or b"is ready" in log.read_bytes(), "up is ready")
        if process.poll() is not None:
            raise ChildProcessError(f"up ended: {log.read_text()}")
        yield
        if "Traceback" in log.read_text():
            raise ChildProcessError(f"up had an error of its own: {log.read_text()}")


@contextlib.contextmanager
def standalone(port: int, directory: Path) -> Iterator[None]:
    """A server of ours that is no cluster. Raises ChildProcessError, as `up`."""
    log = directory / "standalone.log"
    command = [
        sys.executable,
        "-m",
        "pyredis_cluster",
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(directory),
    ]
    with _process(command, directory, log):
        until(lambda: b"Ready to accept" in log.read_bytes(), "the server is ready")
        yield
        if "Traceback" in log.read_text():
            raise ChildProcessError(f"the server had an error of its own: {log.read_text()}")


def _words(directives: dict[str, str]) -> list[str]:
    return [word for name, value in directives.items() for word in (f"--{name}", value)]


@contextlib.contextmanager
def real_cluster(program: str, port: int, directory: Path) -> Iterator[Stage]:
    """A process of redis-server for each node."""
    stage = Stage(port, is_real=True)
    founders = [Founder(HOST, each, each + BUS_PORT_OFFSET) for each in stage.ports]
    with contextlib.ExitStack() as processes:
        for each, nodes_conf in zip(stage.ports, found(founders, _PRIMARIES, random.Random()), strict=True):
            home = directory / str(each)
            home.mkdir()
            (home / "nodes.conf").write_text(nodes_conf)
            command = [program, "--port", str(each), "--cluster-enabled", "yes", "--bind", HOST]
            command += _words(_DIRECTIVES)
            processes.enter_context(_process(command, home, home / "server.log"))
        until(stage.is_well, f"real nodes on {port}")
        yield stage


@contextlib.contextmanager
def _process(command: list[str], directory: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
