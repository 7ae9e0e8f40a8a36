"""Fingerprints of values and of whole keyspaces, equal to those of Redis for equal data.

SHA-1 in two ways: `_add` mixes elements so that their order does not matter (exclusive or), `_chain` so that
it does (the result so far is hashed again). Expiry times do not count, only whether there is one.

Source: xorObjectDigest and computeDatasetDigest of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.stream import Stream
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.protocol.doubles import format_double_by_digits

_SIZE = 20
_TYPE_NUMBERS = {b"string": 0, b"list": 1, b"set": 2, b"zset": 3, b"hash": 4, b"stream": 6}


def keyspace_digest(keyspace: Keyspace) -> bytes:
    """20 bytes for all data of a server; zeros where there is none. O(n)."""
    total = 0
    for database in keyspace.databases:
        if not database.values:
            continue
        total = _chain(total, database.index.to_bytes(4, "big"))
        for key, value in database.values.items():
            total = _add(total, _bytes(_value(_chain(0, key), value, key in database.expires)))
    return _bytes(total)


def value_digest(database: Database, key: bytes) -> bytes:
    """20 bytes for the value of `key`, expired or not; zeros where there is none. O(n)."""
    value = database.values.get(key)
    return bytes(_SIZE) if value is None else _bytes(_value(0, value, key in database.expires))


def _value(digest: int, value: Value, expires: bool) -> int:
    digest = _chain(digest, _TYPE_NUMBERS[value.type_name].to_bytes(4, "big"))
    if isinstance(value, String):
        digest = _chain(digest, bytes(value.data))
    elif isinstance(value, List):
        for element in value:
            digest = _chain(digest, element)
    elif isinstance(value, Set):
        for member in value.members:
            digest = _add(digest, member)
    elif isinstance(value, SortedSet):
        scored = ((member, format_double_by_digits(score)) for member, score in value.scores.items())
        digest = _add_pairs(digest, scored)
    elif isinstance(value, Hash):
        digest = _add_pairs(digest, value.fields.items())
    elif isinstance(value, Stream):
        for (ms, seq), item in value:
            digest = _chain(digest, b"%d.%d" % (ms, seq))
            for part in item:
                digest = _chain(digest, part)
    else:
        raise TypeError(f"no digest of {value.type_name!r}")
    return _add(digest, b"!!expire!!") if expires else digest


def _add_pairs(digest: int, pairs: Iterable[tuple[bytes, bytes]]) -> int:
    for first, second in pairs:
        digest = _add(digest, _bytes(_chain(_chain(0, first), second)))
    return digest


def _add(digest: int, data: bytes) -> int:
    return digest ^ int.from_bytes(sha1(data, usedforsecurity=False).digest(), "big")


def _chain(digest: int, data: bytes) -> int:
    mixed = _bytes(_add(digest, data))
    return int.from_bytes(sha1(mixed, usedforsecurity=False).digest(), "big")


def _bytes(digest: int) -> bytes:
    return digest.to_bytes(_SIZE, "big")
