"""All nodes of `pyredis-cluster up` in this process."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyredis_cluster.cli.redis_server import handle_continuing
from pyredis_cluster.cli.up_group import found_group, sentinel_config
from pyredis_cluster.cli.up_member import LocalNode
from pyredis_cluster.cli.up_options import READY_S, NodePlan, UpOptions, node_config
from pyredis_cluster.cli.up_report import NodeReport, report_of
from pyredis_cluster.cli.up_shape import UpError
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.local_cluster import LocalCluster
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.neighbourhood import Neighbourhood
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.server.process import raise_open_files
from pyredis_cluster.server.readiness import is_ready
from pyredis_cluster.server.server import Server

if TYPE_CHECKING:
    from pyredis_cluster.ports import Clock as ServerClock
    from pyredis_cluster.testing.clock import Clock

_POLL_S = 0.005


class Lines:
    """Where the nodes log to that have no file: kept while they start, then standard error."""

    def __init__(self) -> None:
        self._kept: list[bytes] | None = []

    def write(self, data: bytes) -> None:
        """Take whole lines."""
        if self._kept is not None:
            self._kept.append(data)
        else:
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()

    def release(self) -> None:
        """Show what was kept, and what comes."""
        kept, self._kept = self._kept, None
        for data in kept or ():
            self.write(data)

    @property
    def kept_count(self) -> int:
        """How many lines are kept."""
        return len(self._kept or ())

    def keep_only(self, count: int) -> None:
        """Forget all kept lines but the first ones."""
        if self._kept is not None:
            del self._kept[count:]

    def text(self) -> str:
        """What was kept."""
        return b"".join(self._kept or ()).decode(errors="replace").rstrip()


def start_log(config_level: str, node: NodePlan, lines: Lines, clock: ServerClock | None = None) -> Log:
    """The log of one node."""
    # Nodes of one process have the process id in common.
    mark = b"%d " % node.port
    log = Log(clock or SystemClock(), lambda data: lines.write(mark + data))
    if node.log_file:
        log.to_file(node.log_file)
    log.set_level(config_level)
    return log


class LocalFleet:
    """See `Fleet`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: UpOptions, plans: Sequence[NodePlan]
    ) -> None:
        """Raises UpError."""
        self._options = options
        self._network = Network(loop)
        self._lines = Lines()
        self._logs: list[Log] = []
        self._is_stopped = False
        self._ports = options.shape.ports
        if not options.shape.is_cluster:
            found_group(options, plans)
        self._servers: list[Server] = []
        self._clock: ServerClock = SystemClock()
        self._may_fail = node_config(options, plans[0]).text("enable-fault-command") != "no"
        time = self._make_movable(loop) if self._may_fail else None
        self._neighbours = Neighbourhood(lambda: self._nodes, time)
        self._nodes = [
            LocalNode(options.host, node.port, functools.partial(self._make, node), self._replaced)
            for node in plans
        ]
        self._servers += [node.server for node in self._nodes]
        raise_open_files(self._servers[0].config.integer("maxclients"), self._logs[0])
        handle_continuing(loop, self._servers)
        self._cluster = LocalCluster(self._servers, primaries=options.shape.primaries)

    def _make_movable(self, loop: asyncio.AbstractEventLoop) -> Clock:
        """Have the nodes go by a time that clients can move."""
        # Imported here, as few clusters are for tests.
        from pyredis_cluster.testing.clock import Clock
        from pyredis_cluster.testing.movable_loop import MovableClock, MovableLoop

        movable = MovableLoop(loop)
        self._network.loop = movable.for_servers
        self._clock = MovableClock(movable)
        return Clock(movable, self._clock, self._servers)

    def _make(self, node: NodePlan) -> Server:
        config = (sentinel_config if node.is_sentinel else node_config)(self._options, node)
        log = start_log(config.text("loglevel"), node, self._lines, self._clock)
        self._logs.append(log)
        network = self._network
        server = Server(
            config, network.loop, network=network, log=log, clock=self._clock, may_fail=self._may_fail
        )
        if server.state.faults is not None:
            server.state.faults.neighbours = self._neighbours
        return server

    def _replaced(self, ended: Server, started: Server) -> None:
        for servers in (self._servers, self._cluster.servers):
            servers[servers.index(ended)] = started

    async def start(self) -> None:
        """See `Fleet`."""
        try:
            async with asyncio.timeout(READY_S + len(self._servers)):
                await (self._start_cluster() if self._options.shape.is_cluster else self._start_group())
        except StartError:
            raise UpError(self._lines.text() or "The nodes cannot be started.") from None
        self._lines.release()

    async def _start_group(self) -> None:
        count = self._options.shape.server_count
        await self._start_all(self._servers[:count])
        said = self._lines.kept_count
        # Those that find replicas without a link do not look again for a while.
        await self._start_all(self._servers[count:])
        # What they are to watch is in the table.
        self._lines.keep_only(said)

    async def _start_all(self, servers: Sequence[Server]) -> None:
        for server in servers:
            await server.start()
        while not all(is_ready(server, self._ports) for server in servers):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    async def _start_cluster(self) -> None:
        await self._cluster.start()
        if not self._cluster.is_whole:
            raise UpError("The directory holds nodes that are not a whole cluster.")
        await self._cluster.wait_until_ready(limit_s=READY_S + len(self._servers))

    def stop(self) -> bool:
        """See `Fleet`. With a directory data are saved there, as the save points of each node have it."""
        self._is_stopped = True
        keeps = self._options.directory is not None
        if not keeps:
            # That all ends is what was asked for: no node has to say so on a terminal.
            for log in self._logs:
                log.set_level("nothing")
        return self._cluster.stop(save=None if keeps else False)

    @property
    def is_stopped(self) -> bool:
        """See `Fleet`."""
        return self._is_stopped

    async def wait_until_stopped(self) -> int:
        """See `Fleet`."""
        await self._cluster.wait_until_stopped()
        self._network.close()
        return 0

    def reports(self) -> list[NodeReport]:
        """See `Fleet`."""
        return [report_of(server) for server in self._servers]
