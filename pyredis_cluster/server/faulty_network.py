"""A network of one server that delays, holds back, slows and cuts what passes, as faults have it.

Each connection has a `Tap` between its transport and its protocol, which passes everything on at once while
no fault concerns the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET
from pyredis_cluster.execution.wire_trouble import WireTrouble
from pyredis_cluster.server.network import Accepting, Network, ProtocolFactory
from pyredis_cluster.server.tap import Tap

if TYPE_CHECKING:
    import socket

    from pyredis_cluster.ports import Random


@dataclass(slots=True, eq=False)
class WireFault:
    """A trouble of the connections of one server's `network`."""

    network: FaultyNetwork
    trouble: WireTrouble

    def begin(self) -> None:
        """See `Fault`."""
        self.network.begin(self)

    def end(self) -> None:
        """See `Fault`."""
        self.network.end(self)

    def describe(self) -> dict[bytes, bytes | int | float]:
        """See `Fault`."""
        return self.trouble.describe()

    def concerns(self, wire: str, peer: tuple[str, int] | None) -> bool:
        """Whether connections of that wire, to that address, are meant; `peer` is None for accepted ones."""
        trouble = self.trouble
        if trouble.wires and wire not in trouble.wires:
            return False
        if trouble.peer is None:
            return True
        host, port = trouble.peer
        return peer is not None and peer[0] == host and peer[1] in (port, port + BUS_PORT_OFFSET)


class FaultyNetwork(Network):
    """The network of one server, on top of the one that it shares with others."""

    def __init__(self, shared: Network, random: Random, *, wire: str = "") -> None:
        # Not that of the base class, which would make a poller.
        self.loop = shared.loop
        self._shared = shared
        self._random = random
        self._wire = wire
        self._wires: dict[str, FaultyNetwork] = {}
        self._taps: dict[Tap, None] = {}
        self._faults: list[WireFault] = []
        self._changed = asyncio.Event()

    def on(self, wire: str) -> Network:
        """See `Network`."""
        if wire not in self._wires:
            self._wires[wire] = FaultyNetwork(self._shared, self._random, wire=wire)
            self._wires[wire]._faults = self._faults
        return self._wires[wire]

    def begin(self, fault: WireFault) -> None:
        """Let a fault be active."""
        self._faults.append(fault)
        self._update()

    def end(self, fault: WireFault) -> None:
        """End a fault."""
        self._faults.remove(fault)
        self._update()

    def drop(self, wire: str) -> int:
        """Close all connections of a wire; how many there were."""
        taps = list(self._wires[wire]._taps) if wire in self._wires else []
        for tap in taps:
            tap.abort()
        return len(taps)

    def release(self) -> None:
        """Close all connections, and hold nothing back any more: the server has ended."""
        self._faults.clear()
        for each in (self, *self._wires.values()):
            for tap in list(each._taps):
                tap.abort()
        self._update()

    def _update(self) -> None:
        for each in (self, *self._wires.values()):
            each._changed.set()
            each._changed = asyncio.Event()
            for tap in list(each._taps):
                tap.update(each.troubles_of(tap.peer))

    def troubles_of(self, peer: tuple[str, int] | None) -> list[WireTrouble]:
        """What is wrong with connections of this wire to that address (None: with accepted ones)."""
        return [fault.trouble for fault in self._faults if fault.concerns(self._wire, peer)]

    def _tapped(self, factory: ProtocolFactory, peer: tuple[str, int] | None) -> ProtocolFactory:
        def make() -> asyncio.Protocol:
            tap = Tap(self.loop, factory(), self._random, peer, self._forget)
            tap.update(self.troubles_of(peer))
            self._taps[tap] = None
            return tap

        return make

    def _forget(self, tap: Tap) -> None:
        self._taps.pop(tap, None)

    def accept(
        self, listener: socket.socket, factory: ProtocolFactory, failed: Callable[[OSError], None]
    ) -> Accepting:
        """See `Network`."""
        return self._shared.accept(listener, self._tapped(factory, None), failed)

    def listen(
        self,
        address: str,
        port: int,
        backlog: int,
        factory: ProtocolFactory,
        failed: Callable[[OSError], None],
        *,
        local: bool = False,
    ) -> Accepting:
        """See `Network`."""
        return self._shared.listen(address, port, backlog, self._tapped(factory, None), failed, local=local)

    async def connect(
        self, factory: ProtocolFactory, host: str, port: int, *, source: str = "", local: bool = False
    ) -> None:
        """See `Network`. A connection that a fault blocks is not made before the fault is over."""
        peer = (host, port)
        while any(trouble.blocks_in or trouble.blocks_out for trouble in self.troubles_of(peer)):
            await self._changed.wait()
        await self._shared.connect(self._tapped(factory, peer), host, port, source=source, local=local)

    def resolve(self, host: str, *, by_name: bool) -> str | None:
        """See `Network`."""
        return self._shared.resolve(host, by_name=by_name)

    def resolve_soon(self, host: str, done: Callable[[str, str | None], None]) -> None:
        """See `Network`."""
        self._shared.resolve_soon(host, done)

    def before_send(self, call: Callable[[], None]) -> None:
        """See `Network`."""
        self._shared.before_send(call)

    @property
    def api(self) -> str:
        """See `Network`."""
        return self._shared.api

    def close(self) -> None:
        """See `Network`. The shared one is for its owner to close."""
