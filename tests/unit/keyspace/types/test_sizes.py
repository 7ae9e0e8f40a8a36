"""Sizes of the parts that Redis makes containers of."""

import pytest

from pyredis_cluster.keyspace.types.sizes import (
    allocated_bytes,
    listpack_bytes,
    listpack_entry_bytes,
    string_bytes,
    table_bytes,
)


@pytest.mark.parametrize(
    ("size", "allocated"),
    [(1, 8), (8, 8), (9, 16), (17, 32), (128, 128), (129, 160), (257, 320), (1025, 1280), (4096, 4096)],
)
def test_allocated_bytes(size: int, allocated: int) -> None:
    assert allocated_bytes(size) == allocated


@pytest.mark.parametrize(
    ("element", "size"),
    [
        (b"0", 2),
        (b"127", 2),
        (b"128", 3),
        (b"-1", 3),
        (b"4095", 3),
        (b"-4097", 4),
        (b"32767", 4),
        (b"32768", 5),
        (b"8388608", 6),
        (b"-2147483648", 6),
        (b"2147483648", 10),
        (b"", 2),
        (b"a" * 63, 65),
        (b"a" * 64, 67),
        (b"a" * 125, 128),
        (b"a" * 126, 130),
        (b"a" * 5000, 5007),
        (b"01", 4),
    ],
)
def test_listpack_entry_bytes(element: bytes, size: int) -> None:
    assert listpack_entry_bytes(element) == size


def test_listpack_bytes() -> None:
    assert listpack_bytes([]) == 7
    assert listpack_bytes([b"1", b"abc"]) == 7 + 2 + 5


def test_string_bytes() -> None:
    assert [string_bytes(b"x" * length) for length in (0, 6, 14, 15, 31, 32, 253)] == [
        8,
        8,
        16,
        32,
        48,
        48,
        320,
    ]


def test_table_bytes() -> None:
    assert [table_bytes(count) - 24 * count for count in (0, 4, 5, 1000)] == [
        56 + 8 * n for n in (4, 4, 8, 1024)
    ]
