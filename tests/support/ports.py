"""Free TCP ports for servers under test, safe between test workers and between test runs.

A port found free by binding it can be taken by another process before the server starts. So each port
handed out is also *reserved*: a UDP socket bound to the same number is held for the life of this process.
Servers under test use TCP only, every process that asks this module sees the reservation, and it ends with
the process by itself.
"""

from __future__ import annotations

import os
import random
import socket

# The cluster bus listens on port + 10000, which must stay below Linux's ephemeral range (32768).
LOWEST_PORT = 10300
HIGHEST_PORT = 22767
BUS_OFFSET = 10000
RANGE_VARIABLE = "PYREDIS_TEST_PORTS"

_reservations: dict[int, socket.socket] = {}


def _port_range() -> range:
    """The ports to choose from; ``PYREDIS_TEST_PORTS=20300-20999`` narrows them. Raises ValueError."""
    text = os.environ.get(RANGE_VARIABLE)
    if not text:
        return range(LOWEST_PORT, HIGHEST_PORT + 1)
    low, high = (int(part) for part in text.split("-"))
    if not 0 < low <= high <= HIGHEST_PORT:
        raise ValueError(f"{RANGE_VARIABLE}={text}: expected LOW-HIGH, at most {HIGHEST_PORT}")
    return range(low, high + 1)


def _tcp_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections in TIME_WAIT do not keep a server from listening, so they must not keep us either.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserve(port: int) -> bool:
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        holder.close()
        return False
    _reservations[port] = holder
    return True


def release_port(port: int) -> None:
    """Give a port (and its bus port, if it has one) back for others to take."""
    for number in (port, port + BUS_OFFSET):
        holder = _reservations.pop(number, None)
        if holder is not None:
            holder.close()


def _take(port: int, with_bus: bool) -> bool:
    wanted = (port, port + BUS_OFFSET) if with_bus else (port,)
    for number in wanted:
        if number in _reservations or not _tcp_is_free(number) or not _reserve(number):
            release_port(port)
            return False
    return True


def free_ports(count: int, *, with_bus: bool = False) -> list[int]:
    """``count`` different free ports; with ``with_bus`` each one's port + 10000 is free too.

    Raises RuntimeError when the range has too few free ports.
    """
    candidates = list(_port_range())
    random.shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            break
        if _take(port, with_bus):
            found.append(port)
    if len(found) < count:
        for port in found:
            release_port(port)
        raise RuntimeError(f"fewer than {count} free ports in {_port_range()}")
    return found


def free_port(*, with_bus: bool = False) -> int:
    """One free port; see ``free_ports``."""
    return free_ports(1, with_bus=with_bus)[0]
