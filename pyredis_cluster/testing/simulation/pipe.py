"""One direction of a connection in memory, and the transport at each end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pyredis_cluster.testing.simulation.network import Address, NetworkWorld

_WINDOW_BYTES = 256 * 1024
"""What the network and the receiver's buffer take; the rest waits with the sender, which is told to pause."""

Data = bytes | bytearray | memoryview


class Pipe:
    """Bytes on their way from one host to another one, in order.

    `b""` in the queue is the end of the stream.
    """

    def __init__(self, world: NetworkWorld, source: str, target: str) -> None:
        self._world = world
        self.source = source
        self.target = target
        self.sender: SimulatedTransport | None = None
        self.receiver: SimulatedTransport | None = None
        self._queue: deque[tuple[float, bytes]] = deque()
        self._last_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.bytes = 0
        world.pipes[self] = None

    @property
    def is_ending(self) -> bool:
        """Whether the end of the stream is on its way."""
        return bool(self._queue) and not self._queue[-1][1]

    def send(self, data: bytes) -> None:
        """Put bytes, or the end, on their way."""
        world = self._world
        due_s = world.loop.time() + world.delay_s(self.source, self.target, len(data))
        self._last_s = max(self._last_s, due_s)
        self._queue.append((self._last_s, data))
        self.bytes += len(data)
        self._schedule()

    def go_on(self) -> None:
        """Deliver what had to wait, now that it may pass, or that the receiver reads."""
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._queue:
            self._timer = self._world.loop.call_at(
                max(self._queue[0][0], self._world.loop.time()), self._deliver
            )

    def _deliver(self) -> None:
        self._timer = None
        world, receiver = self._world, self.receiver
        if not world.passes(self.source, self.target) or not world.has_power(self.target):
            return
        if receiver is None:
            self.reset_sender()
            return
        if not receiver.takes:
            return
        now_s = world.loop.time()
        pieces: list[bytes] = []
        ended = False
        while self._queue and self._queue[0][0] <= now_s and not ended:
            data = self._queue.popleft()[1]
            ended = not data
            pieces.append(data)
        joined = b"".join(pieces)
        self.bytes -= len(joined)
        if joined:
            receiver.received(joined)
        if ended and self.receiver is receiver:
            receiver.ended()
        if self.sender is not None:
            self.sender.sent()
        elif not self._queue:
            self.drop()
        self._schedule()

    def reset_sender(self) -> None:
        """Nobody takes the bytes any more: the sender learns it, if it can be reached."""
        sender = self.sender
        self.drop()
        if sender is not None and self._world.passes(self.target, self.source):
            delay_s = self._world.delay_s(self.target, self.source, 0)
            self._world.loop.call_later(
                delay_s, sender.lose, ConnectionResetError(104, "Connection reset by peer")
            )

    def drop(self) -> None:
        """Forget what is on its way; nothing will be delivered any more."""
        self._queue.clear()
        self.bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._world.pipes.pop(self, None)


class SimulatedTransport(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, world: NetworkWorld, out: Pipe, into: Pipe, local: Address, remote: Address) -> None:
        super().__init__({"sockname": local, "peername": remote})
        self._world = world
        self._out = out
        self._in = into
        out.sender = self
        into.receiver = self
        self._protocol: asyncio.Protocol | None = None
        self._is_reading = True
        self._is_closing = False
        self._is_lost = False
        self._is_paused = False
        self.socket: object = None
        """What `get_extra_info` tells for `socket`: there is none, but a program may want one."""
        self._most_buffered = 0
        """So many bytes beyond what the network takes are held back before the protocol is told to pause."""

    def begin(self, protocol: asyncio.Protocol) -> None:
        """The connection is there for `protocol`."""
        if self._is_lost:
            return
        self._protocol = protocol
        protocol.connection_made(self)
        self._in.go_on()

    @property
    def takes(self) -> bool:
        """Whether what comes can be delivered."""
        return self._protocol is not None and self._is_reading and not self._is_lost

    def received(self, data: bytes) -> None:
        """Bytes came."""
        if self._protocol is not None and not self._is_closing:
            self._protocol.data_received(data)

    def ended(self) -> None:
        """The other side sends nothing more."""
        if self._protocol is not None and not self._is_closing and not self._protocol.eof_received():
            self.close()

    def sent(self) -> None:
        """Some of what was written has been taken."""
        if self._is_paused and self._out.bytes <= _WINDOW_BYTES // 2 and self._protocol is not None:
            self._is_paused = False
            self._protocol.resume_writing()

    def write(self, data: Data) -> None:
        """See asyncio."""
        if self._is_closing or self._is_lost or not data:
            return
        self._out.send(bytes(data))
        is_full = self._out.bytes > _WINDOW_BYTES + self._most_buffered
        if is_full and not self._is_paused and self._protocol is not None:
            self._is_paused = True
            self._protocol.pause_writing()

    def pause_reading(self) -> None:
        """See asyncio."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """See asyncio."""
        if not self._is_reading:
            self._is_reading = True
            self._in.go_on()

    def is_reading(self) -> bool:
        """See asyncio."""
        return self._is_reading

    def get_write_buffer_size(self) -> int:
        """Bytes beyond what the network takes."""
        return max(self._out.bytes - _WINDOW_BYTES, 0)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio, but for `low`: half of what the network takes has to be free to go on."""
        self._most_buffered = 0 if high is None else high

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._is_closing

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See asyncio."""
        return cast(asyncio.BaseProtocol, self._protocol)

    def close(self) -> None:
        """Send what was written, then the end. What comes from now on is answered with a reset."""
        if not self._is_closing:
            self._is_closing = True
            self._out.send(b"")
            self._world.loop.call_soon(self._finish, None)

    def abort(self) -> None:
        """Close at once. What was written still arrives, as from a system's buffers."""
        self._is_closing = True
        self.vanish(silently=False)

    def vanish(self, *, silently: bool) -> None:
        """This end is no more: the other one sees the end of the stream, or nothing at all.

        The protocol is told only where it is not the whole process that ended, that is by `abort`.
        """
        if self._is_lost:
            return
        told = self._is_closing
        self._is_closing = True
        self._detach()
        if silently:
            self._out.drop()
        else:
            # As a system closes the sockets of a process: what was written still arrives.
            self._out.send(b"")
        if told:
            self._world.loop.call_soon(self._tell, None)

    def lose(self, error: Exception | None) -> None:
        """The connection is broken."""
        if not self._is_lost:
            self._out.drop()
            self._is_closing = True
            self._finish(error)

    def _finish(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._detach()
            self._tell(error)

    def _detach(self) -> None:
        self._is_lost = True
        self._in.receiver = None
        self._out.sender = None
        if not self._out.bytes and not self._out.is_ending:
            self._out.drop()

    def _tell(self, error: Exception | None) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(error)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio."""
        if name == "socket" and self.socket is not None:
            return self.socket
        return super().get_extra_info(name, default)
