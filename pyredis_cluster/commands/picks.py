"""The count of commands that return random elements: HRANDFIELD, SRANDMEMBER, ZRANDMEMBER."""

from __future__ import annotations

from pyredis_cluster.protocol.errors import OUT_OF_RANGE, out_of_bounds
from pyredis_cluster.protocol.numbers import INT64_MAX, integer

_COUNT_OUT_OF_RANGE = out_of_bounds(-INT64_MAX, INT64_MAX)
_MAX_REPEATED_PICKS = 1 << 24
"""Picks that may repeat are not bounded by what the key holds: Redis answers until its memory is used up."""


def pick_count(text: bytes) -> int:
    """The count that `text` spells. Raises NOT_AN_INTEGER and errors for a count out of range."""
    count = integer(text)
    if count < -INT64_MAX:
        raise _COUNT_OUT_OF_RANGE
    return count


def repeated_count(count: int) -> int:
    """The number of picks that a negative count asks for; raises OUT_OF_RANGE where memory would not do."""
    if -count > _MAX_REPEATED_PICKS:
        raise OUT_OF_RANGE
    return -count
