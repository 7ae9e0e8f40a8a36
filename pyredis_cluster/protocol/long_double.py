"""Arithmetic of INCRBYFLOAT and HINCRBYFLOAT: the 80-bit `long double` of x86, on exact fractions.

A finite number is a `Fraction` that fits the format: 64 bits of significand, exponents up to 2**16384. An
infinite one is a `float`. Every operation rounds to nearest, ties to even.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from pyredis_cluster.protocol.errors import NOT_A_FLOAT, CommandError

LongDouble = Fraction | float

_SIGNIFICAND_BITS = 64
_LEAST_EXPONENT = -16445
_MOST_EXPONENT = 16384
_MAX_TEXT_BYTES = 5 * 1024
_FRACTION_DIGITS = 17
# Python refuses to write larger integers in one piece.
_DIGITS_AT_ONCE = 4000

_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(rb"([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?", re.I)
_INFINITY = re.compile(rb"[+-]?inf(?:inity)?", re.I)


def long_double(text: bytes, error: CommandError = NOT_A_FLOAT) -> LongDouble:
    """The number that `text` spells for strtold in full; raises `error` where it spells none.

    NaN is refused, and what is too large or too small for the format; infinity by name is not.
    """
    if not text or len(text) >= _MAX_TEXT_BYTES:
        raise error
    if _INFINITY.fullmatch(text):
        return float(text)
    exact = _decimal(text) if _DECIMAL.fullmatch(text) else _hexadecimal(text)
    if exact is None:
        raise error
    number = _rounded(exact)
    if isinstance(number, float) or (number == 0 and exact != 0):
        raise error
    return number


def add(left: LongDouble, right: LongDouble) -> Fraction | None:
    """The rounded sum, or None where it is not finite."""
    if isinstance(left, float) or isinstance(right, float):
        return None
    total = _rounded(left + right)
    return None if isinstance(total, float) else total


def format_long_double(number: Fraction) -> bytes:
    """As C's `%.17Lf` writes it, without the zeros at the end of the fraction."""
    scaled = abs(_nearest(number.numerator * 10**_FRACTION_DIGITS, number.denominator))
    whole, fraction = divmod(scaled, 10**_FRACTION_DIGITS)
    text = _decimal_digits(whole)
    if fraction:
        text += "." + str(fraction).zfill(_FRACTION_DIGITS).rstrip("0")
    return (f"-{text}" if number < 0 and scaled else text).encode("ascii")


def _decimal(text: bytes) -> Fraction | None:
    number = Decimal(text.decode("ascii"))
    if not number:
        return Fraction(0)
    # Beyond these the power of ten alone would take forever, and the format cannot hold the number.
    if not -5100 < number.adjusted() < 5000:
        return None
    return Fraction(*number.as_integer_ratio())


def _hexadecimal(text: bytes) -> Fraction | None:
    match = _HEXADECIMAL.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, power = (group or b"" for group in match.groups())
    if not whole + fraction:
        return None
    digits = int(whole + fraction, 16)
    if digits == 0:
        return Fraction(0)
    if len(power) > 6:
        return None
    exponent = int(power or b"0") - 4 * len(fraction)
    if abs(exponent) > 2 * _MOST_EXPONENT + 4 * len(text):
        return None
    number = Fraction(digits) * Fraction(2) ** exponent
    return -number if sign == b"-" else number


def _rounded(exact: Fraction) -> LongDouble:
    """The nearest number of the format; infinite where it is out of range."""
    numerator, denominator = exact.numerator, exact.denominator
    if not numerator:
        return exact
    magnitude = abs(numerator).bit_length() - denominator.bit_length()
    if abs(exact) < Fraction(2) ** magnitude:
        magnitude -= 1
    unit = max(magnitude - _SIGNIFICAND_BITS + 1, _LEAST_EXPONENT)
    if unit >= 0:
        number = Fraction(_nearest(numerator, denominator << unit) << unit)
    else:
        number = Fraction(_nearest(numerator << -unit, denominator), 1 << -unit)
    if abs(number) >= 1 << _MOST_EXPONENT:
        return float("inf") if number > 0 else float("-inf")
    return number


def _nearest(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient & 1):
        quotient += 1
    return quotient


def _decimal_digits(number: int) -> str:
    pieces: list[str] = []
    while number >= 10**_DIGITS_AT_ONCE:
        number, rest = divmod(number, 10**_DIGITS_AT_ONCE)
        pieces.append(str(rest).zfill(_DIGITS_AT_ONCE))
    pieces.append(str(number))
    return "".join(reversed(pieces))
