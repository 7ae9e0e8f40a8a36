"""A network in memory: hosts with addresses, connections with latency, and all that goes wrong with them.

A connection behaves as TCP does. Bytes come in order or not at all; what a link loses comes later, as it
would be sent again; a cut link holds bytes back, and they come when it heals, unless someone has closed by
then. A connection attempt that gets no answer is repeated after one second, two, four and so on.

Sources of the figures: RFC 6298 (a SYN is repeated after 1 s), Linux (data after 200 ms at least).
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis_cluster.server.local_links import LocalAccepting
from pyredis_cluster.server.network import Network, ProtocolFactory
from pyredis_cluster.testing.simulation.pipe import Pipe, SimulatedTransport

if TYPE_CHECKING:
    from pyredis_cluster.ports import Random

_RETRANSMIT_S = 0.2
_SYN_RETRY_S = 1.0
_FIRST_EPHEMERAL = 32768
_PORTS = 65536

Address = tuple[str, int]


@dataclass(slots=True)
class LinkQuality:
    """How bytes get from one host to another one.

    Raising `latency_s` delays every message by as much; `jitter_s` adds a random share of itself to each.
    `loss` is the chance that a message has to be sent again, which takes 0.2 s each time. `bytes_per_s` of 0
    means that size costs no time.
    """

    latency_s: float = 0.0005
    jitter_s: float = 0.0
    loss: float = 0.0
    bytes_per_s: float = 0.0


class NetworkWorld:
    """All hosts and the links between them. All chance comes from one source, so that it can be repeated."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        self.loop = loop
        self.quality = LinkQuality()
        """Of links that have none of their own."""
        self.listeners: dict[Address, LocalAccepting] = {}
        self.pipes: dict[Pipe, None] = {}
        self._random = random
        self._qualities: dict[tuple[str, str], LinkQuality] = {}
        self._cuts: dict[tuple[str, str], None] = {}
        self._silent: dict[str, None] = {}
        self._next_ports: dict[str, int] = {}

    # Links

    def set_quality(self, source: str, target: str, quality: LinkQuality | None) -> None:
        """How bytes get from `source` to `target`; None: as everywhere."""
        if quality is None:
            self._qualities.pop((source, target), None)
        else:
            self._qualities[source, target] = quality

    def quality_of(self, source: str, target: str) -> LinkQuality:
        """How bytes get from `source` to `target`."""
        return self._qualities.get((source, target), self.quality)

    def delay_s(self, source: str, target: str, size: int) -> float:
        """How long a message of `size` bytes takes from `source` to `target`, as chance has it this time."""
        quality = self.quality_of(source, target)
        delay_s = quality.latency_s
        if quality.jitter_s:
            delay_s += quality.jitter_s * self._random.random()
        if quality.bytes_per_s:
            delay_s += size / quality.bytes_per_s
        while quality.loss and self._random.random() < quality.loss:
            delay_s += _RETRANSMIT_S
        return delay_s

    def cut(self, source: str, target: str) -> None:
        """Let nothing get from `source` to `target` until `heal`; the other direction is not concerned."""
        self._cuts[source, target] = None

    def partition(self, *groups: list[str]) -> None:
        """Let nothing get from any host of one group to one of another."""
        for group in groups:
            for other in groups:
                if other is not group:
                    for source in group:
                        for target in other:
                            self.cut(source, target)

    def heal(self, source: str | None = None, target: str | None = None) -> None:
        """Let bytes through again, what was held back first; without arguments everywhere."""
        if source is None or target is None:
            self._cuts.clear()
        else:
            self._cuts.pop((source, target), None)
        for pipe in list(self.pipes):
            pipe.go_on()

    def passes(self, source: str, target: str) -> bool:
        """Whether bytes get from `source` to `target` now."""
        return (source, target) not in self._cuts

    # Hosts

    def host(self, address: str) -> SimulatedNetwork:
        """The network as it is seen from a host with this address."""
        return SimulatedNetwork(self, address)

    def lose_power(self, address: str) -> None:
        """A host is gone without a word: its connections fall silent. `restore_power` ends it."""
        self._silent[address] = None
        self.end_process(address, silently=True)

    def restore_power(self, address: str) -> None:
        """A host is there again: who sends on an old connection learns that nobody knows it."""
        self._silent.pop(address, None)
        for pipe in list(self.pipes):
            pipe.go_on()

    def end_process(self, address: str, *, silently: bool = False) -> None:
        """Whatever runs on a host ends at once: nobody listens, peers see streams end (or nothing)."""
        for place in [place for place in self.listeners if place[0] == address]:
            del self.listeners[place]
        for transport in [pipe.receiver for pipe in self.pipes if pipe.target == address]:
            if transport is not None:
                transport.vanish(silently=silently)

    def has_power(self, address: str) -> bool:
        """Whether a host answers at all."""
        return address not in self._silent

    def free_port(self, address: str) -> int:
        """A port for an outgoing connection."""
        port = self._next_ports.get(address, _FIRST_EPHEMERAL)
        self._next_ports[address] = port + 1 if port + 1 < _PORTS else _FIRST_EPHEMERAL
        return port


