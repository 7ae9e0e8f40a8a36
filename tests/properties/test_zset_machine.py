"""Random sequences of sorted set commands."""

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
    doubles,
    keys,
    maybe,
    not_numbers,
    one_of,
    options,
    pairs,
    patterns,
    positions,
    sequences,
    some,
    words,
)

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

zadd_options = options(maybe(one_of(b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR")))
score_bounds = st.one_of(doubles, doubles.map(lambda bound: b"(" + bound), not_numbers)
lex_bounds = st.one_of(
    one_of(b"-", b"+", b"["), words.map(lambda word: b"[" + word), words.map(lambda word: b"(" + word), words
)
limit = maybe(b"LIMIT", positions, positions)
range_options = options(maybe(one_of(b"WITHSCORES", b"REV", b"BYSCORE", b"BYLEX")), limit, most=4)
weights = maybe(b"WEIGHTS", doubles, doubles)
aggregate = maybe(b"AGGREGATE", one_of(b"SUM", b"MIN", b"MAX", b"FOO"))
stores = one_of(b"ZUNIONSTORE", b"ZINTERSTORE")

SORTED_SETS = sequences(
    command(b"ZADD", keys, pairs(doubles, words, 5)),
    command(b"ZADD", keys, pairs(one_of(b"0"), words, 5)),
    command(b"ZADD", keys, zadd_options, pairs(st.one_of(doubles, not_numbers), words)),
    command(b"ZINCRBY", keys, st.one_of(doubles, not_numbers), words),
    command(one_of(b"ZCARD", b"DEL", b"TYPE"), keys),
    command(b"OBJECT", b"ENCODING", keys),
    command(one_of(b"ZSCORE", b"ZRANK", b"ZREVRANK"), keys, words),
    command(one_of(b"ZRANK", b"ZREVRANK"), keys, words, b"WITHSCORE"),
    command(one_of(b"ZMSCORE", b"ZREM"), keys, some(words)),
    command(one_of(b"ZCOUNT", b"ZREMRANGEBYSCORE"), keys, score_bounds, score_bounds),
    command(one_of(b"ZLEXCOUNT", b"ZREMRANGEBYLEX"), keys, lex_bounds, lex_bounds),
    command(one_of(b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"), keys, score_bounds, score_bounds, range_options),
    command(one_of(b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"), keys, lex_bounds, lex_bounds, limit),
    command(one_of(b"ZRANGE", b"ZREVRANGE", b"ZREMRANGEBYRANK"), keys, positions, positions),
    command(b"ZRANGE", keys, b"0", b"-1", b"WITHSCORES"),
    command(b"ZRANGE", keys, positions, positions, range_options),
    command(b"ZRANGE", keys, score_bounds, score_bounds, b"BYSCORE", range_options),
    command(b"ZRANGE", keys, lex_bounds, lex_bounds, b"BYLEX", range_options),
    command(b"ZRANGESTORE", keys, keys, positions, positions, range_options),
    command(b"ZRANGESTORE", keys, keys, score_bounds, score_bounds, b"BYSCORE", limit),
    command(one_of(b"ZPOPMIN", b"ZPOPMAX"), keys, maybe(counts)),
    command(b"ZMPOP", b"2", keys, keys, one_of(b"MIN", b"MAX"), maybe(b"COUNT", counts)),
    command(one_of(b"ZUNION", b"ZINTER"), b"2", keys, keys, weights, aggregate, maybe(b"WITHSCORES")),
    command(stores, keys, b"2", keys, keys, weights, aggregate),
    command(b"ZDIFF", b"2", keys, keys, maybe(b"WITHSCORES")),
    command(b"ZDIFFSTORE", keys, b"2", keys, keys),
    command(b"ZINTERCARD", b"2", keys, keys, maybe(b"LIMIT", counts)),
    command(b"ZRANDMEMBER", keys, one_of(b"0", b"1000")),
    command(
        b"ZSCAN",
        keys,
        b"0",
        options(maybe(b"MATCH", patterns), maybe(b"COUNT", one_of(b"1000", b"0", b"-1", b"x"))),
    ),
    command(one_of(b"COPY", b"RENAME"), keys, keys),
    command(b"SADD", keys, some(words)),
    command(b"SET", keys, words),
)


@given(sequence=SORTED_SETS)
def test_sorted_sets(sequence: list[Argv], servers: Servers) -> None:
    """Ours and the real server answer alike."""
    check_same(servers, sequence)
