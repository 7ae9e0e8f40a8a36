from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.persistence.rdb.lzf_compress import compress


def expand(packed: bytes) -> bytes:
    """What the format says, as plainly as can be."""
    out = bytearray()
    place = 0
    while place < len(packed):
        control = packed[place]
        place += 1
        if control < 32:
            out += packed[place : place + control + 1]
            place += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += packed[place]
            place += 1
        start = len(out) - ((control & 31) << 8 | packed[place]) - 1
        place += 1
        assert start >= 0
        for offset in range(length + 2):
            out.append(out[start + offset])
    return bytes(out)


def check(data: bytes) -> bytes | None:
    packed = compress(data)
    if packed is not None:
        assert expand(packed) == data
        assert len(packed) <= len(data) - 4
    return packed


PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.tuples(st.binary(min_size=1, max_size=12), st.integers(1, 60)).map(lambda pair: pair[0] * pair[1]),
    ),
    max_size=12,
).map(b"".join)


@given(st.binary(max_size=20), st.binary(min_size=1, max_size=1), st.integers(0, 300), st.binary(max_size=20))
def test_padded_strings_expand_to_the_same(head: bytes, byte: bytes, count: int, tail: bytes) -> None:
    check(head + byte * count + tail)


@given(PIECES)
def test_expands_to_the_same(data: bytes) -> None:
    check(data)


@given(st.integers(1, 8), st.integers(21, 5000), st.randoms())
def test_expands_to_the_same_with_few_letters(letters: int, size: int, rnd: random.Random) -> None:
    check(bytes(rnd.choices(range(letters), k=size)))


@pytest.mark.parametrize("size", [21, 22, 29, 263, 264, 265, 266, 267, 300, 8191, 8192, 8193, 70_000])
def test_runs_of_one_byte_shrink_to_next_to_nothing(size: int) -> None:
    packed = check(b"x" * size)
    assert packed is not None
    assert len(packed) <= 5 + size // 80


@pytest.mark.parametrize("size", [128, 300, 9_000, 100_000])
def test_periods_shrink(size: int) -> None:
    data = (b"the quick brown fox " * size)[:size]
    packed = check(data)
    assert packed is not None
    assert len(packed) < 30 + size // 60


def test_looks_no_further_back_than_the_format_reaches() -> None:
    block = random.Random(1).randbytes(9000)
    assert check(block + block) is None


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"value:0000000000000001", 13),
        (b"value:123".ljust(100, b"\0"), 14),
        (b"123".rjust(100, b"0"), 9),
        (b"0" * 20 + b"x" * 20, 25),
        (b"x" * 250 + b"y", 7),
    ],
)
def test_padding_is_found_in_short_strings(data: bytes, size: int) -> None:
    packed = check(data)
    assert packed is not None
    assert len(packed) == size


def test_short_strings_are_not_searched_further() -> None:
    assert compress(b"the quick brown fox " * 6) is None


@pytest.mark.parametrize("size", [0, 1, 20, 21, 100, 10_000])
def test_noise_is_left_alone(size: int) -> None:
    assert check(random.Random(size).randbytes(size)) is None


def test_twenty_bytes_are_never_compressed() -> None:
    assert compress(b"x" * 20) is None


def test_takes_a_bytearray() -> None:
    assert compress(bytearray(b"x" * 100)) == compress(b"x" * 100)
