"""The socket of a link that a server makes itself: to its primary, or, as a sentinel, to an instance."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol, cast

from pyredis_cluster.server.freeze import Freezer
from pyredis_cluster.server.network import address_of, set_reading


class Owner(Protocol):
    """Who is told what happens to a connection."""

    def connected(self, connection: PrimaryConnection) -> None:
        """It is there."""

    def received(self, connection: PrimaryConnection, data: bytes) -> None:
        """Bytes came."""

    def lost(self, connection: PrimaryConnection, error: Exception | None) -> None:
        """It has ended, in order where there is no error."""


class PrimaryConnection(asyncio.Protocol):
    """One connection. While the server is frozen nothing is read, and nothing that happens is told."""

    def __init__(self, owner: Owner, freezer: Freezer) -> None:
        self._owner = owner
        self._freezer = freezer
        self._transport: asyncio.Transport | None = None
        self._is_held = False
        self._is_abandoned = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        if self._is_abandoned:
            self._transport.abort()
            return
        self.update_reading()
        self._tell(self._connected)

    def _connected(self) -> None:
        # Nobody else can have it read again who froze before the owner knew of it.
        self.update_reading()
        self._owner.connected(self)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if not self._is_abandoned:
            self._owner.received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._transport = None
        self._tell(lambda: self._owner.lost(self, exc))

    def _tell(self, tell: Callable[[], None]) -> None:
        def tell_if_wanted() -> None:
            if not self._is_abandoned:
                tell()

        if self._freezer.is_frozen:
            self._freezer.postpone(tell_if_wanted)
        else:
            tell_if_wanted()

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(data)

    def unsent_bytes(self) -> int:
        """Bytes that the network has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def address(self, name: str) -> tuple[str, int]:
        """`peername` or `sockname`; an empty host where that is not known."""
        return address_of(self._transport, name)

    def descriptor(self) -> int:
        """The number of the socket, -1 where it has none."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        return sock.fileno() if sock is not None else -1

    def hold(self, on: bool) -> None:
        """Read nothing, or go on."""
        self._is_held = on
        self.update_reading()

    def update_reading(self) -> None:
        """Read, or not, as the states of link and server say."""
        set_reading(self._transport, not self._is_held and not self._freezer.is_frozen)

    def abandon(self) -> None:
        """Close at once; nothing is told any more."""
        self._is_abandoned = True
        if self._transport is not None:
            self._transport.abort()


def reason_of(error: Exception) -> str:
    """What the system says of a connection's failure, in its own words."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)
