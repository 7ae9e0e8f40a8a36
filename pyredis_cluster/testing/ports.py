"""Free TCP ports for servers of tests, safe between tests, test workers and test runs.

A port that is free when it is looked for can be taken before a server listens on it. So it is also reserved:
a UDP socket bound to the same number is held until the reservation is closed. Servers use TCP only, everyone
who asks this module sees the reservation, and it ends with the process by itself.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket

from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET

# The bus, on port + 10000, has to stay below Linux's ephemeral range, which begins at 32768.
PORTS = range(10300, 22768)
_ADDRESS = "127.0.0.1"


class PortReservation:
    """`count` free ports, each with its bus port (port + 10000) if wanted, until `close`.

    Raises RuntimeError where `among` has too few.
    """

    def __init__(self, count: int, *, with_bus: bool = False, among: range = PORTS) -> None:
        self.ports: list[int] = []
        self._holders = contextlib.ExitStack()
        # Which port is taken has no part in what a test does: no seed is needed.
        start = random.randrange(len(among))
        for at in range(len(among)):
            port = among[(start + at) % len(among)]
            if len(self.ports) == count:
                return
            if self._take(port, with_bus):
                self.ports.append(port)
        if len(self.ports) < count:
            self.close()
            raise RuntimeError(f"fewer than {count} free ports in {among.start}-{among.stop - 1}")

    def close(self) -> None:
        """Give the ports back."""
        self._holders.close()

    def _take(self, port: int, with_bus: bool) -> bool:
        with contextlib.ExitStack() as holders:
            for number in (port, port + BUS_PORT_OFFSET) if with_bus else (port,):
                try:
                    holders.enter_context(_bound(number, socket.SOCK_DGRAM))
                    _bound(number, socket.SOCK_STREAM).close()
                except OSError:
                    return False
            self._holders.push(holders.pop_all())
        return True


def _bound(port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket bound to a port. Raises OSError."""
    bound = socket.socket(socket.AF_INET, kind)
    try:
        # Connections in TIME_WAIT do not keep a server from listening.
        if os.name == "posix" and kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_ADDRESS, port))
    except OSError:
        bound.close()
        raise
    return bound
