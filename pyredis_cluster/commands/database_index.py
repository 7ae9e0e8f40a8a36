"""Databases as requests number them."""

from __future__ import annotations

from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.keyspace import Keyspace
from pyredis_cluster.protocol.errors import CommandError, out_of_bounds
from pyredis_cluster.protocol.numbers import integer

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

NO_SUCH_DATABASE = CommandError("ERR DB index is out of range")
_INDEX_OUT_OF_BOUNDS = out_of_bounds(INT32_MIN, INT32_MAX)


def database_index(text: bytes) -> int:
    """The index that `text` spells, there being such a database or not.

    Raises NOT_AN_INTEGER, and an error for what does not fit 32 bits.
    """
    index = integer(text)
    if not INT32_MIN <= index <= INT32_MAX:
        raise _INDEX_OUT_OF_BOUNDS
    return index


def database_at(keyspace: Keyspace, index: int) -> Database:
    """The database with that index. Raises NO_SUCH_DATABASE."""
    databases = keyspace.databases
    if not 0 <= index < len(databases):
        raise NO_SUCH_DATABASE
    return databases[index]
