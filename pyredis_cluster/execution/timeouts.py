"""How long a client asks to wait: in seconds with fractions, or in milliseconds."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.long_double import long_double
from pyredis_cluster.protocol.numbers import INT64_MAX, integer

_NOT_A_FLOAT = CommandError("ERR timeout is not a float or out of range")
_NOT_AN_INTEGER = CommandError("ERR timeout is not an integer or out of range")
_NEGATIVE = CommandError("ERR timeout is negative")
_OUT_OF_RANGE = CommandError("ERR timeout is out of range")


def parse_seconds(text: bytes, now_ms: int) -> int:
    """Milliseconds of a timeout in seconds, fractions rounded up; 0 is for ever.

    Raises an error for what is no number, negative, or too far ahead of `now_ms` for 64 bits.
    """
    if text == b"0":
        return 0
    seconds = long_double(text, _NOT_A_FLOAT)
    if not isinstance(seconds, Fraction):
        raise _OUT_OF_RANGE if seconds > 0 else _NEGATIVE
    exact = seconds * 1000
    # Redis multiplies in 64 bits of significand: what those cannot tell from a whole number is one.
    milliseconds = ceil(exact - abs(exact) / 2**63)
    if milliseconds < 0:
        raise _NEGATIVE
    if milliseconds > INT64_MAX - now_ms:
        raise _OUT_OF_RANGE
    return milliseconds


def parse_milliseconds(text: bytes, now_ms: int) -> int:
    """Milliseconds of a timeout in milliseconds; 0 is for ever.

    Raises an error for what is no integer, negative, or too far ahead of `now_ms` for 64 bits.
    """
    milliseconds = integer(text, _NOT_AN_INTEGER)
    if milliseconds < 0:
        raise _NEGATIVE
    if milliseconds > INT64_MAX - now_ms:
        raise _OUT_OF_RANGE
    return milliseconds
