"""Cluster nodes in this process, on real sockets; and what CLUSTER NODES says, parsed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from pyredis_cluster.config.config import Config
from pyredis_cluster.server.cluster import ClusterNode
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.server import Server
from pyredis_cluster.testing.settings import set_directives
from tests.support.inprocess import Client, Harness
from tests.support.ports import free_port, release_port


class LocalNode:
    """One server of ours in this process, with its log, and a client without socket."""

    def __init__(
        self, directory: Path, network: Network, *, port: int | None = None, **directives: object
    ) -> None:
        self.port = port or free_port(with_bus=True)
        self.lines: list[str] = []
        values: dict[str, object] = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": str(directory),
            "cluster_enabled": "yes",
            "cluster_config_file": f"nodes-{self.port}.conf",
            "cluster_node_timeout": 1000,
            "databases": 1,
            "loglevel": "debug",
        }
        config = Config()
        set_directives(config, {**values, **directives})
        log = Log(SystemClock(), lambda data: self.lines.append(data.decode()))
        self.server = Server(config, network.loop, network=network, log=log)

    @property
    def cluster(self) -> ClusterNode:
        """The cluster side of the server."""
        assert self.server.cluster is not None
        return self.server.cluster

    async def start(self) -> None:
        """Listen and serve, without the pause before a primary takes writes."""
        await self.server.start()
        self.cluster.settings.writable_delay_ms = 0
        self.client = self.connect()

    def connect(self) -> Client:
        """A client without socket."""
        return Client(cast(Harness, SimpleNamespace(state=self.server.state)))

    def run(self, *words: str | bytes) -> Any:
        """Execute a request and return its reply."""
        return self.client.run(*words)

    def stop(self) -> None:
        """End the server and give its ports back."""
        self.server.shutdown(save=False, now=True, force=True)
        release_port(self.port)


async def until(condition: Callable[[], object], limit_s: float = 10.0) -> float:
    """Wait for `condition`; returns how many seconds it took. Raises TimeoutError."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > limit_s:
            raise TimeoutError("condition not met in time")
        await asyncio.sleep(0.005)
    return time.monotonic() - start


class NodeView(NamedTuple):
    """One line of CLUSTER NODES, without what differs from node to node."""

    node_id: str
    address: str
    flags: frozenset[str]
    primary: str
    epoch: int
    slots: tuple[str, ...]


def parse_nodes(text: str) -> dict[str, NodeView]:
    """The lines of CLUSTER NODES by node id."""
    views = {}
    for line in text.splitlines():
        node_id, address, flags, primary, _, _, epoch, _, *slots = line.split()
        names = frozenset(flags.split(",")) - {"myself"}
        views[node_id] = NodeView(node_id, address.split(",")[0], names, primary, int(epoch), tuple(slots))
    return views
