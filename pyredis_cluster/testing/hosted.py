"""What all servers of tests have in common: they live for as long as a block, on free ports."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.neighbourhood import Neighbourhood
from pyredis_cluster.testing.clock import Clock
from pyredis_cluster.testing.events import Event
from pyredis_cluster.testing.loop_thread import running_loop
from pyredis_cluster.testing.node import Node, Surroundings
from pyredis_cluster.testing.ports import PortReservation
from pyredis_cluster.testing.simulation.program_loop import ProgramLoop

_NodeT = TypeVar("_NodeT", bound=Node)

_STARTS_TRIED = 5


class Hosted(ABC, Generic[_NodeT]):
    """Servers that are started and ended together.

    `ports` are theirs, `count` free ones unless given; `with_bus`: such as leave room for the cluster bus.
    What chance decides inside them comes from `seed`.
    """

    def __init__(
        self, count: int, *, ports: Sequence[int] | None, seed: int | None, with_bus: bool = False
    ) -> None:
        if ports is not None and len(ports) != count:
            raise ValueError(f"{count} ports are needed, one a server, not {len(ports)}")
        self._count = count
        self._ports = ports
        self._with_bus = with_bus
        self._seed = seed
        self._reservations: list[PortReservation] = []
        self._surroundings: Surroundings | None = None
        self.nodes: list[_NodeT] = []
        """All servers, in the order in which they were made."""

    @abstractmethod
    async def _make(self, surroundings: Surroundings, ports: Sequence[int]) -> None:
        """Put servers on these ports into `nodes` and start them. Raises StartError."""

    async def start(self) -> None:
        """Start all servers and wait until they are ready. Raises StartError, which says why."""
        tries = _STARTS_TRIED if self._ports is None else 1
        while True:
            self._surroundings = Surroundings(running_loop(), seed=self._seed)
            self._surroundings.neighbours = Neighbourhood(lambda: self.nodes, self._surroundings.time)
            tries -= 1
            try:
                await self._make(self._surroundings, self._ports or self._free_ports(self._count))
            except StartError as error:
                reasons = [line for node in self.nodes for line in node.log if " # " in line]
                self._end()
                # A free port may be taken by somebody before it is listened on.
                if not tries:
                    raise StartError("\n".join(reasons)) from error
            except BaseException:
                self._end()
                raise
            else:
                return

    async def stop(self) -> None:
        """End all servers; nothing is saved."""
        self._end()
        # What sockets and tasks do as they end is theirs to do before the test goes on.
        await asyncio.sleep(0)

    def heal(self) -> None:
        """End all faults of all nodes, and all pauses."""
        for node in self.nodes:
            if node.is_up:
                node.faults.heal()
                node.resume()

    @property
    def surroundings(self) -> Surroundings:
        """What the servers share. Raises RuntimeError where they are not started."""
        if self._surroundings is None:
            raise RuntimeError("the servers are not started")
        return self._surroundings

    @property
    def clock(self) -> Clock:
        """The time that the servers go by. Raises RuntimeError where they are not started."""
        return self.surroundings.time

    @property
    def events(self) -> list[Event]:
        """What happened lately on all of them, in order: failures, votes, roles, slots, errors of clients."""
        return list(self.surroundings.timeline.events)

    @property
    def story(self) -> str:
        """The events as text, a line each."""
        return str(self.surroundings.timeline)

    @property
    def log(self) -> str:
        """What the servers' logs told of late, a line each with the port before it."""
        return "\n".join(self.surroundings.log)

    def _free_ports(self, count: int) -> list[int]:
        loop = self.surroundings.loop
        if isinstance(loop, ProgramLoop):
            return loop.free_ports(count)
        self._reservations.append(PortReservation(count, with_bus=self._with_bus))
        return self._reservations[-1].ports

    def _end(self) -> None:
        for node in self.nodes:
            node.stop(save=False)
        self.nodes = []
        for reservation in self._reservations:
            reservation.close()
        self._reservations.clear()
        if self._surroundings is not None:
            self._surroundings.close()
            self._surroundings = None
