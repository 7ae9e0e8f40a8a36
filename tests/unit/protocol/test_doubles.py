"""Doubles as Redis writes them; the digits themselves are compared with a real server elsewhere."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.doubles import format_double, format_double_in_17_digits


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0"), (-0.0, b"-0"), (3.0, b"3"), (-3.0, b"-3"), (1e15, b"1000000000000000"),
        (2.0**62, b"4611686018427387904"), (0.1, b"0.1"), (-1.5, b"-1.5"), (123.456, b"123.456"),
        (1e-5, b"0.00001"), (1e-7, b"1e-7"), (1.5e-9, b"1.5e-9"), (1e30, b"1e+30"), (1.25e30, b"1.25e+30"),
        (5e-324, b"5e-324"), (1.7976931348623157e308, b"1.7976931348623157e+308"),
        (inf, b"inf"), (-inf, b"-inf"), (nan, b"nan"),
    ],
)  # fmt: skip
def test_layout(number: float, text: bytes) -> None:
    assert format_double(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_reads_back(number: float) -> None:
    assert float(format_double(number)) == number
    assert float(format_double_in_17_digits(number)) == number
    assert len(format_double(abs(number))) <= 25


@given(st.integers(-(2**62), 2**62))
def test_integers_are_written_out(number: int) -> None:
    assert format_double(float(number)) == b"%d" % int(float(number))
