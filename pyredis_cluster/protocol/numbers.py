"""Numbers as Redis reads and writes them.

Redis is stricter than Python: an integer has no sign `+`, no leading zero, no blank and no underscore,
and fits 64 bits. A float may be anything strtod takes in full, except NaN.
"""

from __future__ import annotations

import re

from pyredis_cluster.protocol.doubles import format_double as format_double
from pyredis_cluster.protocol.errors import NOT_A_FLOAT, NOT_AN_INTEGER, CommandError

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1

_SURELY_FINITE_DIGITS = 300

_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_FLOAT = re.compile(
    rb"[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf(?:inity)?)", re.I
)
_INFINITY = re.compile(rb"[+-]?inf(?:inity)?", re.I)
_NONZERO_DIGIT = re.compile(rb"[+-]?(?:0x[^p]*[1-9a-f]|[0-9.]*[1-9])", re.I)
_HEX_FLOAT = re.compile(rb"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?", re.I)


def integer_or_none(text: bytes) -> int | None:
    """The signed 64-bit integer that `text` spells canonically, or None (string2ll of Redis)."""
    if len(text) > 20 or _INTEGER.fullmatch(text) is None:
        return None
    number = int(text)
    return number if INT64_MIN <= number <= INT64_MAX else None


def integer(text: bytes, error: CommandError = NOT_AN_INTEGER) -> int:
    """The signed 64-bit integer that `text` spells; raises `error` where it spells none."""
    number = integer_or_none(text)
    if number is None:
        raise error
    return number


def integer_between(text: bytes, low: int, high: int, error: CommandError = NOT_AN_INTEGER) -> int:
    """As `integer`, and `low <= number <= high`; raises `error` otherwise."""
    number = integer(text, error)
    if not low <= number <= high:
        raise error
    return number


def float_or_none(text: bytes) -> float | None:
    """The finite or infinite double that `text` spells for strtod, or None.

    NaN is refused, and so is what is too large or too small for a double (but infinity by name is not).
    """
    number = float_of_any_size(text)
    if number is None or (number and number - number == 0):
        return number
    if number:
        return number if _INFINITY.fullmatch(text) is not None else None
    return None if _NONZERO_DIGIT.match(text) is not None else number


def float_of_any_size(text: bytes) -> float | None:
    """As `float_or_none`, but what is too large becomes infinite, and what is too small 0."""
    if _FLOAT.fullmatch(text) is not None:
        return float(text)
    if _HEX_FLOAT.fullmatch(text) is not None:
        try:
            return float.fromhex(text.decode("ascii"))
        except OverflowError:
            return float("-inf") if text[:1] == b"-" else float("inf")
    return None


def floating(text: bytes, error: CommandError = NOT_A_FLOAT) -> float:
    """The double that `text` spells; raises `error` where it spells none."""
    if len(text) < _SURELY_FINITE_DIGITS and text.isdigit():
        return float(text)
    number = float_or_none(text)
    if number is None:
        raise error
    return number
