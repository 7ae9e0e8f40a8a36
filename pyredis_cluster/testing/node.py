"""One server of a test: a handle that outlives the server's ends and starts."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pyredis_cluster.config.config import Config
from pyredis_cluster.config.directives import DIRECTIVES
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.server import Server as RunningServer
from pyredis_cluster.testing.clock import Clock
from pyredis_cluster.testing.events import Event, NodeObserver, Timeline
from pyredis_cluster.testing.faults import NodeFaults
from pyredis_cluster.testing.local_client import LocalClient
from pyredis_cluster.testing.movable_loop import MovableClock, MovableLoop
from pyredis_cluster.testing.settings import DirectiveValue, set_directives
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from pyredis_cluster.testing.simulation.program_loop import ProgramLoop
from pyredis_cluster.testing.simulation.programs import NoPrograms
from pyredis_cluster.testing.snapshot import Data, put_back, take

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from pyredis_cluster.execution.neighbours import Neighbours
    from pyredis_cluster.ports import Clock as ServerClock
    from pyredis_cluster.ports import Disk, Programs

_LINES_KEPT = 1000
HOST = "127.0.0.1"
_POLL_S = 0.002
_VIRTUAL_POLL_S = 0.05


class Surroundings:
    """What the servers of one test share: loop, sockets, time and chance, all from one seed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, seed: int | None = None) -> None:
        self.loop = loop
        self.random = random.Random(seed)
        self.servers: list[RunningServer] = []
        """All that were started; those that have ended may be missing."""
        self.programs: Programs | None = None
        """Those that sentinels may start; None: those of the system."""
        self._movable: MovableLoop | None = None
        if isinstance(loop, ProgramLoop):
            self.network: Network = loop.network
            self.clock: ServerClock = loop.clock
            self.servers = loop.servers
            self.programs = NoPrograms()
            self.time = Clock(loop, self.clock, self.servers)
            if seed is None:
                self.random = loop.random
        else:
            self._movable = movable = MovableLoop(loop)
            self.network = Network(loop)
            # What is done to connections takes the servers' time, too.
            self.loop = self.network.loop = movable.for_servers
            self.clock = MovableClock(movable)
            self.time = Clock(movable, self.clock, self.servers)
        self.log: deque[str] = deque(maxlen=_LINES_KEPT)
        """The latest lines of all logs, with the port before each."""
        self.neighbours: Neighbours | None = None
        """The servers, as the command FAULT reaches them."""
        self.timeline = Timeline(self.loop.time)

    @property
    def is_time_moved(self) -> bool:
        """Whether the servers' time is not the one around them."""
        return self._movable is not None and self._movable.was_moved

    def set_time_back(self) -> None:
        """Have servers go by the time around them again. None of them runs."""
        if self._movable is not None:
            self._movable.set_back()

    def close(self) -> None:
        """Let go of the loop, once all servers have ended."""
        self.network.close()
        self.set_time_back()


