"""Random sequences of commands on keys of any type, expiry included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.commands import (
    Argv,
    Servers,
    check_same,
    command,
    counts,
    keys,
    maybe,
    one_of,
    options,
    pairs,
    patterns,
    positions,
    sequences,
    some,
    values,
    words,
)

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

# Moments, not durations, so that no reply depends on when the servers read their clocks.
seconds = one_of(b"-1", b"0", b"x", b"9223372036854775807")
moments_s = one_of(b"9000000000", b"9500000000", b"1", b"0", b"-5", b"x")
moments_ms = one_of(b"9000000000000", b"9500000000000", b"1", b"-5", b"9223372036854775807")
conditions = st.lists(one_of(b"NX", b"XX", b"GT", b"LT", b"FOO"), max_size=2)
databases = one_of(b"0", b"1", b"2", b"16", b"x")
sort_options = options(
    maybe(one_of(b"ALPHA", b"DESC", b"ASC")),
    maybe(b"LIMIT", positions, positions),
    maybe(b"BY", one_of(b"nosort", b"w_*", b"*")),
    maybe(b"GET", one_of(b"#", b"w_*", b"*->f")),
    most=4,
)

KEYS_OF_ANY_TYPE = sequences(
    command(b"SET", keys, values, maybe(b"EXAT", one_of(b"9000000000"))),
    command(one_of(b"RPUSH", b"SADD"), keys, some(words)),
    command(b"RPUSH", keys, some(one_of(b"3", b"1", b"2", b"-1", b"1.5"))),
    command(b"HSET", keys, pairs(words, values)),
    command(b"ZADD", keys, pairs(one_of(b"1", b"2", b"-1.5"), words)),
    command(one_of(b"DEL", b"UNLINK", b"EXISTS", b"TOUCH"), some(keys)),
    command(one_of(b"TYPE", b"PERSIST", b"EXPIRETIME", b"PEXPIRETIME"), keys),
    command(b"OBJECT", b"ENCODING", keys),
    command(one_of(b"RENAME", b"RENAMENX"), keys, keys),
    command(b"COPY", keys, keys, options(maybe(b"DB", databases), maybe(b"REPLACE"))),
    command(b"MOVE", keys, databases),
    command(b"SELECT", databases),
    command(b"SWAPDB", databases, databases),
    command(one_of(b"DBSIZE", b"FLUSHDB")),
    command(one_of(b"EXPIRE"), keys, seconds, conditions),
    command(b"EXPIREAT", keys, moments_s, conditions),
    command(b"PEXPIREAT", keys, moments_ms, conditions),
    command(b"KEYS", patterns),
    command(
        b"SCAN",
        b"0",
        b"COUNT",
        b"1000",
        options(maybe(b"MATCH", patterns), maybe(b"TYPE", one_of(b"list", b"x"))),
    ),
    command(one_of(b"SORT", b"SORT_RO"), keys, sort_options),
    command(b"SORT", keys, sort_options, b"STORE", keys),
    command(one_of(b"GET", b"SMEMBERS", b"HGETALL"), keys),
    command(b"LRANGE", keys, b"0", b"-1"),
    command(b"GETEX", keys, maybe(one_of(b"EXAT", b"PXAT"), moments_ms)),
    command(one_of(b"MULTI", b"EXEC", b"DISCARD")),
    command(b"LPOP", keys, maybe(counts)),
)


@given(sequence=KEYS_OF_ANY_TYPE)
def test_keys_of_any_type(sequence: list[Argv], servers: Servers) -> None:
    """Ours and the real server answer alike."""
    # A transaction or a database left over from the last sequence would be the start of this one.
    check_same(servers, [[b"RESET"], *sequence, [b"RESET"]])
