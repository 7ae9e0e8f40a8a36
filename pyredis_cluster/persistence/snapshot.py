"""The keyspace as it was at one moment, written in slices while it changes on.

There is no second process to see old memory, so each database's table is copied when the snapshot begins:
that costs some tens of milliseconds per million keys and holds the values as they are. What is replaced,
deleted or moved later is still in the copy. What is about to be changed in place is written first:
`Keyspace.on_write` shows it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final, Protocol

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value

_LARGE: Final = 1000
"""So many elements are written bit by bit."""


class Format(Protocol):
    """A kind of file: what stands before, between and behind the keys."""

    def begin(self) -> bytes:
        """What comes first."""

    def select(self, database: int, keys: int, expires: int) -> bytes:
        """The keys that follow are of this database, which had so many keys, and so many that expire."""

    def entry(self, key: bytes, value: Value, expire_ms: int | None) -> bytes:
        """One key; unix time in milliseconds, None if it does not expire."""

    def entry_pieces(self, key: bytes, value: Value, expire_ms: int | None) -> Iterator[bytes]:
        """The same for a large value, made as it is taken; the value does not change meanwhile."""

    def end(self) -> bytes:
        """What comes last."""


class _Frozen:
    """One database as it was: `unsaved` maps keys to the values yet to be written, else None."""

    __slots__ = ("database", "expires", "unsaved")

    def __init__(self, db: Database) -> None:
        self.database = db.index
        self.unsaved: dict[bytes, Value | None] = {**db.values}
        self.expires = db.expires.copy()
        db.unsaved = self.unsaved


class _Large:
    """A value that is being written: it may change when `rest` has been made of all that was to come."""

    __slots__ = ("_pieces", "value")

    def __init__(self, value: Value, pieces: Iterator[bytes]) -> None:
        self.value = value
        self._pieces = iter(pieces)

    def hurry(self) -> None:
        """Make all that was not taken yet."""
        self._pieces = iter(list(self._pieces))

    def take(self, size: int) -> bytes:
        """About so many bytes more; none when there are no more."""
        taken: list[bytes] = []
        for piece in self._pieces:
            taken.append(piece)
            size -= len(piece)
            if size <= 0:
                break
        return b"".join(taken)


class Snapshot:
    """What the keyspace holds at the moment of construction; one at a time for a keyspace.

    Call `next_piece` until it returns None, or `abandon`.
    """

    def __init__(self, keyspace: Keyspace, form: Format) -> None:
        """Freezes the contents. O(keys), in C."""
        assert keyspace.preserve is None, "another snapshot is being taken"
        self._keyspace = keyspace
        self._form = form
        self._databases = [_Frozen(db) for db in keyspace.databases if db.values]
        self._early: dict[_Frozen, list[bytes]] = {}
        """What was written ahead of its turn, since it was about to change."""
        self._large: _Large | None = None
        self._slice_bytes = 0
        self.keys_total = sum(len(frozen.unsaved) for frozen in self._databases)
        self.keys_done = 0
        keyspace.preserve_with(self._preserve)
        self._pieces = self._write()

    def next_piece(self, slice_bytes: int) -> bytes | None:
        """About that much more of the file; None when there is no more."""
        self._slice_bytes = slice_bytes
        return next(self._pieces, None)

    def abandon(self) -> None:
        """Write nothing more. Harmless when all was written."""
        self._pieces.close()
        self._let_go()

    def _let_go(self) -> None:
        keyspace = self._keyspace
        if keyspace.preserve == self._preserve:
            keyspace.preserve_with(None)
            for db in keyspace.databases:
                db.unsaved = None

    def _preserve(self, db: Database, key: bytes, value: Value) -> None:
        # By table and not by database, as SWAPDB may have exchanged tables. A value that stands elsewhere by
        # now was shown when it was taken away from where it stood.
        if self._large is not None and self._large.value is value:
            self._large.hurry()
            return
        unsaved = db.unsaved
        if unsaved is None or unsaved.get(key) is not value:
            return
        unsaved[key] = None
        for frozen in self._databases:
            if frozen.unsaved is unsaved:
                entry = self._form.entry(key, value, frozen.expires.get(key))
                self._early.setdefault(frozen, []).append(entry)
                self.keys_done += 1

    def _write(self) -> Generator[bytes, None, None]:
        yield self._form.begin()
        for frozen in self._databases:
            yield self._form.select(frozen.database, len(frozen.unsaved), len(frozen.expires))
            for pieces in self._write_database(frozen):
                yield b"".join(pieces)
        self._let_go()
        yield self._form.end()

    def _write_database(self, frozen: _Frozen) -> Iterator[list[bytes]]:
        entry = self._form.entry
        expires = frozen.expires.get
        unsaved = frozen.unsaved
        pieces: list[bytes] = []
        size = done = 0
        for key, value in unsaved.items():
            if value is None:
                continue
            # Marked, not removed: the table is being walked.
            unsaved[key] = None
            if value.__class__ is not String and len(value) >= _LARGE:
                # From here on it is known as being written, also while what was before it is taken.
                self._large = _Large(value, self._form.entry_pieces(key, value, expires(key)))
                if pieces:
                    yield pieces
                yield from self._write_large(self._large)
                self.keys_done += done + 1
                pieces = self._early.pop(frozen, [])
                size = done = 0
                continue
            piece = entry(key, value, expires(key))
            pieces.append(piece)
            size += len(piece)
            done += 1
            if size >= self._slice_bytes:
                self.keys_done += done
                yield pieces
                pieces = self._early.pop(frozen, [])
                size = done = 0
        self.keys_done += done
        yield pieces + self._early.pop(frozen, [])

    def _write_large(self, large: _Large) -> Iterator[list[bytes]]:
        while taken := large.take(self._slice_bytes):
            yield [taken]
        self._large = None
