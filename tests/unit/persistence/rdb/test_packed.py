"""Decoders of packed containers: what they refuse. What they read is in test_values.py."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from pyredis_cluster.persistence.rdb.packed import (
    intset_members,
    listpack_elements,
    ziplist_elements,
    zipmap_pairs,
)
from tests.support.rdb import intset, listpack, ziplist, zipmap

SAMPLES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "listpack": (listpack_elements, listpack(b"a", 1, -5000, b"b" * 200, b"c" * 5000, 1 << 40)),
    "ziplist": (ziplist_elements, ziplist(b"a", 1, -5000, b"b" * 300, b"c" * 17_000, 1 << 40)),
    "zipmap": (zipmap_pairs, zipmap([(b"a", b"1"), (b"b" * 300, b"2")], unused=2)),
    "intset": (intset_members, intset([1, 2, 300])),
}
samples = pytest.mark.parametrize(("decode", "data"), SAMPLES.values(), ids=SAMPLES)


@samples
def test_every_end_too_early_is_refused(decode: Callable[[bytes], object], data: bytes) -> None:
    decode(data)
    for size in range(0, len(data) - 1, max(len(data) // 300, 1)):
        with pytest.raises(ValueError, match=r".+"):
            decode(data[:size])
        with pytest.raises(ValueError, match=r".+"):
            decode(data[:size] + b"\xff")


@samples
def test_more_than_there_should_be_is_refused(decode: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(data + data[-1:])


def test_numbers_of_elements_that_no_header_can_say() -> None:
    count = 70_000
    assert listpack_elements(listpack(*[1] * count)) == [b"1"] * count
    assert ziplist_elements(ziplist(*[1] * count)) == [b"1"] * count
    assert len(zipmap_pairs(zipmap([(b"%d" % n, b"") for n in range(300)]))) == 300


def test_integers_at_the_bounds_of_their_encodings() -> None:
    numbers = [
        sign * (1 << bits) + more
        for bits in (0, 3, 7, 12, 15, 23, 31, 63)
        for sign in (1, -1)
        for more in (-1, 0, 1)
        if -(1 << 63) <= sign * (1 << bits) + more < 1 << 63
    ]
    texts = [b"%d" % number for number in numbers]
    assert listpack_elements(listpack(*numbers)) == texts
    assert ziplist_elements(ziplist(*numbers)) == texts


def test_lengths_at_the_bounds_of_their_encodings() -> None:
    texts = [b"x" * size for size in (0, 63, 64, 125, 126, 252, 253, 4095, 4096, 16_380, 16_383, 16_384)]
    texts.append(b"y" * 2_200_000)
    assert listpack_elements(listpack(*texts)) == texts
    assert ziplist_elements(ziplist(*texts)) == texts


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<IH", 8, 0) + b"\x00\xff",
        struct.pack("<IH", 9, 2) + b"\x01\x01\xff",
        struct.pack("<IH", 9, 1) + b"\x01\x02\xff",
        struct.pack("<IH", 9, 1) + b"\xf5\x01\xff",
        struct.pack("<IH", 10, 1) + b"\x81a\x01\xff",
        struct.pack("<IH", 8, 0) + b"\xff\xff",
        struct.pack("<IH", 13, 1) + b"\xf0\xff\xff\xff\xff\x05\xff",
    ],
    ids=["cut off", "count", "length behind", "encoding", "length behind text", "two ends", "endless text"],
)
def test_listpacks_that_contradict_themselves(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        listpack_elements(data)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<IIH", 13, 10, 2) + b"\x00\xf1\xff",
        struct.pack("<IIH", 13, 11, 1) + b"\x00\xf1\xff",
        struct.pack("<IIH", 13, 99, 1) + b"\x00\xf1\xff",
        struct.pack("<IIH", 13, 10, 1) + b"\x01\xf1\xff",
        struct.pack("<IIH", 13, 10, 1) + b"\x00\xff\xff",
        struct.pack("<IIH", 12, 10, 1) + b"\x00\xff",
        struct.pack("<IIH", 13, 10, 1) + b"\xff\x00\xff",
        struct.pack("<IIH", 13, 10, 1) + b"\x00\x05\xff",
    ],
    ids=["count", "tail", "tail outside", "length before", "encoding", "cut off", "two ends", "too long"],
)
def test_ziplists_that_contradict_themselves(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ziplist_elements(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        struct.pack("<IIh", 3, 1, 1),
        struct.pack("<IIh", 2, 2, 1),
        struct.pack("<II", 2, 0),
        intset([1, 1]),
        intset([2, 1]),
    ],
    ids=["nothing", "width", "count", "empty", "twice", "order"],
)
def test_intsets_that_contradict_themselves(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        intset_members(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xff",
        b"\x02\x01a\x01\x00b\xff",
        b"\x01\x01a\x05\x00b\xff",
        b"\x01\x01a\x01\x05b\xff",
        b"\x01\xfe\xff\xff\xff\xffa\x01\x00b\xff",
        b"\x01\xff\x01\x00b\xff",
    ],
    ids=["empty", "count", "value", "unused bytes", "endless field", "end before the end"],
)
def test_zipmaps_that_contradict_themselves(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        zipmap_pairs(data)
