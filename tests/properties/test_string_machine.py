"""Random sequences of string commands."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.properties.commands import (
    Argv,
    Servers,
    check_same,
    command,
    counts,
    doubles,
    integers,
    keys,
    maybe,
    not_numbers,
    one_of,
    options,
    pairs,
    positions,
    sequences,
    some,
    values,
)

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

set_options = options(
    maybe(one_of(b"NX", b"XX", b"GET", b"KEEPTTL")),
    maybe(one_of(b"EX", b"PX"), one_of(b"1000", b"1000000", b"0", b"-1", b"x")),
    maybe(one_of(b"EXAT", b"PXAT"), one_of(b"99999999999", b"1", b"x")),
)
offsets = one_of(b"0", b"1", b"5", b"40", b"-1", b"536870912", b"x")

STRINGS = sequences(
    command(b"SET", keys, values),
    command(b"SET", keys, values, set_options),
    command(one_of(b"GET", b"STRLEN", b"GETDEL", b"TYPE", b"DEL", b"EXISTS", b"INCR", b"DECR"), keys),
    command(b"OBJECT", b"REFCOUNT", keys),
    command(b"APPEND", keys, values),
    command(one_of(b"INCRBY", b"DECRBY"), keys, integers),
    command(one_of(b"INCRBY", b"DECRBY", b"INCRBYFLOAT"), keys, not_numbers),
    command(b"INCRBYFLOAT", keys, doubles),
    command(one_of(b"GETRANGE", b"SUBSTR"), keys, positions, positions),
    command(b"SETRANGE", keys, offsets, values),
    command(one_of(b"SETNX", b"GETSET"), keys, values),
    command(one_of(b"SETEX", b"PSETEX"), keys, one_of(b"1000", b"0", b"x"), values),
    command(b"GETEX", keys, maybe(one_of(b"PERSIST", b"EX", b"PX"), one_of(b"1000", b"0"))),
    command(one_of(b"MSET", b"MSETNX"), pairs(keys, values)),
    command(b"MGET", some(keys)),
    command(
        b"LCS",
        keys,
        keys,
        options(maybe(one_of(b"LEN", b"IDX", b"WITHMATCHLEN")), maybe(b"MINMATCHLEN", counts)),
    ),
    command(one_of(b"LPUSH", b"SADD"), keys, values),
)


@given(sequence=STRINGS)
def test_strings(sequence: list[Argv], servers: Servers) -> None:
    """Ours and the real server answer alike."""
    check_same(servers, sequence)
