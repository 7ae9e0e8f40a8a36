"""The backlog against the stream it is a part of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.replication.backlog import Backlog

CHUNK = 16384


def numbered(start: int, size: int) -> bytes:
    """Bytes `start` … of a stream in which each byte tells its number."""
    return bytes((number * 7 + number // 251) & 0xFF for number in range(start, start + size))


def fed(size: int, *pieces: int, start_offset: int = 0) -> Backlog:
    backlog = Backlog(size, start_offset)
    for piece in pieces:
        backlog.append(numbered(backlog.end_offset + 1, piece))
    return backlog


def text(pieces: list[bytes] | None) -> bytes:
    assert pieces is not None
    return b"".join(pieces)


def test_an_empty_one_begins_with_the_next_byte() -> None:
    backlog = Backlog(100, 41)
    assert (backlog.first_offset, backlog.end_offset, backlog.length) == (42, 41, 0)
    assert backlog.since(42) == []
    assert backlog.since(41) is None
    assert backlog.since(43) is None


def test_what_is_held_can_be_had_from_any_byte() -> None:
    backlog = fed(1 << 20, 10, CHUNK, 3, 5, start_offset=5)
    whole = numbered(6, 18 + CHUNK)
    for offset in (6, 7, 15, 16, 17, 5 + CHUNK, 20 + CHUNK, 21 + CHUNK, 23 + CHUNK):
        assert text(backlog.since(offset)) == whole[offset - 6 :]
    assert backlog.since(24 + CHUNK) == []
    assert backlog.since(25 + CHUNK) is None


def test_the_oldest_goes_but_never_below_the_size() -> None:
    backlog = fed(CHUNK, *[1000] * 100)
    assert backlog.end_offset == 100_000
    assert CHUNK <= backlog.length < 3 * CHUNK
    assert backlog.since(backlog.first_offset - 1) is None
    assert text(backlog.since(backlog.first_offset)) == numbered(backlog.first_offset, backlog.length)


def test_what_a_replica_has_not_had_stays() -> None:
    backlog = fed(CHUNK, 10)
    backlog.keep_from(5)
    for _ in range(20):
        backlog.append(numbered(backlog.end_offset + 1, CHUNK))
    assert backlog.first_offset <= 5
    assert text(backlog.since(5)) == numbered(5, backlog.end_offset - 4)
    backlog.keep_from(5 + 10 * CHUNK)
    assert 10 * CHUNK <= backlog.length <= 11 * CHUNK
    backlog.keep_from(None)
    assert CHUNK <= backlog.length <= 3 * CHUNK


def test_a_smaller_size_takes_effect_at_once_and_a_larger_one_later() -> None:
    backlog = fed(1 << 20, *[CHUNK] * 30)
    assert backlog.length == 30 * CHUNK
    backlog.resize(2 * CHUNK)
    assert 2 * CHUNK <= backlog.length <= 3 * CHUNK
    backlog.resize(10 * CHUNK)
    for _ in range(30):
        backlog.append(numbered(backlog.end_offset + 1, CHUNK))
    assert 10 * CHUNK <= backlog.length <= 11 * CHUNK


def test_pieces_are_shared_and_not_copied() -> None:
    backlog = Backlog(1 << 20, 0)
    piece = b"x" * CHUNK
    backlog.append(piece)
    first, second = backlog.since(1), backlog.since(1)
    assert first is not None
    assert second is not None
    assert first[0] is second[0] is piece


def test_what_is_long_goes_bit_by_bit_too() -> None:
    backlog = fed(10 * CHUNK, 100 * CHUNK)
    assert 10 * CHUNK <= backlog.length <= 11 * CHUNK
    assert text(backlog.since(backlog.first_offset)) == numbered(backlog.first_offset, backlog.length)


def test_a_limit_ends_after_whole_pieces() -> None:
    backlog = fed(1 << 20, *[CHUNK] * 4, 7)
    assert text(backlog.since(1, CHUNK)) == numbered(1, CHUNK)
    assert text(backlog.since(2, CHUNK)) == numbered(2, 2 * CHUNK - 1)
    assert text(backlog.since(1, 1)) == numbered(1, CHUNK)
    assert text(backlog.since(3 * CHUNK + 1, 10 * CHUNK)) == numbered(3 * CHUNK + 1, CHUNK + 7)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 5 * CHUNK),
    start_offset=st.integers(0, 1000),
    pieces=st.lists(st.integers(1, 2 * CHUNK), max_size=60),
    kept=st.none() | st.integers(1, 200_000),
    limit_bytes=st.none() | st.integers(1, 50_000),
    data=st.data(),
)
def test_it_is_always_the_end_of_the_stream(
    size: int,
    start_offset: int,
    pieces: list[int],
    kept: int | None,
    limit_bytes: int | None,
    data: st.DataObject,
) -> None:
    backlog = Backlog(size, start_offset)
    backlog.keep_from(kept)
    for piece in pieces:
        backlog.append(numbered(backlog.end_offset + 1, piece))
        assert backlog.length >= min(size, backlog.end_offset - start_offset)
        assert backlog.first_offset + backlog.length == backlog.end_offset + 1
        if kept is not None:
            assert backlog.first_offset <= max(kept, start_offset + 1) or kept > backlog.end_offset
    offset = data.draw(st.integers(backlog.first_offset, backlog.end_offset + 1))
    whole = numbered(offset, backlog.end_offset + 1 - offset)
    got = text(backlog.since(offset, limit_bytes))
    assert whole.startswith(got)
    assert len(got) >= min(limit_bytes or len(whole), len(whole))
