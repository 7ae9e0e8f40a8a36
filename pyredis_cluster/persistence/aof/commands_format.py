"""A dataset as commands that make it: what a rewritten AOF begins with unless `aof-use-rdb-preamble`.

Large values take several commands of 64 elements each. Streams, and hashes whose fields expire, are made by
RESTORE, as this server does not run the commands that would make them.

Source: rewriteAppendOnlyFileRio of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
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
COMMANDS_PER_PIECE: Final = 16


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
        return encode_requests(_commands(key, value, expire_ms))

    def entry_pieces(self, key: bytes, value: Value, expire_ms: int | None) -> Iterator[bytes]:
        """The same, a few commands at a time."""
        requests = _commands(key, value, expire_ms)
        while some := list(islice(requests, COMMANDS_PER_PIECE)):
            yield encode_requests(some)

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _commands(key: bytes, value: Value, expire_ms: int | None) -> Iterator[Request]:
    if isinstance(value, String):
        yield [b"SET", key, bytes(value.data)]
    elif isinstance(value, List):
        yield from _in_parts(b"RPUSH", key, value, 1)
    elif isinstance(value, Set):
        yield from _in_parts(b"SADD", key, value.ordered(), 1)
    elif isinstance(value, SortedSet):
        yield from _in_parts(b"ZADD", key, _flat(value.range(0, len(value))), 2)
    elif isinstance(value, Hash) and not value.field_times():
        yield from _in_parts(b"HMSET", key, chain.from_iterable(value.fields.items()), 2)
    else:
        yield [b"RESTORE", key, b"0", dump_payload(value)]
    if expire_ms is not None:
        yield [b"PEXPIREAT", key, b"%d" % expire_ms]


def _flat(entries: Iterable[tuple[float, bytes]]) -> Iterator[bytes]:
    """Scores and members by turns."""
    return chain.from_iterable((b"%.17g" % score, member) for score, member in entries)


def _in_parts(name: bytes, key: bytes, words: Iterable[bytes], words_per_item: int) -> Iterator[Request]:
    remaining = iter(words)
    while part := list(islice(remaining, ITEMS_PER_COMMAND * words_per_item)):
        yield [name, key, *part]
