"""Ranges of indices, as LRANGE and ZRANGE name them."""

from __future__ import annotations


def bounds(start: int, stop: int, length: int) -> tuple[int, int]:
    """Redis's inclusive range with negative indices as a Python one.

    Returns (start, stop) with `start <= stop`, both within 0..length; (0, 0) for an empty range.
    """
    if start < 0:
        start = max(start + length, 0)
    if stop < 0:
        stop += length
    stop = min(stop + 1, length)
    return (start, stop) if start < stop else (0, 0)
