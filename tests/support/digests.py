"""Whether two servers hold the same data, and if not, which keys differ and how.

assert_same_data(primary_client, replica_client)
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from tests.support.wire import RawClient, parse

Where = tuple[int, bytes]
"""Database and key."""

_BATCH = 500
_SHOWN = 10
_TTL_TOLERANCE_MS = 3000


def bulk(raw: bytes) -> bytes:
    """What a bulk or status reply holds. Raises AssertionError for others."""
    node = parse(raw)
    assert node.kind in "$+=", raw[:200]
    assert isinstance(node.value, bytes)
    return node.value


def digest(client: RawClient) -> bytes:
    """DEBUG DIGEST: equal for equal data, whatever the encodings; what expires when is not part of it."""
    return bulk(client.call("DEBUG", "DIGEST"))


def _databases(client: RawClient) -> list[int]:
    return [int(n) for n in re.findall(rb"^db(\d+):", bulk(client.call("INFO", "keyspace")), re.MULTILINE)]


def _keys(client: RawClient) -> Iterator[list[bytes]]:
    cursor = b"0"
    while True:
        cursor_node, keys = client.ask("SCAN", cursor, "COUNT", _BATCH).items
        yield [key.value for key in keys.items if isinstance(key.value, bytes)]
        assert isinstance(cursor_node.value, bytes)
        cursor = cursor_node.value
        if cursor == b"0":
            return


def _each_key(client: RawClient, *command: bytes) -> dict[Where, bytes]:
    """The raw reply of the command for each key of each database."""
    found: dict[Where, bytes] = {}
    if not _has_databases(client):
        client.call("READONLY")
    for database in _databases(client):
        if database or _has_databases(client):
            assert client.call("SELECT", database) == b"+OK\r\n"
        for keys in _keys(client):
            replies = client.pipeline([[*command, key] for key in keys])
            found |= {(database, key): reply for key, reply in zip(keys, replies, strict=True)}
    if _has_databases(client):
        client.call("SELECT", 0)
    return found


def _has_databases(client: RawClient) -> bool:
    return b"redis_mode:cluster" not in client.call("INFO", "server")


def key_digests(client: RawClient) -> dict[Where, bytes]:
    """DEBUG DIGEST-VALUE of every key."""
    return _each_key(client, b"DEBUG", b"DIGEST-VALUE")


def expiry_times_ms(client: RawClient) -> dict[Where, int]:
    """When each key that expires does so: unix time in milliseconds, to within a few where it is a 6.2."""
    exact = _knows_expiretime(client)
    base_ms = 0 if exact else int(time.time() * 1000)
    replies = _each_key(client, b"PEXPIRETIME" if exact else b"PTTL")
    times = {where: int(reply[1:-2]) for where, reply in replies.items()}
    return {where: base_ms + time_ms for where, time_ms in times.items() if time_ms >= 0}


def _knows_expiretime(client: RawClient) -> bool:
    return not client.call("PEXPIRETIME", "no such key").startswith(b"-ERR")


def assert_same_data(
    one: RawClient, other: RawClient, *, expiries: bool = True, odd_scores: bool = False
) -> None:
    """Both hold the same keys, values and expiries. The error names what differs.

    With `odd_scores` sorted sets may differ in digest when their members and scores are equal as numbers.
    """
    if digest(one) != digest(other):
        different = different_keys(one, other)
        if not odd_scores or any(_pairs(one, *where) != _pairs(other, *where) for where in different):
            raise AssertionError(describe_difference(one, other))
    if expiries:
        assert_same_expiries(one, other)


def wait_for_same_data(one: RawClient, other: RawClient, *, limit_s: float = 30.0) -> None:
    """Wait until both hold the same, keys that expire soon being gone from both. Raises AssertionError."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            if digest(one) == digest(other):
                return assert_same_expiries(one, other)
            assert time.monotonic() < deadline, describe_difference(one, other)
        except AssertionError:
            if time.monotonic() > deadline:
                raise


def _pairs(client: RawClient, database: int, key: bytes) -> object:
    """The members of a sorted set with their scores; something equal to nothing else for other types."""
    if _has_databases(client):
        client.call("SELECT", database)
    reply = client.ask("ZRANGE", key, 0, -1, "WITHSCORES")
    if _has_databases(client):
        client.call("SELECT", 0)
    if reply.kind == "-" or not reply.items:
        return object()
    values = [item.value for item in reply.items if isinstance(item.value, bytes)]
    return sorted(zip(values[::2], map(float, values[1::2]), strict=True))


def assert_same_expiries(one: RawClient, other: RawClient) -> None:
    """The same keys expire at the same times, to the millisecond where both can tell."""
    mine, theirs = expiry_times_ms(one), expiry_times_ms(other)
    assert mine.keys() == theirs.keys(), sorted(mine.keys() ^ theirs.keys())[:_SHOWN]
    exact = _knows_expiretime(one) and _knows_expiretime(other)
    tolerance_ms = 0 if exact else _TTL_TOLERANCE_MS
    wrong = [
        (where, mine[where], theirs[where])
        for where in mine
        if abs(mine[where] - theirs[where]) > tolerance_ms
    ]
    assert not wrong, wrong[:_SHOWN]


def different_keys(one: RawClient, other: RawClient) -> set[Where]:
    """The keys that one of two servers lacks, or holds with another value."""
    mine, theirs = key_digests(one), key_digests(other)
    return {where for where in mine.keys() | theirs.keys() if mine.get(where) != theirs.get(where)}


def describe_difference(one: RawClient, other: RawClient) -> str:
    """The first few keys in which two servers differ, with type, encoding and time to live on both."""
    places = different_keys(one, other)
    expiring = expiry_times_ms(one).keys() ^ expiry_times_ms(other).keys()
    lines = [f"{len(places)} keys differ, {len(expiring)} expire on one side only"]
    for database, key in sorted(places | expiring)[:_SHOWN]:
        lines.append(f"db{database} {key!r}: {_facts(one, database, key)} / {_facts(other, database, key)}")
    return "\n".join(lines)


def _facts(client: RawClient, database: int, key: bytes) -> str:
    if _has_databases(client):
        client.call("SELECT", database)
    commands = (("TYPE", key), ("OBJECT", "ENCODING", key), ("PTTL", key), ("DEBUG", "DIGEST-VALUE", key))
    replies = client.pipeline(commands)
    if _has_databases(client):
        client.call("SELECT", 0)
    return b" ".join(reply.splitlines()[-1] for reply in replies).decode(errors="replace")
