"""Sizes of listpack entries."""

import pytest

from pyredis_cluster.keyspace.types.listpack import entries_bytes, entry_bytes


@pytest.mark.parametrize(
    ("element", "size"),
    [
        (b"", 2),
        (b"a", 3),
        (b"0", 2),
        (b"127", 2),
        (b"128", 3),
        (b"-1", 3),
        (b"-4096", 3),
        (b"-4097", 4),
        (b"4095", 3),
        (b"4096", 4),
        (b"32767", 4),
        (b"-32769", 5),
        (b"8388607", 5),
        (b"8388608", 6),
        (b"2147483647", 6),
        (b"-2147483649", 10),
        (b"9223372036854775807", 10),
        (b"9223372036854775808", 21),
        (b"01", 4),
        (b"-0", 4),
        (b"-", 3),
        (b"1.5", 5),
        (b"x" * 63, 65),
        (b"x" * 64, 67),
        (b"x" * 125, 128),
        (b"x" * 126, 130),
        (b"x" * 4095, 4099),
        (b"x" * 4096, 4103),
        (b"x" * 16377, 16384),
        (b"x" * 16378, 16386),
    ],
)
def test_an_entry_takes(element: bytes, size: int) -> None:
    assert entry_bytes(element) == size


def test_entries_add_up() -> None:
    assert entries_bytes([b"a", b"1", b""]) == 7
