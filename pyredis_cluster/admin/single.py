"""Numbers of single precision: redis-cli counts slots with them, and we are to get the same counts."""

from __future__ import annotations

import struct

_SINGLE = struct.Struct("f")


def single(value: float) -> float:
    """`value` rounded to single precision. Raises OverflowError where it is too large."""
    rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return rounded
