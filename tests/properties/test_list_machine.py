"""Random sequences of list commands."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.properties.commands import (
    Argv,
    Servers,
    check_same,
    command,
    counts,
    integers,
    keys,
    maybe,
    not_numbers,
    one_of,
    options,
    positions,
    sequences,
    some,
    words,
)

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

ends = one_of(b"LEFT", b"RIGHT", b"left")
lpos_options = options(
    maybe(b"RANK", counts),
    maybe(b"COUNT", counts),
    maybe(b"MAXLEN", counts),
    maybe(one_of(b"RANK", b"FOO"), integers),
)

LISTS = sequences(
    command(one_of(b"LPUSH", b"RPUSH", b"LPUSHX", b"RPUSHX"), keys, some(words, 1, 6)),
    command(one_of(b"LPOP", b"RPOP"), keys, maybe(counts)),
    command(one_of(b"LLEN", b"DEL", b"TYPE", b"EXISTS"), keys),
    command(b"OBJECT", b"ENCODING", keys),
    command(one_of(b"LRANGE", b"LTRIM"), keys, positions, positions),
    command(b"LRANGE", keys, b"0", b"-1"),
    command(b"LINDEX", keys, positions),
    command(b"LSET", keys, positions, words),
    command(b"LREM", keys, positions, words),
    command(b"LINSERT", keys, one_of(b"BEFORE", b"AFTER"), words, words),
    command(b"LPOS", keys, words, lpos_options),
    command(b"RPOPLPUSH", keys, keys),
    command(b"LMOVE", keys, keys, ends, ends),
    command(b"LMPOP", b"2", keys, keys, ends, maybe(b"COUNT", counts)),
    command(one_of(b"LINDEX", b"LPOP", b"RPOP"), keys, not_numbers),
    command(b"SORT", keys, options(maybe(one_of(b"ALPHA", b"DESC")), maybe(b"LIMIT", positions, positions))),
    command(b"SORT", keys, b"ALPHA", b"STORE", keys),
    command(one_of(b"COPY", b"RENAME"), keys, keys),
    command(b"SET", keys, words),
)


@given(sequence=LISTS)
def test_lists(sequence: list[Argv], servers: Servers) -> None:
    """Ours and the real server answer alike."""
    check_same(servers, sequence)
