"""One connection with trouble: what passes is late, slow, held back or cut off.

Bytes are never lost or reordered, as TCP sees to that: a network that loses packets is one that is late.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from pyredis_cluster.execution.wire_trouble import WireTrouble
    from pyredis_cluster.ports import Random

_HIGH_WATER_BYTES: Final = 1 << 16
_MOST_UNREAD_BYTES: Final = 1 << 20


class _Lane:
    """What passes in one direction, in order."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, random: Random, deliver: Callable[[Any], None]
    ) -> None:
        self._loop = loop
        self._random = random
        self._deliver = deliver
        self._queue: deque[tuple[float, Any]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last_due_s = 0.0
        self._free_s = 0.0
        self.waiting_bytes = 0
        self.is_blocked = False
        self.latency_ms = self.jitter_ms = self.bytes_per_s = 0.0
        self.held_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._queue

    def set(self, troubles: list[WireTrouble], *, is_blocked: bool) -> None:
        """Have other troubles; what waits for one that is over passes now."""
        self.is_blocked = is_blocked
        self.latency_ms = sum(trouble.latency_ms for trouble in troubles)
        self.jitter_ms = sum(trouble.jitter_ms for trouble in troubles)
        limits = [trouble.bytes_per_s for trouble in troubles if trouble.bytes_per_s]
        self.bytes_per_s = min(limits, default=0.0)
        self.held_bytes = max((trouble.held_bytes for trouble in troubles), default=0)
        if not troubles:
            self._queue = deque((0.0, item) for _, item in self._queue)
            self._last_due_s = 0.0
        self._pass_on()

    def put(self, item: Any) -> None:
        """Pass bytes, or an event, on when it is time."""
        size = len(item) if isinstance(item, bytes) else 0
        now_s = self._loop.time()
        due_s = now_s
        if self.latency_ms or self.jitter_ms:
            due_s += (self.latency_ms + self.jitter_ms * self._random.random()) / 1000
        if self.bytes_per_s:
            self._free_s = max(self._free_s, now_s) + size / self.bytes_per_s
            due_s = max(due_s, self._free_s)
        self._last_due_s = due_s = max(due_s, self._last_due_s)
        self.waiting_bytes += size
        self._queue.append((due_s, item))
        self._pass_on()

    def _pass_on(self) -> None:
        """Deliver what is due, and come back for what is not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and not self.is_blocked:
            due_s, item = self._queue[0]
            if due_s > self._loop.time():
                self._timer = self._loop.call_at(due_s, self._pass_on)
                return
            if isinstance(item, bytes):
                free_bytes = self.waiting_bytes - self.held_bytes
                if free_bytes <= 0:
                    return
                if free_bytes < len(item):
                    self._queue[0] = (due_s, item[free_bytes:])
                    item = item[:free_bytes]
                else:
                    self._queue.popleft()
                self.waiting_bytes -= len(item)
            else:
                self._queue.popleft()
            self._deliver(item)

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()
        self.waiting_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _End:
    """The peer has sent all it will."""


class _Lost:
    """The connection is gone."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


class Tap(asyncio.Transport, asyncio.Protocol):
    """The protocol of a transport, and the transport of a protocol."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.Protocol,
        random: Random,
        peer: tuple[str, int] | None,
        lost: Callable[[Tap], None],
    ) -> None:
        super().__init__()
        self._lost = lost
        self.peer = peer
        self._protocol = protocol
        self._random = random
        self._real: asyncio.Transport | None = None
        self._troubles: list[WireTrouble] = []
        self._in = _Lane(loop, random, self._hand_in)
        self._out = _Lane(loop, random, self._hand_out)
        self._is_closing = False
        self._is_lost = False
        self._is_told = False
        self._is_paused = False
        self._is_read = True

    def update(self, troubles: list[WireTrouble]) -> None:
        """Have these troubles from now on."""
        self._troubles = troubles
        inward = [trouble for trouble in troubles if trouble.only != "out"]
        outward = [trouble for trouble in troubles if trouble.only != "in"]
        self._in.set(inward, is_blocked=any(trouble.blocks_in for trouble in troubles))
        self._out.set(outward, is_blocked=any(trouble.blocks_out for trouble in troubles))
        self._update_reading()

    def _drops(self) -> bool:
        """Whether a trouble closes the connection now."""
        for trouble in self._troubles:
            if trouble.drop_probability and self._random.random() < trouble.drop_probability:
                self.abort()
                return True
        return False

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        self._real = cast(asyncio.Transport, transport)
        self._protocol.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        if not self._troubles and self._in.is_empty:
            self._protocol.data_received(data)
        elif not self._drops():
            self._in.put(data)
            self._update_reading()

    def eof_received(self) -> None:
        """asyncio: the peer has sent all it will."""
        self._in.put(_End())

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._is_lost = True
        self._out.clear()
        if self._is_closing:
            self._in.clear()
            self._tell_lost(exc)
        else:
            # Of a peer that is gone nobody hears before what it has sent, or while nothing passes.
            self._in.put(_Lost(exc))

    def pause_writing(self) -> None:
        """asyncio: the transport is full."""
        self._pause(True)

    def resume_writing(self) -> None:
        """asyncio: the transport takes more."""
        self._pause(self._out.waiting_bytes > _HIGH_WATER_BYTES)

    def _tell_lost(self, error: Exception | None) -> None:
        if not self._is_told:
            self._is_told = True
            self._lost(self)
            self._protocol.connection_lost(error)

    def _hand_in(self, item: Any) -> None:
        if isinstance(item, bytes):
            self._protocol.data_received(item)
            self._update_reading()
        elif isinstance(item, _Lost):
            self._tell_lost(item.error)
        elif not self._is_closing:
            self._protocol.eof_received()

    def _hand_out(self, item: Any) -> None:
        if self._real is None or self._is_lost:
            return
        if isinstance(item, bytes):
            self._real.write(item)
            if self._out.waiting_bytes <= _HIGH_WATER_BYTES:
                self._pause(False)
        else:
            self._real.close()

    def _pause(self, on: bool) -> None:
        if on != self._is_paused:
            self._is_paused = on
            if on:
                self._protocol.pause_writing()
            else:
                self._protocol.resume_writing()

    def _update_reading(self) -> None:
        real = self._real
        if real is None or self._is_closing or self._is_lost:
            return
        if self._is_read and self._in.waiting_bytes <= _MOST_UNREAD_BYTES:
            real.resume_reading()
        else:
            real.pause_reading()

    # What the protocol asks for

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `asyncio.Transport`."""
        if self._is_closing or self._real is None:
            return
        if not self._troubles and self._out.is_empty:
            self._real.write(data)
        elif not self._drops():
            self._out.put(bytes(data))
            if self._out.waiting_bytes > _HIGH_WATER_BYTES:
                self._pause(True)

    def get_write_buffer_size(self) -> int:
        """See `asyncio.Transport`."""
        return self._out.waiting_bytes + (self._real.get_write_buffer_size() if self._real is not None else 0)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See `asyncio.Transport`."""
        if self._real is not None:
            self._real.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        """See `asyncio.Transport`."""
        self._is_read = False
        self._update_reading()

    def resume_reading(self) -> None:
        """See `asyncio.Transport`."""
        self._is_read = True
        self._update_reading()

    def is_reading(self) -> bool:
        """See `asyncio.Transport`."""
        return self._is_read and not self._is_closing

    def hold(self, on: bool) -> None:
        """See `EpollTransport`."""
        hold = getattr(self._real, "hold", None)
        if hold is not None:
            hold(on)

    def is_closing(self) -> bool:
        """See `asyncio.Transport`."""
        return self._is_closing or self._is_lost or (self._real is not None and self._real.is_closing())

    def close(self) -> None:
        """See `asyncio.Transport`."""
        if not self._is_closing:
            self._is_closing = True
            self._out.put(_End())

    def abort(self) -> None:
        """See `asyncio.Transport`."""
        self._is_closing = True
        self._in.clear()
        self._out.clear()
        if self._is_lost:
            self._tell_lost(None)
        elif self._real is not None:
            self._real.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.Transport`."""
        return self._real.get_extra_info(name, default) if self._real is not None else default

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See `asyncio.Transport`."""
        return self._protocol
