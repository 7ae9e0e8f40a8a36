"""Doubles as text: layout, and digits against what the algorithm promises."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.doubles import _POWERS, format_double, format_double_in_17_digits


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0"),
        (-0.0, b"-0"),
        (3.0, b"3"),
        (-17.0, b"-17"),
        (float("inf"), b"inf"),
        (float("-inf"), b"-inf"),
        (float("nan"), b"nan"),
        (0.1, b"0.1"),
        (-1.5, b"-1.5"),
        (123456789.123, b"123456789.123"),
        (1e-5, b"0.00001"),
        (1e-6, b"0.000001"),
        (1e-7, b"1e-7"),
        (1.5e-7, b"1.5e-7"),
        (1e17, b"100000000000000000"),
        (1e18, b"1000000000000000000"),
        (4611686018427387904.0, b"4611686018427387904"),
        (9223372036854775807.0, b"9223372036854776000"),
        (1e19, b"1e+19"),
        (1e20, b"1e+20"),
        (1.5e22, b"1.5e+22"),
        (1e100, b"1e+100"),
        (1.7976931348623157e308, b"1.7976931348623157e+308"),
        (2.2250738585072014e-308, b"2.2250738585072014e-308"),
        (5e-324, b"5e-324"),
        (0.30000000000000004, b"0.30000000000000004"),
    ],
)
def test_written_as_redis_writes_it(number: float, text: bytes) -> None:
    assert format_double(number) == text


@given(st.floats(allow_nan=False))
def test_reads_back_as_the_same_double(number: float) -> None:
    text = format_double(number)
    assert struct.pack("<d", float(text)) == struct.pack("<d", number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_digits_are_never_fewer_than_the_shortest_and_at_most_17(number: float) -> None:
    digits = _digits(format_double(number).decode())
    if not number.is_integer():
        assert len(_digits(repr(number))) <= len(digits) <= 17


def _digits(text: str) -> str:
    return text.lower().partition("e")[0].replace(".", "").strip("-").strip("0")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e22, b"1e+22"),
        (1e23, b"99999999999999990000000"),
        (8.41e21, b"8409999999999999000000"),
        (6.195626866399892e-221, b"6.1956268663998915e-221"),
        (-5.131116597422591e-36, b"-5.1311165974225907e-36"),
        (471.6928338312525, b"471.69283383125253"),
        (0.000337939882831, b"3.3793988283100003e-4"),
    ],
)
def test_where_grisu2_misses_the_shortest_digits_so_do_we(number: float, text: bytes) -> None:
    # These came from a real server.
    assert format_double(number) == text
    assert float(text) == number


@given(st.integers(-(2**62), 2**62))
def test_integers_are_written_in_full(number: int) -> None:
    assert format_double(float(number)) == b"%d" % int(float(number))


def test_powers_are_exact_to_64_bits() -> None:
    for index, (significand, exponent) in enumerate(_POWERS):
        assert significand.bit_length() == 64
        power = -348 + 8 * index
        if power >= 0:
            assert abs(significand * 2 ** max(exponent, 0) - 10**power * 2 ** max(-exponent, 0)) <= 2 ** max(
                exponent - 1, 0
            )
        else:
            # |f * 2**e - 10**-k| <= 2**(e - 1), both sides times 10**k * 2**-e.
            assert abs(2 * significand * 10**-power - 2 * 2**-exponent) <= 10**-power


def test_the_form_of_scans() -> None:
    assert format_double_in_17_digits(0.1) == b"0.10000000000000001"
    assert format_double_in_17_digits(3.0) == b"3"
    assert format_double_in_17_digits(1e20) == b"1e+20"
    assert format_double_in_17_digits(float("-inf")) == b"-inf"
