"""Sizes of the parts that Redis makes containers of."""

import pytest

from pyredis_cluster.keyspace.types.sizes import (
    allocated_bytes,
    listpack_bytes,
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
    ("elements", "size"),
    [([b"0"], 2), ([b"-1"], 3), ([b"01"], 4), ([b"-4097"], 4), ([b"2147483648"], 10), ([b"a" * 126], 130)],
)
def test_listpack_bytes_of_one_element(elements: list[bytes], size: int) -> None:
    assert listpack_bytes(elements) == 7 + size


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
