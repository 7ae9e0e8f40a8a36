"""Numbers as Redis reads them."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.errors import NOT_A_FLOAT, NOT_AN_INTEGER, CommandError
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
def test_every_64_bit_integer_is_read(number: int) -> None:
    assert integer_or_none(b"%d" % number) == number


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-",
        b"+1",
        b"01",
        b"-0",
        b"1 ",
        b" 1",
        b"1_0",
        b"1.0",
        b"0x1",
        b"1\n",
        b"\xd9\xa1",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" * 40,
    ],
)
def test_what_is_no_integer(text: bytes) -> None:
    assert integer_or_none(text) is None
    with pytest.raises(CommandError) as raised:
        integer(text)
    assert raised.value is NOT_AN_INTEGER


def test_an_integer_out_of_bounds_raises_the_error_given() -> None:
    error = CommandError("ERR bounds")
    assert integer_between(b"3", 1, 3, error) == 3
    for text in (b"0", b"4", b"x"):
        with pytest.raises(CommandError, match="bounds"):
            integer_between(text, 1, 3, error)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"3", 3.0),
        (b"+3", 3.0),
        (b"007", 7.0),
        (b".5", 0.5),
        (b"5.", 5.0),
        (b"1e5", 1e5),
        (b"-1.5E-3", -1.5e-3),
        (b"inf", inf),
        (b"-Infinity", -inf),
        (b"+INF", inf),
        (b"0x10", 16.0),
        (b"0x.8p1", 1.0),
        (b"-0x1P-1", -0.5),
        (b"4.9e-324", 5e-324),
        (b"0e999999", 0.0),
        (b"0x0p-99999", 0.0),
    ],
)
def test_what_strtod_takes_is_read(text: bytes, number: float) -> None:
    assert float_or_none(text) == number
    assert floating(text) == number


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-",
        b".",
        b"abc",
        b"nan",
        b"-nan",
        b"nan(1)",
        b"1_0",
        b" 1",
        b"1 ",
        b"1\n",
        b"0x",
        b"0xp1",
        b"1e",
        b"1e+",
        b"infinit",
        b"1\x00",
        b"1f",
        b"0b1",
        b"++1",
        b"1.2.3",
    ],
)
def test_what_is_no_float(text: bytes) -> None:
    assert float_or_none(text) is None
    assert float_of_any_size(text) is None
    with pytest.raises(CommandError) as raised:
        floating(text)
    assert raised.value is NOT_A_FLOAT


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"1e309", inf),
        (b"-1e309", -inf),
        (b"1" * 400, inf),
        (b"1" * 400 + b".", inf),
        (b"0x1p1024", inf),
        (b"-0x1p1024", -inf),
        (b"1e-400", 0.0),
        (b"0.0001e-400", 0.0),
        (b"0x1p-1080", 0.0),
    ],
)
def test_what_no_double_holds_is_refused_unless_any_size_will_do(text: bytes, number: float) -> None:
    assert float_or_none(text) is None
    assert float_of_any_size(text) == number
    with pytest.raises(CommandError):
        floating(text)


@given(st.floats(allow_nan=False))
def test_every_double_is_read_as_python_writes_it(number: float) -> None:
    assert float_or_none(repr(number).encode()) == number
