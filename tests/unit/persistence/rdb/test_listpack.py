from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.keyspace.types.listpack import EMPTY_LISTPACK_BYTES, entry_bytes
from pyredis_cluster.persistence.rdb.listpack import encode_listpack
from pyredis_cluster.persistence.rdb.packed import listpack_elements

BOUNDS = sorted(
    sign * (1 << bits) + step
    for bits in (0, 6, 7, 12, 13, 15, 23, 31, 62)
    for sign in (1, -1)
    for step in (-1, 0, 1)
)
LENGTHS = (0, 1, 20, 21, 63, 64, 65, 127, 128, 4095, 4096, 4097, 16380, 16381, 16382, 2097150, 2097160)


@pytest.mark.parametrize("number", [*BOUNDS, 2**63 - 1, -(2**63)])
def test_integers_at_the_bounds_of_their_encodings(number: int) -> None:
    text = b"%d" % number
    packed = encode_listpack([number, text])
    assert listpack_elements(packed) == [text, text]
    assert len(packed) == EMPTY_LISTPACK_BYTES + 2 * entry_bytes(text)


@pytest.mark.parametrize("length", LENGTHS)
def test_strings_at_the_bounds_of_their_encodings(length: int) -> None:
    packed = encode_listpack([b"x" * length, b"after"])
    assert listpack_elements(packed) == [b"x" * length, b"after"]
    assert len(packed) == EMPTY_LISTPACK_BYTES + entry_bytes(b"x" * length) + entry_bytes(b"after")


def test_layout() -> None:
    assert encode_listpack([]) == b"\x07\0\0\0\0\0\xff"
    assert encode_listpack([b"a", 5, -1]) == b"\x0f\0\0\0\x03\0\x81a\x02\x05\x01\xdf\xff\x02\xff"


@given(st.lists(st.binary(max_size=200) | st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n)))
def test_reads_back(elements: list[bytes]) -> None:
    assert listpack_elements(encode_listpack(elements)) == elements


def test_more_elements_than_the_header_counts() -> None:
    elements = [b"1"] * 70_000
    assert listpack_elements(encode_listpack(elements)) == elements
