"""Numbers in what others send, read as leniently as the reference does: by atoi and strtoull."""

from __future__ import annotations

import re
from typing import Final

MAX_EPOCH: Final = (1 << 63) - 1
"""Requests for votes carry epochs as signed numbers, so none may be greater."""

_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)0*([0-9]+)").match
_MANY_DIGITS: Final = 20  # more than any number of 64 bits has


def atoi(text: bytes) -> int:
    """The number that `text` begins with, or 0; truncated to 32 bits as a cast of strtol's result is."""
    number = min(max(_number(text), -(1 << 63)), (1 << 63) - 1)
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def strtoull(text: bytes) -> int:
    """The number of 64 bits that `text` begins with, or 0; at most the greatest, and negative ones wrap."""
    number = _number(text)
    if abs(number) >= 1 << 64:
        return (1 << 64) - 1
    return number % (1 << 64)


def strtoll(text: bytes) -> int:
    """The signed number of 64 bits that `text` begins with, or 0, or the nearest one."""
    return min(max(_number(text), -(1 << 63)), (1 << 63) - 1)


def _number(text: bytes) -> int:
    match = _NUMBER(text)
    if match is None:
        return 0
    number = int(match[2]) if len(match[2]) <= _MANY_DIGITS else 1 << 64
    return -number if match[1] == b"-" else number
