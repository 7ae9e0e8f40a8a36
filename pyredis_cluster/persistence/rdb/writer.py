"""An RDB file, or what a replica gets in a full synchronisation, as bytes, part by part.

    writer = RdbWriter(compress=True, checksum=True, version=file_version(all_values))
    send(writer.checksummed(writer.header(aux)))
    send(writer.checksummed(writer.select(0, keys, expires)))
    send(writer.checksummed(b"".join(writer.entry(key, value, expire_ms) for ...)))     # chunks of 64 KiB
    send(writer.footer())

The order of the parts is that of Redis: header, functions, then for each database that has keys `select` and
its entries, and the footer. **All bytes but the footer must pass through `checksummed`, in order**; it is
called for large chunks rather than in each method since a call costs as much as a key.

The version in the header is the least that a reader must know to find its way among the parts:

- 9, what Redis 5 to 6.2 write and everything since reads, for keys and values;
- 10 with functions, whose opcode Redis 7.0 brought;
- Valkey's 80 where a hash has fields that expire: nothing else has that form, and Valkey takes it under its
  own magic only.

It has to be known before the first value is written, so streams, whose form depends on each (`encode`), do
not raise it. No reader looks at the version to decode a value; one that is too old for a stream refuses the
file at its type byte, as it would have refused the header.

Source: `rdbSaveRio` of Redis 7.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.encode import encode_value
from pyredis_cluster.persistence.rdb.encode_strings import (
    INTEGER_MAX_BYTES,
    NO_INTEGER,
    SHORT_LENGTHS,
    encode_length,
    encode_string,
)
from pyredis_cluster.persistence.rdb.lzf_compress import MIN_BYTES as COMPRESS_MIN_BYTES

OLDEST_VERSION: Final = 9
FUNCTIONS_VERSION: Final = 10

_NO_CHECKSUM = bytes(opcodes.CHECKSUM_BYTES)
_SELECTDB = bytes((opcodes.OPCODE_SELECTDB,))
_RESIZEDB = bytes((opcodes.OPCODE_RESIZEDB,))
_AUX = bytes((opcodes.OPCODE_AUX,))
_FUNCTION = bytes((opcodes.OPCODE_FUNCTION2,))
_IDLE = bytes((opcodes.OPCODE_IDLE,))
_END = bytes((opcodes.OPCODE_EOF,))
_EXPIRE = struct.Struct("<Bq")


class RdbWriter:
    """Makes the parts of one file; remembers nothing but the checksum so far.

    `compress` and `checksum` are the directives `rdbcompression` and `rdbchecksum`.
    """

    def __init__(self, *, compress: bool, checksum: bool, version: int = OLDEST_VERSION) -> None:
        self._compress = compress
        self._checksum = checksum
        self._crc = 0
        self.version = version

    def checksummed(self, chunk: bytes) -> bytes:
        """Take `chunk` into the checksum, and return it."""
        if self._checksum:
            self._crc = crc64(chunk, self._crc)
        return chunk

    def header(self, aux: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Magic and version, then auxiliary fields (name, value)."""
        magic = b"VALKEY%03d" if self.version >= opcodes.VALKEY_VERSION else b"REDIS%04d"
        parts = [magic % self.version]
        for name, value in aux:
            parts += (_AUX, encode_string(name, False), encode_string(value, False))
        return b"".join(parts)

    def function(self, code: bytes) -> bytes:
        """A function library."""
        return _FUNCTION + encode_string(code, self._compress)

    def select(self, db: int, keys: int, expires: int) -> bytes:
        """The entries after this belong to database `db`, which has so many keys, and so many that expire."""
        return _SELECTDB + encode_length(db) + _RESIZEDB + encode_length(keys) + encode_length(expires)

    def entry(
        self,
        key: bytes,
        value: Value,
        expire_ms: int | None = None,
        *,
        idle_s: int | None = None,
        frequency: int | None = None,
    ) -> bytes:
        """One key; see `entry_pieces`. Under a microsecond for small strings."""
        if value.__class__ is String:
            # What makes up most large datasets: with few calls, and with none where both are short.
            data = value.data
            size = len(key)
            wire = (
                SHORT_LENGTHS[size] + key
                if size < COMPRESS_MIN_BYTES and (size > INTEGER_MAX_BYTES or key > NO_INTEGER)
                else encode_string(key, self._compress)
            )
            size = len(data)
            if size < COMPRESS_MIN_BYTES and (size > INTEGER_MAX_BYTES or data > NO_INTEGER):
                wire = b"\0" + wire + SHORT_LENGTHS[size] + data
            else:
                wire = b"\0" + wire + encode_string(data, self._compress)
            if expire_ms is None and idle_s is None and frequency is None:
                return wire
            return _prefix(expire_ms, idle_s, frequency) + wire
        kind, pieces = encode_value(value, self._compress)
        prefix = _prefix(expire_ms, idle_s, frequency)
        return b"".join((prefix, bytes((kind,)), encode_string(key, self._compress), *pieces))

    def entry_pieces(
        self,
        key: bytes,
        value: Value,
        expire_ms: int | None = None,
        *,
        idle_s: int | None = None,
        frequency: int | None = None,
    ) -> Iterator[bytes]:
        """One key, in pieces that are made as they are taken, so that a huge container can be written bit by
        bit; it must not change meanwhile.

        `expire_ms` is a unix time. `idle_s` is given under an LRU policy, `frequency` (0 to 255) under an
        LFU policy, as Redis does. Raises TypeError for a value of no known type.
        """
        kind, pieces = encode_value(value, self._compress)
        prefix = _prefix(expire_ms, idle_s, frequency)
        yield prefix + bytes((kind,)) + encode_string(key, self._compress)
        yield from pieces

    def footer(self) -> bytes:
        """The end of the file, with the checksum of all that passed through `checksummed`."""
        if not self._checksum:
            return _END + _NO_CHECKSUM
        return _END + crc64(_END, self._crc).to_bytes(opcodes.CHECKSUM_BYTES, "little")


def _prefix(expire_ms: int | None, idle_s: int | None, frequency: int | None) -> bytes:
    prefix = b"" if expire_ms is None else _EXPIRE.pack(opcodes.OPCODE_EXPIRETIME_MS, expire_ms)
    if idle_s is not None:
        prefix += _IDLE + encode_length(idle_s)
    if frequency is not None:
        prefix += bytes((opcodes.OPCODE_FREQ, frequency))
    return prefix


def file_version(values: Iterable[Value], *, has_functions: bool = False) -> int:
    """The version for the header of a file with these values. O(values)."""
    if any(value.__class__ is Hash and value.field_times() for value in values):
        return opcodes.VALKEY_VERSION
    return FUNCTIONS_VERSION if has_functions else OLDEST_VERSION
