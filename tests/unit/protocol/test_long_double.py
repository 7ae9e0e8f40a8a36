"""The arithmetic of INCRBYFLOAT. Expected values are what Redis on x86-64 replies."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.protocol.errors import NOT_A_FLOAT, CommandError
from pyredis_cluster.protocol.long_double import add, format_long_double, long_double


def _sum(left: bytes, right: bytes) -> bytes | None:
    total = add(long_double(left), long_double(right))
    return None if total is None else format_long_double(total)


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        (b"10.50", b"0.1", b"10.6"),
        (b"0.1", b"0.2", b"0.3"),
        (b"5.0e3", b"2.0e2", b"5200"),
        (b"1e17", b"0.1", b"100000000000000000.1015625"),
        (b"0", b"1e-17", b"0.00000000000000001"),
        (b"0", b"1e-18", b"0"),
        (b"-1e-18", b"0", b"0"),
        (b"3", b"-3.0", b"0"),
        (b"0x1.8p1", b"0x10", b"19"),
        (b"1e308", b"1e308", b"2" + b"0" * 308),
    ],
)
def test_sums(left: bytes, right: bytes, total: bytes) -> None:
    found = _sum(left, right)
    if len(total) > 100:
        assert found is not None
        assert len(found) == len(total)
    else:
        assert found == total


@pytest.mark.parametrize("text", [b"inf", b"-inf", b"+Infinity"])
def test_infinity_is_a_number_but_no_sum(text: bytes) -> None:
    assert add(long_double(text), Fraction(1)) is None
    assert add(Fraction(1), long_double(text)) is None


def test_a_sum_beyond_the_range_is_none() -> None:
    assert _sum(b"1e4932", b"1e4932") is None
    assert _sum(b"-1e4932", b"-1e4932") is None


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" 1", b"1 ", b"nan", b"abc", b"1_0", b".", b"1e", b"0x", b"0xp1", b"--1"),
        *(b"1e5000", b"1e-5000", b"1e999999999999", b"1e-999999999999", b"0x1p99999999", b"1" * 5120),
    ],
)
def test_refused(text: bytes) -> None:
    with pytest.raises(CommandError) as raised:
        long_double(text)
    assert raised.value is NOT_A_FLOAT


def test_zero_with_any_exponent_is_zero() -> None:
    assert long_double(b"0e999999999") == 0
    assert long_double(b"0x0p-9999999") == 0


def test_the_largest_number_can_be_written() -> None:
    largest = long_double(b"1.18973149535723176502e4932")
    assert isinstance(largest, Fraction)
    assert len(format_long_double(largest)) == 4933


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63), st.integers(-(2**62), 2**62))
def test_integers_of_64_bits_add_exactly(left: int, right: int) -> None:
    total = left + right
    if abs(total) < 2**64:
        assert _sum(b"%d" % left, b"%d" % right) == b"%d" % total


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_held_exactly(number: float) -> None:
    assert long_double(number.hex().encode()) == Fraction(number)
