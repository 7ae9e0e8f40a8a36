"""LZF compression, as RDB files use it for strings of more than 20 bytes.

    000lllll                    l + 1 bytes follow as they are
    lllooooo oooooooo           copy l + 2 bytes (l from 1 to 6) from o + 1 bytes before the end of the output
    111ooooo llllllll oooooooo  the same, l + 9 bytes

What is written may be shorter or longer than what Redis would write; both decompress to the same. The search
for matches is what costs. Four things bound it, so that saving data that does not compress costs little more
than not trying, and no value stops the event loop for long:

1. Short strings are not searched, since little could be saved: only padding is looked for, at three places.
2. A few samples decide whether a longer one is searched at all (`_seems_repetitive`).
3. The longer nothing is found, the wider the steps.
4. A string whose first part does not get shorter is given up, and so is one that would take too long: beyond
   some 60 KiB only what is very repetitive is compressed.

Source: liblzf's format (lzf_d.c).
"""

from __future__ import annotations

import re

MIN_BYTES = 21
"""Shorter strings are never compressed."""

_SAVES_AT_LEAST = 4
_GRAM_BYTES = 3
_MAX_DISTANCE = 8192
_MAX_MATCH_BYTES = 264
_SHORT_MATCH_BYTES = 16
_MAX_LITERALS = 32
_MISSES_PER_STEP_SHIFT = 5
_TRIAL_STEPS = 1000
_MAX_STEPS = 20_000
_SAMPLE_BYTES = 4
_SAMPLE_WINDOW_BYTES = 2048
_SEARCHED_MIN_BYTES = 128
_PADDED_MAX_BYTES = 256
_RUN_MIN_BYTES = 8
_RUN = re.compile(rb"(.)\1{%d,}" % (_RUN_MIN_BYTES - 1), re.S)
"""Padding: where a string of up to 256 bytes has some, nothing else in it is looked for."""


def compress(data: bytes | bytearray) -> bytes | None:
    """`data` compressed, or None where that would not save four bytes, or does not look as if it would."""
    size = len(data)
    if size < MIN_BYTES:
        return None
    if size <= _PADDED_MAX_BYTES:
        run = _find_run(data, size)
        if run is not None:
            return _compress_run(data, *run)
        if size < _SEARCHED_MIN_BYTES:
            return None
    if not _seems_repetitive(data, size):
        return None
    source = bytes(data)
    out = bytearray()
    literals_at = _append_matches(out, source, size)
    # A byte for each 32 literals: not worth adding where they leave no gain.
    if len(out) + (size - literals_at) * 33 // 32 > size:
        return None
    if literals_at < size:
        _append_literals(out, source, literals_at, size)
    return bytes(out) if len(out) <= size - _SAVES_AT_LEAST else None


def _find_run(data: bytes | bytearray, size: int) -> tuple[int, int] | None:
    """Start and end of a run of one byte at the end, at the start or around the middle, of eight or nearly.

    Most strings have none, and fail at the first comparison of each.
    """
    if data[-1] == data[-2] == data[-8] == data[-4]:
        return len(data.rstrip(data[-1:])), size
    if data[0] == data[1] == data[7] == data[3]:
        return 0, size - len(data.lstrip(data[:1]))
    middle = size >> 1
    if data[middle] == data[middle + 1] == data[middle - 4]:
        found = _RUN.search(data)
        return None if found is None else found.span()
    return None


def _compress_run(data: bytes | bytearray, start: int, end: int) -> bytes | None:
    """`data` with its run of one byte from `start` to `end` compressed, if that is worth it."""
    if end - start <= _GRAM_BYTES:
        return None
    size = len(data)
    out = bytearray()
    _append_literals(out, data, 0, start + 1)
    _append_copy(out, end - start - 1, 0)
    if end < size:
        _append_literals(out, data, end, size)
    return bytes(out) if len(out) <= size - _SAVES_AT_LEAST else None


def _seems_repetitive(data: bytes | bytearray, size: int) -> bool:
    """Whether at least two of four samples occur twice in their surroundings."""
    step = size >> 2
    found = 0
    for place in (step >> 1, step, 2 * step, 3 * step):
        sample = data[place : place + _SAMPLE_BYTES]
        if size <= _SAMPLE_WINDOW_BYTES:
            count = data.count(sample)
        else:
            count = data.count(sample, max(place - _SAMPLE_WINDOW_BYTES, 0), place + _SAMPLE_WINDOW_BYTES)
        if count > 1:
            if found:
                return True
            found = 1
    return False


def _append_matches(out: bytearray, data: bytes, size: int) -> int:
    """Append all up to the last match that is found; returns where that ends, 0 where it is not worth it."""
    seen: dict[bytes, int] = {}
    find = seen.get
    start = place = misses = 0
    # The first part is a trial: all of a short string's first half, a small part of a long one.
    steps = min(size >> 1, _TRIAL_STEPS)
    end = (size >> 1) - _GRAM_BYTES
    is_trial = True
    while True:
        if place > end or not steps:
            if not is_trial:
                return start
            if len(out) + place - start >= place or place * (_MAX_STEPS // _TRIAL_STEPS) < size:
                return 0
            is_trial = False
            steps = _MAX_STEPS
            end = size - _GRAM_BYTES
            continue
        steps -= 1
        gram = data[place : place + _GRAM_BYTES]
        before = find(gram, -1)
        seen[gram] = place
        if before < 0 or place - before > _MAX_DISTANCE:
            misses += 1
            place += 1 + (misses >> _MISSES_PER_STEP_SHIFT)
            continue
        length = _match_length(data, before, place, min(size - place, _MAX_MATCH_BYTES))
        if start < place:
            _append_literals(out, data, start, place)
        _append_copy(out, length, place - before - 1)
        place += length
        start = place
        misses = 0
        # What follows may match from the last byte of this match on.
        seen[data[place - 1 : place + 2]] = place - 1


def _match_length(data: bytes, left: int, right: int, limit: int) -> int:
    """How many bytes from `left` and from `right` on are equal, at most `limit`."""
    width = min(limit, _SHORT_MATCH_BYTES)
    while True:
        differing = int.from_bytes(data[left : left + width], "little") ^ int.from_bytes(
            data[right : right + width], "little"
        )
        if differing:
            return (differing & -differing).bit_length() - 1 >> 3
        if width == limit:
            return limit
        width = limit


def _append_copy(out: bytearray, length: int, offset: int) -> None:
    if length < 9:
        out.append(length - 2 << 5 | offset >> 8)
    else:
        out.append(0xE0 | offset >> 8)
        out.append(length - 9)
    out.append(offset & 0xFF)


def _append_literals(out: bytearray, data: bytes | bytearray, start: int, end: int) -> None:
    if end - start <= _MAX_LITERALS:
        out.append(end - start - 1)
        out += data[start:end]
        return
    for place in range(start, end, _MAX_LITERALS):
        stop = min(place + _MAX_LITERALS, end)
        out.append(stop - place - 1)
        out += data[place:stop]
