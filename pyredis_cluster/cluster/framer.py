"""Bytes of a bus link, in any chunks, to whole messages, with a bound on what is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.messages import BusProtocolError, Message, decode
from pyredis_cluster.cluster.wire import HEADER_BYTES, MessageType

_PREFIX_BYTES: Final = 80  # up to the end of the sender's id
_MAX_UNKNOWN_SENDER_BYTES: Final = 1 << 20
_MAX_UNKNOWN_TYPE_BYTES: Final = 1 << 20
_MAX_GOSSIP_BYTES: Final = 1 << 24
_MAX_PAYLOAD_BYTES: Final = 1 << 30

_EXACT_BYTES: Final = {
    MessageType.FAIL: HEADER_BYTES + wire.NODE_ID_BYTES,
    MessageType.UPDATE: HEADER_BYTES + wire.UPDATE.size,
    MessageType.FAILOVER_AUTH_REQUEST: HEADER_BYTES,
    MessageType.FAILOVER_AUTH_ACK: HEADER_BYTES,
    MessageType.MFSTART: HEADER_BYTES,
}


class Framer:
    """Cuts one link's stream into messages.

    Held at most: one message. How long that may be depends on its type, and is 1 MiB for a sender that
    `is_known` (given the 40 bytes of its id) does not vouch for: a stranger cannot make a node grow.
    """

    def __init__(self, is_known: Callable[[str], bool] = lambda node_id: True) -> None:
        self._buffer = bytearray()
        self._is_known = is_known
        self._size = 0  # of the message being received, 0 while unknown

    @property
    def buffered_bytes(self) -> int:
        """Bytes held of a message that has not come whole."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take `data` and yield each message it completes, in order.

        Exhaust the iterator before feeding again. Raises BusProtocolError, after having yielded what came
        before, at the first byte sequence that is no message; the link is of no use afterwards.
        """
        buffer = self._buffer
        buffer += data
        while True:
            if not self._size and not self._find_size():
                return
            size = self._size
            if len(buffer) < size:
                return
            packet = bytes(memoryview(buffer)[:size])
            del buffer[:size]
            self._size = 0
            yield decode(packet)

    def _find_size(self) -> bool:
        """Learn the size of the message that begins the buffer; False while too little is there."""
        buffer = self._buffer
        if not wire.SIGNATURE.startswith(buffer[:4]):
            raise BusProtocolError("bad message length or signature")
        if len(buffer) < 8:
            return False
        size = int.from_bytes(buffer[4:8], "big")
        if size < HEADER_BYTES:
            raise BusProtocolError("bad message length or signature")
        if len(buffer) < _PREFIX_BYTES:
            return False
        type_ = int.from_bytes(buffer[12:14], "big")
        exact = _EXACT_BYTES.get(type_)  # type: ignore[call-overload]
        if exact is not None and size != exact:
            raise BusProtocolError(f"message of type {type_} with {size} bytes where {exact} are due")
        if size > self._limit(type_, buffer):
            raise BusProtocolError(f"message of type {type_} with {size} bytes is too long")
        self._size = size
        return True

    def _limit(self, type_: int, buffer: bytearray) -> int:
        if not self._is_known(buffer[40:80].decode("latin-1")):
            return _MAX_UNKNOWN_SENDER_BYTES
        if type_ in wire.GOSSIPING:
            return _MAX_GOSSIP_BYTES
        if type_ in wire.PUBLISHING or type_ == MessageType.MODULE:
            return _MAX_PAYLOAD_BYTES
        return _MAX_UNKNOWN_TYPE_BYTES
