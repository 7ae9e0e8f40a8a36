"""Doubles as text, digit for digit as Redis 7.2 writes them.

Integers are written out in full. All else gets the digits of the Grisu2 algorithm, which are the shortest
that read back as the same double in 999 cases of 1000, and in the rest a little longer: as `repr` would not
know which, the algorithm itself is here.

Sources: F. Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers" (2010); d2string
of Redis 7.2 for the layout.
"""

from __future__ import annotations

from functools import lru_cache
from math import isinf
from struct import Struct

_MAX_INTEGER = float(2**62)
"""Beyond this Redis writes even integers in the notation for fractions."""

_MASK_64 = (1 << 64) - 1
_DOUBLE = Struct("<d")
_BITS = Struct("<Q")


def format_double(number: float) -> bytes:
    """A double as Redis 7.2 replies it: `3`, `0.1`, `1e+30`, `-0`, `inf`, `nan`."""
    if -_MAX_INTEGER <= number <= _MAX_INTEGER:
        integer = int(number)
        if integer == number:
            return b"%d" % integer if integer or str(number)[0] != "-" else b"-0"
    elif number != number:
        return b"nan"
    elif isinf(number):
        return b"inf" if number > 0 else b"-inf"
    return _format_fraction(number)


def format_double_by_digits(number: float) -> bytes:
    """As `format_double`, but integers that end in many zeros have an exponent as well: `1e+8`."""
    if number == 0 or number != number or isinf(number):
        return format_double(number)
    return _format_fraction(number)


def format_double_in_17_digits(number: float) -> bytes:
    """A double as C's `%.17g` writes it: the form that ZSCAN gives the scores of a large sorted set."""
    return b"%.17g" % number


@lru_cache(8192)
def _format_fraction(number: float) -> bytes:
    sign = "-" if number < 0 else ""
    digits, exponent = _shortest_digits(abs(number))
    count = len(digits)
    magnitude = exponent + count - 1
    if exponent >= 0 and abs(magnitude) < count + 7:
        text = digits + "0" * exponent
    elif exponent < 0 and (exponent > -7 or abs(magnitude) < 4):
        point = count + exponent
        text = f"{digits[:point]}.{digits[point:]}" if point > 0 else f"0.{'0' * -point}{digits}"
    else:
        fraction = f".{digits[1:]}" if count > 1 else ""
        text = f"{digits[0]}{fraction}e{magnitude:+d}"
    return (sign + text).encode("ascii")


def _power_of_ten(exponent: int) -> tuple[int, int]:
    """(f, e) such that f * 2**e is 10**exponent rounded to the 64 bits of f."""
    if exponent >= 0:
        power = 10**exponent
        shift = power.bit_length() - 64
        if shift <= 0:
            return power << -shift, shift
        return (power + (1 << (shift - 1))) >> shift, shift
    divisor = 10**-exponent
    shift = divisor.bit_length() + 63
    quotient = ((1 << (shift + 1)) // divisor + 1) >> 1
    if quotient.bit_length() > 64:
        shift -= 1
        quotient = ((1 << (shift + 1)) // divisor + 1) >> 1
    return quotient, -shift


_FIRST_POWER = -348
_POWER_STEP = 8
_POWERS = tuple(_power_of_ten(_FIRST_POWER + _POWER_STEP * index) for index in range(87))


def _cached_power(exponent: int) -> tuple[int, int, int]:
    """A power of ten that brings a 64-bit number with this binary exponent into the range of Grisu2.

    Returns its 64-bit significand, binary exponent, and decimal exponent.
    """
    index = int((int(-(exponent + len(_POWERS)) * 0.30102999566398114) - _FIRST_POWER) / _POWER_STEP)
    while True:
        significand, binary = _POWERS[index]
        reached = exponent + binary + 64
        if reached < -60:
            index += 1
        elif reached > -32:
            index -= 1
        else:
            return significand, binary, _FIRST_POWER + _POWER_STEP * index


def _multiply(a: int, b: int) -> int:
    """The upper half of the 128-bit product, rounded as Grisu2 does it with 32-bit halves."""
    low = (1 << 32) - 1
    upper_lower = (a >> 32) * (b & low)
    lower_upper = (a & low) * (b >> 32)
    lower_lower = (a & low) * (b & low)
    middle = (upper_lower & low) + (lower_upper & low) + (lower_lower >> 32) + (1 << 31)
    return ((a >> 32) * (b >> 32) + (upper_lower >> 32) + (lower_upper >> 32) + (middle >> 32)) & _MASK_64


def _shortest_digits(number: float) -> tuple[str, int]:
    """(digits, exponent) of Grisu2 such that digits * 10**exponent reads back as `number`, which is > 0."""
    bits: int = _BITS.unpack(_DOUBLE.pack(number))[0]
    fraction = bits & ((1 << 52) - 1)
    exponent = (bits >> 52) - 1075
    is_power_of_two = fraction == 0 and exponent > -1075
    if exponent == -1075:
        exponent = -1074
    else:
        fraction |= 1 << 52
    upper = (fraction << 1) + 1
    upper_shift = 64 - upper.bit_length()
    upper_exponent = exponent - 1 - upper_shift
    upper <<= upper_shift
    lower_shift = 2 if is_power_of_two else 1
    lower = ((fraction << lower_shift) - 1) << (exponent - lower_shift - upper_exponent)
    fraction_shift = 64 - fraction.bit_length()
    power, power_exponent, decimal = _cached_power(upper_exponent)
    value = _multiply(fraction << fraction_shift, power)
    upper = _multiply(upper, power) - 1
    lower = _multiply(lower, power) + 1
    return _generate(value, upper, lower, -(upper_exponent + power_exponent + 64), -decimal)


def _generate(value: int, upper: int, lower: int, point: int, decimal: int) -> tuple[str, int]:
    """Digits of a number within (lower, upper), as near to `value` as their count allows.

    The three are fixed-point numbers with `point` bits after the point; `decimal` is the power of ten
    that was taken out of them.
    """
    distance = upper - value
    delta = upper - lower
    one = 1 << point
    whole = upper >> point
    rest = upper & (one - 1)
    digits = 0
    unit = 1_000_000_000
    for kappa in range(9, -1, -1):
        digit, whole = divmod(whole, unit)
        digits = 10 * digits + digit
        remainder = (whole << point) + rest
        if remainder <= delta:
            digits = _round(digits, delta, remainder, unit << point, distance)
            return str(digits), decimal + kappa
        unit //= 10
    kappa = 0
    scale = 1
    while True:
        rest *= 10
        delta *= 10
        scale *= 10
        kappa -= 1
        digits = 10 * digits + (rest >> point)
        rest &= one - 1
        if rest < delta:
            digits = _round(digits, delta, rest, one, distance * scale)
            return str(digits), decimal + kappa


def _round(digits: int, delta: int, remainder: int, unit: int, distance: int) -> int:
    """Lower the last digit while that comes nearer to the value and stays above the lower bound."""
    while (
        remainder < distance
        and delta - remainder >= unit
        and (remainder + unit < distance or distance - remainder > remainder + unit - distance)
    ):
        digits -= 1
        remainder += unit
    return digits
