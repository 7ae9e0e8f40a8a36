"""Free ports for servers under test: see `pyredis_cluster.testing.ports`; held until they are released."""

from __future__ import annotations

import os

from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET as BUS_OFFSET
from pyredis_cluster.testing.ports import PORTS, PortReservation

__all__ = ["BUS_OFFSET", "RANGE_VARIABLE", "free_port", "free_ports", "release_port"]

RANGE_VARIABLE = "PYREDIS_TEST_PORTS"

_reservations: dict[int, PortReservation] = {}


def _port_range() -> range:
    """The ports to choose from; ``PYREDIS_TEST_PORTS=20300-20999`` narrows them. Raises ValueError."""
    text = os.environ.get(RANGE_VARIABLE)
    if not text:
        return PORTS
    low, high = (int(part) for part in text.split("-"))
    if not 0 < low <= high < PORTS.stop:
        raise ValueError(f"{RANGE_VARIABLE}={text}: expected LOW-HIGH, at most {PORTS.stop - 1}")
    return range(low, high + 1)


def release_port(port: int) -> None:
    """Give a port (and its bus port, if it has one) back for others to take."""
    reservation = _reservations.pop(port, None)
    if reservation is not None:
        reservation.close()


def free_ports(count: int, *, with_bus: bool = False) -> list[int]:
    """``count`` different free ports; with ``with_bus`` each one's port + 10000 is free too.

    Raises RuntimeError when the range has too few free ports.
    """
    ports: list[int] = []
    try:
        for _ in range(count):
            ports.append(free_port(with_bus=with_bus))
    except RuntimeError:
        for port in ports:
            release_port(port)
        raise
    return ports


def free_port(*, with_bus: bool = False) -> int:
    """One free port; see ``free_ports``."""
    reservation = PortReservation(1, with_bus=with_bus, among=_port_range())
    port = reservation.ports[0]
    _reservations[port] = reservation
    return port
