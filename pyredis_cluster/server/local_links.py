"""Connections between servers of one event loop, without sockets.

The nodes of a cluster have two connections for each pair of them. With a hundred nodes in one process that
would be twenty thousand open files, more than most systems allow, and system calls would be most of the cost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

_WINDOW_BYTES: Final = 2 * 1024 * 1024
"""What a system's buffers take of data that is not read; the rest waits with the sender."""

_HIGH_WATER_BYTES: Final = 64 * 1024
_LOW_WATER_BYTES: Final = 16 * 1024
_FIRST_PORT: Final = 32768
_PORT_COUNT: Final = 28232
_WILDCARDS: Final = ("*", "0.0.0.0", "::", "::*")

Factory = Callable[[], asyncio.Protocol]


class LocalLinks:
    """Who may be connected to in this event loop, and what is on its way there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._places: dict[tuple[str, int], LocalAccepting] = {}
        self._due: deque[LocalTransport] = deque()
        self._is_scheduled = False
        self._connection_count = 0

    def offer(self, address: str, port: int, factory: Factory) -> LocalAccepting:
        """Serve connections to one address of `bind` with protocols from `factory`."""
        return LocalAccepting(self._places, (_plain(address), port), factory)

    def connect(self, factory: Factory, host: str, port: int) -> bool:
        """Connect a protocol from `factory` to who is there; False where nobody of this event loop is."""
        accepting = self._places.get((host, port))
        if accepting is None and (host.startswith("127.") or host == "::1"):
            accepting = self._places.get(("", port))
        if accepting is None:
            return False
        near_name = (host, _FIRST_PORT + self._connection_count % _PORT_COUNT)
        self._connection_count += 1
        near = LocalTransport(self, near_name, (host, port))
        far = LocalTransport(self, (host, port), near_name)
        near.peer, far.peer = far, near
        near.begin(factory())
        accepting.take(far)
        return True

    def wake(self, transport: LocalTransport) -> None:
        """Have `transport` deliver what has come for it, soon."""
        if transport.is_due:
            return
        transport.is_due = True
        self._due.append(transport)
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._is_scheduled = False
        due = self._due
        # What this leads to comes with the next turn, as it would over sockets: others want theirs, too.
        for _ in range(len(due)):
            transport = due.popleft()
            transport.is_due = False
            transport.deliver()


class UnbegunTransport(Protocol):
    """One end of a connection that nobody serves yet."""

    def begin(self, protocol: asyncio.Protocol) -> None:
        """Tell `protocol` from now on."""

    def abort(self) -> None:
        """Close at once."""


class LocalAccepting:
    """Like a listening socket: while it pauses, connections wait to be accepted.

    It is found in `places`, by its `name`, until it is closed.
    """

    def __init__(
        self, places: dict[tuple[str, int], LocalAccepting], name: tuple[str, int], factory: Factory
    ) -> None:
        self.name = name
        self._places = places
        self._factory = factory
        self._is_paused = False
        self._waiting: list[UnbegunTransport] = []
        places[name] = self

    def take(self, transport: UnbegunTransport) -> None:
        """Accept a connection, now or later."""
        if self._is_paused:
            self._waiting.append(transport)
        else:
            transport.begin(self._factory())

    def pause(self) -> None:
        """Leave new connections waiting."""
        self._is_paused = True

    def resume(self) -> None:
        """Accept again."""
        self._is_paused = False
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.begin(self._factory())

    def close(self) -> None:
        """Take no more connections; accepted ones stay, those that wait are closed."""
        if self._places.get(self.name) is self:
            del self._places[self.name]
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.abort()


class LocalTransport(asyncio.Transport):
    """One end of a connection. What one end has written is there before its end is seen, as with TCP."""

    peer: LocalTransport

    def __init__(self, links: LocalLinks, name: tuple[str, int], peer_name: tuple[str, int]) -> None:
        super().__init__({"sockname": name, "peername": peer_name})
        self.is_due = False
        self._links = links
        self._protocol: asyncio.Protocol | None = None
        self._inbox: list[bytes] = []
        self._inbox_bytes = 0
        self._has_peer_ended = False
        self._is_reading = True
        self._is_closing = False
        self._is_told_to_pause = False

    def begin(self, protocol: asyncio.Protocol) -> None:
        """The connection is there for `protocol`."""
        self._protocol = protocol
        protocol.connection_made(self)
        self._wake()

    def _wake(self) -> None:
        if self._inbox or self._has_peer_ended:
            self._links.wake(self)

    def deliver(self) -> None:
        """Hand over what has come, unless nobody wants it now; then the end, if that has come."""
        protocol = self._protocol
        if protocol is None or not self._is_reading or self._is_closing:
            return
        if self._inbox:
            inbox, self._inbox, self._inbox_bytes = self._inbox, [], 0
            try:
                protocol.data_received(inbox[0] if len(inbox) == 1 else b"".join(inbox))
            except Exception as error:
                self._fail(error)
                return
            self.peer._resume_writing()
        if self._has_peer_ended and self._is_reading and not self._is_closing:
            protocol.eof_received()
            self.close()

    def _fail(self, error: Exception) -> None:
        context = {"message": "Failure of a protocol", "exception": error, "transport": self}
        self._links.loop.call_exception_handler(context)
        self.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See asyncio."""
        peer = self.peer
        if self._is_closing or peer._is_closing or not data:
            return
        peer._inbox.append(bytes(data))
        peer._inbox_bytes += len(data)
        peer._wake()
        if self.get_write_buffer_size() > _HIGH_WATER_BYTES and not self._is_told_to_pause:
            self._is_told_to_pause = True
            if self._protocol is not None:
                self._protocol.pause_writing()

    def _resume_writing(self) -> None:
        if self._is_told_to_pause and self.get_write_buffer_size() <= _LOW_WATER_BYTES:
            self._is_told_to_pause = False
            if self._protocol is not None:
                self._protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        """Bytes beyond what a system's buffers would take."""
        return max(self.peer._inbox_bytes - _WINDOW_BYTES, 0)

    def pause_reading(self) -> None:
        """See asyncio."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """See asyncio."""
        self._is_reading = True
        self._wake()

    def is_reading(self) -> bool:
        """See asyncio."""
        return self._is_reading

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._is_closing

    def close(self) -> None:
        """Close; what was written still arrives."""
        if self._is_closing:
            return
        self._is_closing = True
        self.peer._has_peer_ended = True
        self.peer._wake()
        self._links.loop.call_soon(self._tell)

    def abort(self) -> None:
        """Close at once. What was written still arrives, as from a system's buffers."""
        self.close()

    def _tell(self) -> None:
        protocol, self._protocol = self._protocol, None
        self._inbox.clear()
        self._inbox_bytes = 0
        if protocol is not None:
            protocol.connection_lost(None)


def _plain(address: str) -> str:
    return "" if address in _WILDCARDS else address
