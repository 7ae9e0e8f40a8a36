"""The whole keyspace as RDB data: for a file, an AOF's preamble, or a replica.

    RdbSnapshot(keyspace, options)          # piece by piece, while the keyspace changes on
    rdb_at_once(keyspace, options)          # while nothing else runs

The checksum is that of the pieces in the order in which they come out, so whoever takes them changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.persistence.rdb.writer import RdbWriter, file_version
from pyredis_cluster.persistence.snapshot import Snapshot

if TYPE_CHECKING:
    from pyredis_cluster.keyspace.keyspace import Keyspace
    from pyredis_cluster.keyspace.types.value import Value

Access = Literal["none", "idle", "frequency"]

_PIECE_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class RdbOptions:
    """What is in the data beside the keys.

    `compress` and `checksum` are the directives `rdbcompression` and `rdbchecksum`; `notes` the auxiliary
    fields; `functions` the sources of libraries; `access` what is told of each key's use, by the kind of
    eviction policy.
    """

    compress: bool
    checksum: bool
    notes: Sequence[tuple[bytes, bytes]] = ()
    functions: Sequence[bytes] = ()
    access: Access = "none"


class _RdbForm:
    """`snapshot.Format` of RDB data."""

    def __init__(self, keyspace: Keyspace, options: RdbOptions) -> None:
        self._keyspace = keyspace
        self._options = options
        self.writer = writer = RdbWriter(
            compress=options.compress,
            checksum=options.checksum,
            version=_version(keyspace, bool(options.functions)),
        )
        self.entry: Callable[[bytes, Value, int | None], bytes] = writer.entry
        self.entry_pieces: Callable[[bytes, Value, int | None], Iterator[bytes]] = writer.entry_pieces
        if options.access == "idle":
            self.entry, self.entry_pieces = _joined(self._pieces_with_idle_time), self._pieces_with_idle_time
        elif options.access == "frequency":
            self.entry, self.entry_pieces = _joined(self._pieces_with_frequency), self._pieces_with_frequency
        self.select = writer.select
        self.is_ended = False

    def begin(self) -> bytes:
        """See `Format`."""
        functions = map(self.writer.function, self._options.functions)
        return self.writer.header(self._options.notes) + b"".join(functions)

    def _pieces_with_idle_time(self, key: bytes, value: Value, expire_ms: int | None) -> Iterator[bytes]:
        return self.writer.entry_pieces(key, value, expire_ms, idle_s=self._keyspace.idle_s(value))

    def _pieces_with_frequency(self, key: bytes, value: Value, expire_ms: int | None) -> Iterator[bytes]:
        keyspace = self._keyspace
        frequency = keyspace.frequency.count(value.lru, keyspace.lru_clock)
        return self.writer.entry_pieces(key, value, expire_ms, frequency=frequency)

    def end(self) -> bytes:
        """See `Format`."""
        self.is_ended = True
        return self.writer.footer()


def _joined(
    make_pieces: Callable[[bytes, Value, int | None], Iterator[bytes]],
) -> Callable[[bytes, Value, int | None], bytes]:
    return lambda key, value, expire_ms: b"".join(make_pieces(key, value, expire_ms))


def _version(keyspace: Keyspace, has_functions: bool) -> int:
    """What goes into the header. O(keys), but in C where no hash is among them."""
    hashes = (
        value
        for db in keyspace.databases
        if Hash in set(map(type, db.values.values()))
        for value in db.values.values()
    )
    return file_version(hashes, has_functions=has_functions)


class RdbSnapshot:
    """RDB data of the keyspace as it is now; used as any `Snapshot`."""

    def __init__(self, keyspace: Keyspace, options: RdbOptions) -> None:
        """Freezes the contents. O(keys), in C."""
        self._form = form = _RdbForm(keyspace, options)
        self._snapshot = Snapshot(keyspace, form)
        self.keys_total = self._snapshot.keys_total
        self.next_piece = self._next_checksummed if options.checksum else self._snapshot.next_piece
        self.abandon = self._snapshot.abandon

    @property
    def keys_done(self) -> int:
        """How many keys were written."""
        return self._snapshot.keys_done

    def _next_checksummed(self, slice_bytes: int) -> bytes | None:
        piece = self._snapshot.next_piece(slice_bytes)
        if piece is None or self._form.is_ended:
            return piece
        return self._form.writer.checksummed(piece)


def rdb_at_once(keyspace: Keyspace, options: RdbOptions) -> Iterator[bytes]:
    """RDB data of the keyspace, in pieces; it must not change until the last was taken."""
    form = _RdbForm(keyspace, options)
    checksummed = form.writer.checksummed
    entry = form.entry
    yield checksummed(form.begin())
    for db in keyspace.databases:
        values = db.values
        if not values:
            continue
        expires = db.expires.get
        pieces = [form.select(db.index, len(values), len(db.expires))]
        size = 0
        for key, value in values.items():
            piece = entry(key, value, expires(key))
            pieces.append(piece)
            size += len(piece)
            if size >= _PIECE_BYTES:
                yield checksummed(b"".join(pieces))
                pieces.clear()
                size = 0
        yield checksummed(b"".join(pieces))
    yield form.end()
