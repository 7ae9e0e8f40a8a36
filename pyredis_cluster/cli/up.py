"""`pyredis-cluster up`: a whole cluster in one process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from pyredis_cluster.cli.redis_server import enter_directory, handle_continuing, handle_signals, run_loop
from pyredis_cluster.config.config import Config
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.local_cluster import LocalCluster
from pyredis_cluster.server.log import Log, write_nowhere
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.process import raise_open_files
from pyredis_cluster.server.server import Server
from pyredis_cluster.version import NAMES as REDIS_VERSIONS

_LOG_FILE = "server.log"
_READY_S = 60.0
"""How long nodes may take to become a cluster, and a second more for each of them."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `up` was asked for: `replicas` are per primary; without a directory nothing is kept."""

    primaries: int
    replicas: int
    port: int
    bind: str
    directory: str | None
    redis_version: str = REDIS_VERSIONS[-1]

    @property
    def ports(self) -> range:
        """Ports of all nodes, those of the primaries first."""
        return range(self.port, self.port + self.primaries * (1 + self.replicas))


def bring_up(options: UpOptions) -> int:
    """Run the cluster until a signal; the exit code."""
    try:
        with _directory(options.directory) as directory:
            return run_loop(lambda loop: _run(loop, options, directory))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def _directory(wanted: str | None) -> Iterator[str]:
    if wanted is not None:
        os.makedirs(wanted, exist_ok=True)
        yield os.path.abspath(wanted)
        return
    with tempfile.TemporaryDirectory(prefix="pyredis-cluster-") as directory:
        yield directory


async def _run(loop: asyncio.AbstractEventLoop, options: UpOptions, directory: str) -> int:
    network = Network(loop)
    logs: list[Log] = []
    servers: list[Server] = []
    for port in options.ports:
        home = os.path.join(directory, str(port))
        os.makedirs(home, exist_ok=True)
        log = Log(SystemClock(), write_to_stderr)
        if options.directory is not None:
            log.to_file(os.path.join(home, _LOG_FILE))
        logs.append(log)
        config = _config(port, options, home)
        if options.directory is None:
            config.put("loglevel", "warning")
        servers.append(Server(config, loop, network=network, log=log))
    raise_open_files(servers[0].config.integer("maxclients"), logs[0])
    cluster = LocalCluster(servers, primaries=options.primaries)
    handle_signals(loop, Log(SystemClock(), write_nowhere), lambda name: _stop(cluster, logs, options))
    handle_continuing(loop, servers)
    try:
        await cluster.start()
        failure = await _make_ready(cluster)
    except StartError:
        failure = _where(options, directory)
    if failure:
        _stop(cluster, logs, options)
        print(failure, file=sys.stderr)
        return 1
    if not any(server.stopped.is_set() for server in servers):
        print(_welcome(options), flush=True)
    await cluster.wait_until_stopped()
    network.close()
    return 0


async def _make_ready(cluster: LocalCluster) -> str:
    """Wait until the nodes are a cluster or were stopped; returns why they cannot be one, or nothing."""
    if not cluster.is_whole:
        return (
            "The directory holds a cluster of other nodes: give --primaries, --replicas and --port as when it"
            " was made."
        )
    ready = asyncio.ensure_future(cluster.wait_until_ready(limit_s=_READY_S + len(cluster.servers)))
    stopped = asyncio.ensure_future(cluster.wait_until_stopped())
    await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
    for each in (ready, stopped):
        each.cancel()
    if ready.done() and isinstance(ready.exception(), TimeoutError):
        return "The nodes did not become a cluster in time."
    return ""


def _config(port: int, options: UpOptions, directory: str) -> Config:
    config = Config(directory=directory, change_directory=enter_directory, join_path=os.path.join)
    config.put("redis-version", options.redis_version)
    config.set_many([(b"port", b"%d" % port), (b"bind", options.bind.encode())])
    if options.directory is None:
        config.set_many([(b"save", b"")])
    config.put("cluster-enabled", True)
    config.put("databases", 1)
    # Replicas of this process come all at once or not at all: there is nothing to wait for.
    config.put("repl-diskless-sync-delay", 0)
    return config


def _stop(cluster: LocalCluster, logs: list[Log], options: UpOptions) -> bool:
    if options.directory is None:
        # That all ends is what was asked for: no node has to say so on a terminal.
        for log in logs:
            log.set_level("nothing")
    # With a directory its data is saved there, as the save points of each node have it.
    return cluster.stop(save=None if options.directory is not None else False)


def _where(options: UpOptions, directory: str) -> str:
    text = f"The cluster cannot be started on ports {options.ports[0]}-{options.ports[-1]}."
    if options.directory is not None:
        text += f"\nThe logs are in {directory}/<port>/{_LOG_FILE}."
    return text


def _welcome(options: UpOptions) -> str:
    host = options.bind if options.bind not in ("*", "0.0.0.0", "::") else "127.0.0.1"
    nodes = " ".join([f"{host}:{port}" for port in options.ports])
    primaries = f"{options.primaries} primaries" if options.primaries > 1 else "1 primary"
    replica_count = options.primaries * options.replicas
    replicas = "" if not replica_count else f" and {replica_count} replica{'s' if replica_count > 1 else ''}"
    return (
        f"Cluster of {primaries}{replicas} with all 16384 slots is ready: {nodes}\n"
        f"Connect:  redis-cli -c -h {host} -p {options.port}\n"
        f'          redis.RedisCluster(host="{host}", port={options.port})\n'
        "Ctrl-C ends it."
    )


def write_to_stderr(data: bytes) -> None:
    """Write to standard error."""
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()
