"""Random sequences of set commands."""

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
    integers,
    keys,
    maybe,
    one_of,
    options,
    patterns,
    sequences,
    some,
    words,
)

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

members = st.one_of(words, integers)

SETS = sequences(
    command(b"SADD", keys, some(members, 1, 8)),
    command(b"SADD", keys, some(integers, 1, 8)),
    command(one_of(b"SREM", b"SMISMEMBER"), keys, some(members)),
    command(b"SISMEMBER", keys, members),
    command(one_of(b"SCARD", b"SMEMBERS", b"DEL", b"TYPE"), keys),
    command(b"OBJECT", b"ENCODING", keys),
    command(b"SMOVE", keys, keys, members),
    command(one_of(b"SINTER", b"SUNION", b"SDIFF"), some(keys, 1, 3)),
    command(one_of(b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE"), keys, some(keys, 1, 3)),
    command(b"SINTERCARD", b"2", keys, keys, maybe(b"LIMIT", counts)),
    command(one_of(b"SPOP", b"SRANDMEMBER"), keys, one_of(b"0", b"1000", b"x")),
    command(
        b"SSCAN",
        keys,
        b"0",
        options(maybe(b"MATCH", patterns), maybe(b"COUNT", one_of(b"1000", b"0", b"-1", b"x"))),
    ),
    command(b"SORT", keys, b"ALPHA"),
    command(one_of(b"COPY", b"RENAME"), keys, keys),
    command(b"SET", keys, words),
)


@given(sequence=SETS)
def test_sets(sequence: list[Argv], servers: Servers) -> None:
    """Ours and the real server answer alike."""
    check_same(servers, sequence)
