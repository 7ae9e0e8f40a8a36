"""Numbers as Redis reads them."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.errors import NOT_A_FLOAT, NOT_AN_INTEGER, OUT_OF_RANGE, CommandError
from pyredis_cluster.protocol.numbers import (
    INT64_MAX,
    INT64_MIN,
    float_of_any_size,
    float_or_none,
    floating,
    integer,
    integer_between,
    integer_or_none,
)


@given(st.integers(INT64_MIN, INT64_MAX))
def test_integers(number: int) -> None:
    assert integer_or_none(b"%d" % number) == number


@pytest.mark.parametrize(
    "text",
    [b"", b"-", b"+1", b"-0", b"01", b"-01", b" 1", b"1 ", b"1\n", b"1_0", b"1.0", b"0x1", b"1e3", b"\xb2",
     b"9223372036854775808", b"-9223372036854775809", b"1" * 21],
)  # fmt: skip
def test_no_integers(text: bytes) -> None:
    assert integer_or_none(text) is None
    with pytest.raises(CommandError) as refused:
        integer(text)
    assert refused.value is NOT_AN_INTEGER


def test_integers_of_a_range() -> None:
    assert integer_between(b"3", 1, 3) == 3
    for text in (b"0", b"4", b"x"):
        with pytest.raises(CommandError) as refused:
            integer_between(text, 1, 3, OUT_OF_RANGE)
        assert refused.value is OUT_OF_RANGE


@given(st.floats(allow_nan=False))
def test_floats(number: float) -> None:
    assert float_or_none(repr(number).encode()) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"1", 1.0), (b"+1.5", 1.5), (b".5", 0.5), (b"5.", 5.0), (b"1e3", 1000.0), (b"0x1p4", 16.0),
        (b"0X.8", 0.5), (b"-0xA", -10.0), (b"inf", inf), (b"-Infinity", -inf), (b"+INF", inf),
        (b"0e999", 0.0), (b"-0", 0.0), (b"0x0p9", 0.0),
    ],
)  # fmt: skip
def test_notations(text: bytes, number: float) -> None:
    assert floating(text) == number


@pytest.mark.parametrize(
    "text",
    [b"", b".", b"e3", b"1e", b"nan", b"-nan", b" 1", b"1 ", b"1_0", b"0x", b"0x.", b"1f", b"1e400",
     b"-1e400", b"1e-400", b"0x1p99999", b"-0x1p99999", b"0x1p-99999", b"infin"],
)  # fmt: skip
def test_no_floats(text: bytes) -> None:
    assert float_or_none(text) is None
    with pytest.raises(CommandError) as refused:
        floating(text)
    assert refused.value is NOT_A_FLOAT


def test_floats_of_any_size() -> None:
    assert float_of_any_size(b"-1e400") == -inf
    assert float_of_any_size(b"0x1p99999") == inf
    assert float_of_any_size(b"-0x1p99999") == -inf
    assert float_of_any_size(b"1e-400") == 0
    assert float_of_any_size(b"x") is None
