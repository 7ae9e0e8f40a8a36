"""Servers as they are, in a world that is simulated: their time, their network, their disks, their chance.

    with SimulatedWorld(seed=7) as world:
        nodes = [world.host(**{"cluster-enabled": True}) for _ in range(6)]

        async def scenario() -> None:
            for node in nodes:
                await node.start()
            ...

        world.run(scenario())

The same seed and the same scenario give the same events, in the same order, at the same virtual time.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self, TypeVar

from pyredis_cluster.config.command_line import CommandLine
from pyredis_cluster.config.config import Config
from pyredis_cluster.config.loader import load
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.server import Server
from pyredis_cluster.testing.settings import DirectiveValue, set_directives
from pyredis_cluster.testing.simulation.client import SimulatedClient
from pyredis_cluster.testing.simulation.clock import SimulatedClock
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from pyredis_cluster.testing.simulation.loop import VirtualLoop
from pyredis_cluster.testing.simulation.network import NetworkWorld, SimulatedNetwork
from pyredis_cluster.testing.simulation.programs import SimulatedPrograms

_T = TypeVar("_T")

_EVENTS_KEPT = 2000
_CLIENTS = "10.255.0."
_CONFIG_FILE = "/redis.conf"


class SimulatedHost:
    """A machine with one address, one disk, and at most one running server."""

    def __init__(self, world: SimulatedWorld, address: str, directives: dict[str, DirectiveValue]) -> None:
        self._world = world
        self.address = address
        self.network = world.network.host(address)
        self.clock = SimulatedClock(world.loop)
        self.disk = SimulatedDisk(world.loop)
        self.programs = SimulatedPrograms()
        self.directives = directives
        self.log_lines: deque[bytes] = deque(maxlen=_EVENTS_KEPT)
        """The latest lines of its servers' logs, with their line ends."""
        self.server: Server | None = None
        """The running server, None while there is none."""
        self.port = int(directives["port"])
        self._paused_until_s = 0.0

    @property
    def is_up(self) -> bool:
        """Whether a server runs here."""
        return self.server is not None and not self.server.stopped.is_set()

    async def start(self) -> Server:
        """Start the server, from what is on the disk. Raises `StartError`."""
        assert not self.is_up, "it runs already"
        world = self._world
        config = self._config()
        self.disk.begin_process()
        world.network.restore_power(self.address)
        self.server = server = world.server_type(
            config,
            world.loop,
            network=self.network,
            log=Log(self.clock, self._log),
            clock=self.clock,
            random_source=random.Random(world.random.getrandbits(64)),
            disk=self.disk,
            programs=self.programs,
        )
        world.note(self.address, "-- started")
        await server.start()
        return server

    def _config(self) -> Config:
        config = Config()
        set_directives(config, self.directives)
        return config

    def _log(self, line: bytes) -> None:
        self.log_lines.append(line)
        self._world.note(self.address, line.decode("utf-8", "replace").rstrip("\n"))

    def stop(self) -> None:
        """End the server in order, without saving."""
        if self.server is not None:
            self.server.shutdown(save=False, now=True, force=True)
            self.server = None

    def kill(self) -> None:
        """End the server as `kill -9` does: nothing more is sent, written or said."""
        self._end(silently=False)

    def lose_power(self) -> None:
        """The machine is gone: what was not synced is lost, and nobody is told. `start` brings it back."""
        self._end(silently=True)
        self.disk.lose_power()

    def _end(self, *, silently: bool) -> None:
        if self.server is None:
            return
        self._world.note(self.address, "-- lost power" if silently else "-- killed")
        if silently:
            self._world.network.lose_power(self.address)
        else:
            self._world.network.end_process(self.address)
        self.disk.end_process()
        server, self.server = self.server, None
        self._paused_until_s = 0.0
        server.stopping.fail()

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, as a process that gets SIGSTOP."""
        # A server that waits for another one in the middle of a command cannot be seen to sleep.
        if self.server is not None and (self._is_paused or not self.server.is_frozen):
            self._world.note(self.address, f"-- paused for {seconds:.3f} s")
            self.server.freeze(seconds * 1000)
            self._paused_until_s = max(self._paused_until_s, self._world.now_s + seconds)

    @property
    def _is_paused(self) -> bool:
        return self._world.now_s < self._paused_until_s

    def resume(self) -> None:
        """End a pause, as SIGCONT does."""
        if self.server is not None and self._is_paused:
            self.server.freezer.thaw()
        self._paused_until_s = 0.0


class ConfiguredHost(SimulatedHost):
    """A machine whose server is started from a configuration file on its disk, which it may rewrite."""

    def __init__(self, world: SimulatedWorld, address: str, text: str, *, sentinel: bool) -> None:
        self._command_line = CommandLine(config_file=_CONFIG_FILE, sentinel=sentinel)
        super().__init__(world, address, {"port": 0})
        file = self.disk.create(_CONFIG_FILE)
        file.write(text.encode())
        file.sync()
        self.disk.sync_directory("/")
        self.port = self._config().integer("port")

    @property
    def config_text(self) -> str:
        """What the file says now."""
        return self.disk.read(_CONFIG_FILE).decode("utf-8", "replace")

    def _config(self) -> Config:
        return load(self._command_line, self.disk.read)


class SimulatedWorld:
    """All of it, from one seed."""

    server_type: type[Server] = Server
    """What hosts make to run, for worlds whose servers can do more."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.loop = VirtualLoop()
        self.network = NetworkWorld(self.loop, random.Random(self.random.getrandbits(64)))
        self.hosts: list[SimulatedHost] = []
        self.events: deque[tuple[float, str, str]] = deque(maxlen=_EVENTS_KEPT)
        """What happened lately: virtual seconds, address, and what, log lines among them."""
        self.observers: list[Callable[[float, str, str], object]] = []
        """Called with each event as it happens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything."""
        for host in self.hosts:
            if host.is_up:
                host.kill()
        self.loop.close()

    def host(self, address: str | None = None, **directives: DirectiveValue) -> SimulatedHost:
        """A new machine, whose server will have these directives (`_` for `-`).

        Without an `address` it gets 10.0.0.1, 10.0.0.2 and so on, by how many hosts there are.
        """
        given: dict[str, DirectiveValue] = {"port": 6379, "bind": "*", "protected-mode": False, "save": ""}
        given.update({name.replace("_", "-"): value for name, value in directives.items()})
        host = SimulatedHost(self, address or self._next_address(), given)
        self.hosts.append(host)
        return host

    def configured_host(self, text: str, *, sentinel: bool = False) -> ConfiguredHost:
        """A new machine, whose server, or sentinel, has a configuration file that says this at first.

        Raises `ConfigFileError`.
        """
        host = ConfiguredHost(self, self._next_address(), text, sentinel=sentinel)
        self.hosts.append(host)
        return host

    def _next_address(self) -> str:
        return f"10.0.0.{len(self.hosts) + 1}"

    def client_network(self, number: int = 1) -> SimulatedNetwork:
        """The network as a machine sees it that runs no server but clients."""
        return self.network.host(f"{_CLIENTS}{number}")

    async def connect(self, host: SimulatedHost, *, client: int = 1) -> SimulatedClient:
        """A client of a host's server. Raises OSError and TimeoutError."""
        return await SimulatedClient.connect(self.client_network(client), host.address, host.port)

    def run(self, main: Coroutine[Any, Any, _T]) -> _T:
        """Run a scenario to its end; see `VirtualLoop.run`."""
        return self.loop.run(main)

    @property
    def now_s(self) -> float:
        """Virtual seconds since the world began."""
        return self.loop.time()

    def note(self, address: str, what: str) -> None:
        """Add to `events`, and tell `observers`."""
        time_s = self.loop.time()
        self.events.append((time_s, address, what))
        for observe in self.observers:
            observe(time_s, address, what)

    def story(self, last: int = 60) -> str:
        """The latest events as text, for a failure's report."""
        chosen = list(self.events)[-last:]
        return "\n".join(f"{time_s:10.3f} {address:10s} {what}" for time_s, address, what in chosen)

    async def until(
        self, holds: Callable[[], bool | Awaitable[bool]], limit_s: float, poll_s: float = 0.01
    ) -> None:
        """Wait until `holds()`; raises TimeoutError after `limit_s` of virtual time."""
        end_s = self.now_s + limit_s
        while True:
            result = holds()
            if result if isinstance(result, bool) else await result:
                return
            if self.now_s >= end_s:
                raise TimeoutError(f"not within {limit_s} s (seed {self.seed})")
            await asyncio.sleep(poll_s)
