"""The latest part of a replication stream, from which replicas are sent what they have not had yet.

Bytes of a stream are numbered from 1, as PSYNC counts them: a replica that has `n` bytes asks for number
`n + 1`. The backlog holds those from `first_offset` to `end_offset`.

Every replica reads from the same chunks: one that is behind costs no copy of what it has yet to get. What the
slowest has not had is kept beyond the size (`keep_from`).

Source: the replication buffer of Redis 7.2 (`feedReplicationBuffer`, `incrementalTrimReplicationBacklog`).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

_CHUNK_BYTES: Final = 16384
"""What is appended in smaller pieces is joined to chunks of about this size: an object costs as much memory
as a short command."""

_CHUNKS: Final = 16
"""Into so many chunks at least a full backlog is divided."""

_COMPACT_CHUNKS: Final = 1024


class Backlog:
    """Bytes `first_offset` … `end_offset` of a stream.

    `append` is O(1), amortised; `since` is O(what it returns), but for finding where to begin: O(log chunks).
    """

    __slots__ = ("_chunks", "_dropped", "_kept_from", "_starts", "_tail", "_tail_bytes", "end_offset", "size")

    def __init__(self, size: int, start_offset: int) -> None:
        """Empty, of at least `size` bytes; `start_offset` bytes of the stream were before it."""
        self.size = size
        self.end_offset = start_offset
        self._chunks: list[bytes] = []
        self._starts: list[int] = []
        """Numbers of the first bytes of `_chunks`."""
        self._dropped = 0
        """Chunks at the head of the lists that are gone."""
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._kept_from: int | None = None

    @property
    def first_offset(self) -> int:
        """Number of the first byte that is held, or of the next one to come."""
        if self._dropped < len(self._starts):
            return self._starts[self._dropped]
        return self.end_offset - self._tail_bytes + 1

    @property
    def length(self) -> int:
        """How many bytes are held."""
        return self.end_offset - self.first_offset + 1

    def append(self, data: bytes) -> None:
        """The stream goes on with `data`."""
        limit = max(self.size // _CHUNKS, _CHUNK_BYTES)
        if len(data) > limit:
            # As one chunk it would stay whole as long as any of it is wanted.
            for start in range(0, len(data), limit):
                self._append(data[start : start + limit])
        else:
            self._append(data)

    def _append(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_bytes += len(data)
        self.end_offset += len(data)
        if self._tail_bytes >= _CHUNK_BYTES:
            self._seal()
            self._trim()

    def _seal(self) -> None:
        """Make one chunk of the pieces at the end."""
        self._starts.append(self.end_offset - self._tail_bytes + 1)
        self._chunks.append(self._tail[0] if len(self._tail) == 1 else b"".join(self._tail))
        self._tail.clear()
        self._tail_bytes = 0

    def _trim(self) -> None:
        """Drop whole chunks, as far as `size` bytes remain and no replica has yet to get what is lost."""
        limit = self.end_offset - self.size + 1
        if self._kept_from is not None and self._kept_from < limit:
            limit = self._kept_from
        starts, dropped = self._starts, self._dropped
        last = len(starts) - 1
        while dropped < last and starts[dropped + 1] <= limit:
            self._chunks[dropped] = b""
            dropped += 1
        if dropped > _COMPACT_CHUNKS and dropped * 2 > len(starts):
            del starts[:dropped], self._chunks[:dropped]
            dropped = 0
        self._dropped = dropped

    def keep_from(self, offset: int | None) -> None:
        """Keep byte number `offset` and all after it, whatever the size; None: as the size says."""
        before, self._kept_from = self._kept_from, offset
        if before is not None and (offset is None or offset > before):
            # The slowest replica has gone, or has caught up.
            self._trim()

    def resize(self, size: int) -> None:
        """Hold at least `size` bytes from now on."""
        self.size = size
        self._trim()

    def since(self, offset: int, limit_bytes: int | None = None) -> list[bytes] | None:
        """The stream from byte number `offset` on, as PSYNC asks for it; None if that is not held.

        With `limit_bytes`, about that much of it: at least one piece.
        """
        if offset < self.first_offset or offset > self.end_offset + 1:
            return None
        pieces: list[bytes] = []
        size = 0
        place = bisect_right(self._starts, offset, self._dropped) - 1
        if place >= self._dropped:
            skipped = offset - self._starts[place]
            if skipped < len(self._chunks[place]):
                pieces.append(self._chunks[place][skipped:])
                size = len(pieces[0])
            for index in range(place + 1, len(self._chunks)):
                if limit_bytes is not None and size >= limit_bytes:
                    return pieces
                pieces.append(self._chunks[index])
                size += len(pieces[-1])
            if limit_bytes is not None and size >= limit_bytes:
                return pieces
            skipped = 0
        tail_start = self.end_offset - self._tail_bytes + 1
        skipped = max(0, offset - tail_start)
        if skipped < self._tail_bytes:
            tail = b"".join(self._tail)
            pieces.append(tail[skipped:] if skipped else tail)
        return pieces
