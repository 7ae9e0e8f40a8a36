"""DUMP payloads: one value by itself, as DUMP, RESTORE and MIGRATE exchange it.

    1 byte      type
    n bytes     the value, as in an RDB file
    2 bytes     RDB version, little endian
    8 bytes     CRC64 of all before, little endian

The version is the least that has the value's type, so that the oldest server that could read it does.

Source: createDumpPayload and verifyDumpPayload of Redis 7.2.
"""

from __future__ import annotations

from typing import Final

from pyredis_cluster.keyspace.limits import EncodingLimits
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb import opcodes
from pyredis_cluster.persistence.rdb.crc64 import crc64
from pyredis_cluster.persistence.rdb.encode import encode_value
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.values import load_value
from pyredis_cluster.protocol.errors import CommandError

_OLDEST_VERSION: Final = 9
_VERSION_OF_TYPE = {
    opcodes.TYPE_STREAM_LISTPACKS_2: 10,
    opcodes.TYPE_STREAM_LISTPACKS_3: 11,
    opcodes.TYPE_HASH_2: opcodes.VALKEY_VERSION,
}
_VERSION_BYTES = 2
_FOOTER_BYTES = _VERSION_BYTES + opcodes.CHECKSUM_BYTES

_WRONG_FOOTER = CommandError("ERR DUMP payload version or checksum are wrong")
_BAD_FORMAT = CommandError("ERR Bad data format")


def dump_payload(value: Value, *, compress: bool = True) -> bytes:
    """The payload that stands for `value`; `compress` is `rdbcompression`. O(n)."""
    kind, pieces = encode_value(value, compress)
    version = _VERSION_OF_TYPE.get(kind, _OLDEST_VERSION)
    data = bytes((kind,)) + b"".join(pieces) + version.to_bytes(_VERSION_BYTES, "little")
    return data + crc64(data).to_bytes(opcodes.CHECKSUM_BYTES, "little")


def restore_payload(payload: bytes, limits: EncodingLimits, *, now_ms: int = 0) -> Value:
    """The value that a payload stands for, whichever server up to Redis 7.4 or Valkey 9 made it. O(n).

    Fields of a hash that are expired at `now_ms` are dropped. Raises CommandError for a payload that is not
    whole, newer, or contradicts itself.
    """
    if len(payload) < _FOOTER_BYTES:
        raise _WRONG_FOOTER
    version = int.from_bytes(payload[-_FOOTER_BYTES : -opcodes.CHECKSUM_BYTES], "little")
    checksum = int.from_bytes(payload[-opcodes.CHECKSUM_BYTES :], "little")
    if not (version <= opcodes.NEWEST_REDIS_VERSION or version == opcodes.VALKEY_VERSION):
        raise _WRONG_FOOTER
    if crc64(memoryview(payload)[: -opcodes.CHECKSUM_BYTES]) != checksum:
        raise _WRONG_FOOTER
    try:
        # The whole payload: Redis, too, reads on into the footer, and does not mind what is left over.
        value, _ = load_value(payload[0], payload, 1, limits, version=version, now_ms=now_ms)
    except RdbError:
        raise _BAD_FORMAT from None
    return value
