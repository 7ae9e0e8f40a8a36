"""Random sequences of hash commands."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.properties.commands import (
    Argv,
    Servers,
    check_same,
    command,
    doubles,
    integers,
    keys,
    maybe,
    not_numbers,
    one_of,
    options,
    pairs,
    patterns,
    sequences,
    some,
    values,
    words,
)

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

HASHES = sequences(
    command(one_of(b"HSET", b"HMSET"), keys, pairs(words, values)),
    command(b"HSET", keys, pairs(words, integers)),
    command(one_of(b"HSETNX", b"HSET"), keys, words, values),
    command(one_of(b"HGET", b"HEXISTS", b"HSTRLEN"), keys, words),
    command(one_of(b"HMGET", b"HDEL"), keys, some(words)),
    command(one_of(b"HLEN", b"HKEYS", b"HVALS", b"HGETALL", b"DEL", b"TYPE"), keys),
    command(b"OBJECT", b"ENCODING", keys),
    command(b"HINCRBY", keys, words, integers),
    command(b"HINCRBYFLOAT", keys, words, doubles),
    command(one_of(b"HINCRBY", b"HINCRBYFLOAT"), keys, words, not_numbers),
    command(b"HRANDFIELD", keys, one_of(b"0", b"1000"), maybe(b"WITHVALUES")),
    command(
        b"HSCAN",
        keys,
        b"0",
        options(maybe(b"MATCH", patterns), maybe(b"COUNT", one_of(b"1000", b"0", b"-1", b"x"))),
    ),
    command(one_of(b"COPY", b"RENAME"), keys, keys),
    command(b"SET", keys, values),
)


@given(sequence=HASHES)
def test_hashes(sequence: list[Argv], servers: Servers) -> None:
    """Ours and the real server answer alike."""
    check_same(servers, sequence)
