r"""A full synchronisation from a file: `$<length>\r\n` and the file, as fast as the replica takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyredis_cluster.server.replica_output import ReplicaOutput

_PIECE_BYTES: Final = 128 * 1024
"""More than a transport may hold back until the end of a round: whoever sends has to learn at once that the
connection is full."""


class BulkTransfer:
    """What one replica has yet to be sent of a file."""

    def __init__(self, output: ReplicaOutput, data: bytes | memoryview) -> None:
        """`data` is the file, which stays as it is whatever becomes of its name."""
        self._output = output
        self._data = memoryview(data)
        self._sent = 0
        output.send(b"$%d\r\n" % len(data))

    def go_on(self) -> bool:
        """Send more until the connection is full; whether all was sent."""
        data, output = self._data, self._output
        while self._sent < len(data) and output.is_ready:
            piece = bytes(data[self._sent : self._sent + _PIECE_BYTES])
            self._sent += len(piece)
            output.send(piece)
        return self._sent == len(data)