class Node:
    """One server in the test's own process.

    Its files are in memory, and survive `kill` and `restart`, unless the directives name a directory (`dir`).
    Plain methods take effect at once; those that have to wait are coroutine functions.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        port: int,
        directives: Mapping[str, DirectiveValue],
        *,
        disk: Disk | None = None,
    ) -> None:
        self.host = HOST
        self.port = port
        self.directives = {"port": port, "bind": HOST, "save": "", **directives}
        self.log: deque[str] = deque(maxlen=_LINES_KEPT)
        """The latest lines of its log."""
        self._surroundings = surroundings
        self._disk = disk
        if isinstance(surroundings.loop, ProgramLoop) and "dir" in self.directives:
            raise ValueError("in virtual time files are in memory: there is no `dir` to set")
        if disk is None and "dir" not in self.directives:
            self._disk = SimulatedDisk(surroundings.loop, sync_s=0)
        self._server: RunningServer | None = None
        self._settings: dict[str, object] = {}

    def __repr__(self) -> str:
        return f"<Node {self.address}{'' if self.is_up else ' (down)'}>"

    @property
    def address(self) -> str:
        """Where it listens, `host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where it listens, as URLs name it."""
        return f"redis://{self.address}"

    @property
    def password(self) -> str | None:
        """The password that it was given (`requirepass`)."""
        given = self.directives.get("requirepass")
        return str(given) if given else None

    @property
    def clock(self) -> Clock:
        """The time that it goes by; that of all servers which were made together."""
        return self._surroundings.time

    @property
    def is_up(self) -> bool:
        """Whether the server runs; a paused one does."""
        return self._server is not None and not self._server.stopped.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether the server is paused, by `pause` or by DEBUG SLEEP."""
        return self.is_up and self.server.is_frozen

    @property
    def server(self) -> RunningServer:
        """The running server. Raises RuntimeError where there is none."""
        if self._server is None:
            raise RuntimeError(f"the server on {self.address} is not running")
        return self._server

    @property
    def is_replica(self) -> bool:
        """Whether the server is a replica, as it sees it itself; False while it does not run."""
        return self.is_up and self.server.replication_roles.primary is not None

    def prepare(self) -> RunningServer:
        """Make the server, which `start` then starts. Raises RuntimeError where one runs."""
        if self.is_up:
            raise RuntimeError(f"the server on {self.address} is running")
        config = self._configured()
        self._settings = {name: config.value(name) for name in DIRECTIVES}
        surroundings = self._surroundings
        clock = surroundings.clock
        self._server = RunningServer(
            config,
            surroundings.loop,
            network=surroundings.network,
            log=Log(clock, self._keep),
            clock=clock,
            random_source=random.Random(surroundings.random.getrandbits(64)),
            disk=self._disk,
            programs=surroundings.programs,
            may_fail=True,
        )
        server = self._server
        server.state.observer = NodeObserver(
            surroundings.timeline, self.address, lambda: server.cluster.core if server.cluster else None
        )
        if server.state.faults is not None:
            server.state.faults.neighbours = surroundings.neighbours
        servers = surroundings.servers
        servers[:] = [server for server in servers if not server.stopped.is_set()]
        servers.append(server)
        return server

    def _configured(self) -> Config:
        config = Config()
        set_directives(config, self.directives)
        return config

    def _keep(self, data: bytes) -> None:
        line = data.decode("utf-8", "replace").rstrip("\n")
        self.log.append(line)
        self._surroundings.log.append(f"{self.port} {line}")

    async def start(self) -> None:
        """Start the server from what is on its disk. Raises `StartError`; `log` says why."""
        if isinstance(self._disk, SimulatedDisk):
            self._disk.begin_process()
        server = self.prepare()
        self._note("starts")
        await server.start()

    @property
    def faults(self) -> NodeFaults:
        """What goes wrong on the running server, and what may. Raises RuntimeError where it does not run."""
        return NodeFaults(self.server)

    @property
    def events(self) -> list[Event]:
        """What it has told of lately, in order."""
        return [event for event in self._surroundings.timeline.events if event.node == self.address]

    def _note(self, what: str) -> None:
        self._surroundings.timeline.note(self.address, what)

    def run(self, *words: str | bytes | int) -> Any:
        """Run a command inside the server and return its reply, as hiredis has it (statuses are bytes).

        No socket is used, and no redirection followed. Raises `hiredis.ReplyError` for an error, and
        RuntimeError for a command that has to wait.
        """
        client = LocalClient(self.server)
        try:
            return client.run(*words)
        finally:
            client.leave()

    def snapshot(self) -> Data:
        """What it holds now: all keys, with the time that each has to live. O(data)."""
        return take(self.server)

    def restore(self, snapshot: Data) -> None:
        """Hold what it, or another server, held then, and nothing else. O(data).

        Keys have as much time to live as they had then. Replicas follow. Raises RuntimeError for a replica.
        """
        put_back(self.server, snapshot)

    def clear(self) -> None:
        """Have no data and no faults, the first configuration, statistics of zero; clients stay connected."""
        self.faults.heal()
        config = self.server.config
        for name, value in self._settings.items():
            if config.value(name) != value:
                config.put(name, value)
        for command in ("CONFIG RESETSTAT", "SLOWLOG RESET", "LATENCY RESET"):
            self.run(*command.split())
        if not self.is_replica:
            self.run("FLUSHALL", "SYNC")
        if self._disk is not None and self._disk.exists(config.path("dbfilename")):
            self._disk.remove(config.path("dbfilename"))

    def forget(self) -> None:
        """End the server at once, and lose its files too. Raises RuntimeError where they are real ones."""
        if not isinstance(self._disk, SimulatedDisk):
            raise RuntimeError(f"the files of the server on {self.address} are real ones")
        self.kill()
        self._disk = SimulatedDisk(self._surroundings.loop, sync_s=0)

    def kill(self) -> None:
        """End the server as `kill -9` does: at once, with nothing saved and nobody told."""
        if self.is_up:
            if isinstance(self._disk, SimulatedDisk):
                self._disk.end_process()
            self.server.stopping.fail()
            self._note("is killed")
        self._server = None

    def stop(self, *, save: bool | None = None) -> None:
        """End the server as SHUTDOWN NOW does, saving as its save points have it, or as `save` says."""
        if self.is_up:
            self._note("is stopped")
            self.server.shutdown(save=save, now=True, force=True)
        self._server = None

    async def restart(self) -> None:
        """End the server in order, unless it is down, and start it again."""
        self.stop()
        await self.start()

    def pause(self, seconds: float = math.inf) -> None:
        """Do nothing, as a process that got SIGSTOP, until `resume` or for that long."""
        self.server.freeze(seconds * 1000)
        self._note("pauses" if math.isinf(seconds) else f"pauses for {seconds:g} s")

    def resume(self) -> None:
        """End a pause."""
        if self.is_paused:
            self._note("resumes")
        self.server.freezer.thaw()

    def client(self, **options: Any) -> Redis:
        """A redis-py client of this server, asynchronous; `options` are those of `redis.asyncio.Redis`."""
        from redis.asyncio import Redis

        return Redis(host=self.host, port=self.port, **self.client_options(options))

    def client_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Options of a client that has the server's password, unless they say how it signs in."""
        if self.password is None or not options.keys().isdisjoint(("password", "credential_provider")):
            return options
        return {"password": self.password, **options}


async def until(holds: Callable[[], bool], limit_s: float, what: str) -> None:
    """Wait until `holds()`. Raises TimeoutError that says what was waited for."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + limit_s
    # In virtual time it is looking, not waiting, that takes time.
    poll_s = _VIRTUAL_POLL_S if isinstance(loop, ProgramLoop) else _POLL_S
    while not holds():
        if loop.time() > end_s:
            raise TimeoutError(f"not within {limit_s} s: {what}")
        await asyncio.sleep(poll_s)