class SimulatedNetwork(Network):
    """`Network` of one host in a simulated world."""

    def __init__(self, world: NetworkWorld, address: str) -> None:
        super().__init__(world.loop, use_epoll=False)
        self.world = world
        self.address = address

    @property
    def api(self) -> str:
        """See `Network`."""
        return "simulated"

    def listen(
        self,
        address: str,
        port: int,
        backlog: int,
        factory: ProtocolFactory,
        failed: Callable[[OSError], None],
        *,
        local: bool = False,
    ) -> LocalAccepting:
        """See `Network`. There is one address per host, and no IPv6."""
        if address not in ("*", "0.0.0.0", "127.0.0.1", self.address):
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address", "bind")
        place = (self.address, port or self.world.free_port(self.address))
        if place in self.world.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use", "bind")
        return LocalAccepting(self.world.listeners, place, factory)

    def resolve(self, host: str, *, by_name: bool) -> str | None:
        """See `Network`. The only name is `localhost`."""
        if by_name and host == "localhost":
            return self.address
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            return None

    def resolve_soon(self, host: str, done: Callable[[str, str | None], None]) -> None:
        """See `Network`."""
        self.loop.call_soon(done, host, self.resolve(host, by_name=True))

    async def connect(
        self, factory: ProtocolFactory, host: str, port: int, *, source: str = "", local: bool = False
    ) -> None:
        """See `Network`. Waits as long as the other host cannot be reached."""
        await self.open(factory, host, port)

    async def open(self, factory: ProtocolFactory, host: str, port: int) -> SimulatedTransport:
        """The same; the transport of the new connection. Raises ConnectionRefusedError."""
        world = self.world
        target = self.address if host in ("127.0.0.1", "localhost") else host
        name = (self.address, world.free_port(self.address))
        retry_s = _SYN_RETRY_S
        while True:
            await asyncio.sleep(world.delay_s(self.address, target, 0))
            is_heard = world.passes(self.address, target) and world.has_power(target)
            listener = world.listeners.get((target, port))
            if is_heard and world.passes(target, self.address):
                await asyncio.sleep(world.delay_s(target, self.address, 0))
                if listener is None or world.listeners.get((target, port)) is not listener:
                    raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
                break
            await asyncio.sleep(retry_s)
            retry_s *= 2
        here, there = connected_pair(world, name, (target, port))
        listener.take(there)
        here.begin(factory())
        return here


def connected_pair(
    world: NetworkWorld, local: Address, remote: Address
) -> tuple[SimulatedTransport, SimulatedTransport]:
    """Both ends of a new connection."""
    forth, back = Pipe(world, local[0], remote[0]), Pipe(world, remote[0], local[0])
    return SimulatedTransport(world, forth, back, local, remote), SimulatedTransport(
        world, back, forth, remote, local
    )
