"""A dataset as commands that make it: what a rewritten AOF begins with unless `aof-use-rdb-preamble`.

Large values take several commands of 64 elements each. Streams, and hashes whose fields expire, are made by
RESTORE, as this server does not run the commands that would make them.

Source: rewriteAppendOnlyFileRio of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from pyredis_cluster.keyspace.types.hash import Hash
from pyredis_cluster.keyspace.types.list import List
from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.keyspace.types.sorted_set import SortedSet
from pyredis_cluster.keyspace.types.string import String
from pyredis_cluster.keyspace.types.value import Value
from pyredis_cluster.persistence.rdb.dump import dump_payload
from pyredis_cluster.protocol.command_stream import Request, encode_request, encode_requests

ITEMS_PER_COMMAND: Final = 64


def timestamp(unix_s: int) -> bytes:
    """The line that notes the time of what follows it."""
    return b"#TS:%d\r\n" % unix_s


class CommandsFormat:
    """A `Format` of `Snapshot`."""

    def __init__(self, functions: Sequence[bytes] = (), *, unix_s: int | None = None) -> None:
        """`functions` are the codes of function libraries; `unix_s` is noted, if given."""
        self._functions = functions
        self._unix_s = unix_s

    def begin(self) -> bytes:
        """The time, and the functions."""
        note = b"" if self._unix_s is None else timestamp(self._unix_s)
        return note + encode_requests([b"FUNCTION", b"LOAD", code] for code in self._functions)

    def select(self, database: int, keys: int, expires: int) -> bytes:
        """A SELECT."""
        return encode_request(b"SELECT", b"%d" % database)

    def entry(self, key: bytes, value: Value, expire_ms: int | None) -> bytes:
        """Commands that make one key. Raises TypeError for a value of no known type."""
        requests = _commands(key, value)
        if expire_ms is not None:
            requests.append([b"PEXPIREAT", key, b"%d" % expire_ms])
        return encode_requests(requests)

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _commands(key: bytes, value: Value) -> list[Request]:
    if isinstance(value, String):
        return [[b"SET", key, bytes(value.data)]]
    if isinstance(value, List):
        return _in_parts(b"RPUSH", key, list(value), 1)
    if isinstance(value, Set):
        return _in_parts(b"SADD", key, list(value.ordered()), 1)
    if isinstance(value, SortedSet):
        return _in_parts(b"ZADD", key, _flat(value.range(0, len(value))), 2)
    if isinstance(value, Hash) and not value.field_times():
        return _in_parts(b"HMSET", key, list(chain.from_iterable(value.fields.items())), 2)
    return [[b"RESTORE", key, b"0", dump_payload(value)]]


def _flat(entries: Iterable[tuple[float, bytes]]) -> list[bytes]:
    """Scores and members by turns."""
    return list(chain.from_iterable((b"%.17g" % score, member) for score, member in entries))


def _in_parts(name: bytes, key: bytes, words: list[bytes], words_per_item: int) -> list[Request]:
    step = ITEMS_PER_COMMAND * words_per_item
    return [[name, key, *words[start : start + step]] for start in range(0, len(words), step)]
