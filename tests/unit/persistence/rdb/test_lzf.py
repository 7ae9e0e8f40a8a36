"""Decompression of LZF."""

from __future__ import annotations

import pytest

from pyredis_cluster.persistence.rdb.lzf import decompress


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", b""),
        (b"\x00a", b"a"),
        (b"\x1f" + bytes(range(32)), bytes(range(32))),
        (b"\x02abc\x20\x02", b"abcabc"),
        (b"\x00a\xe0\x57\x00", b"a" + b"a" * 96),
        (b"\x01ab\xa0\x01", b"ab" + b"ababababab"[:7]),
        (b"\x02abc\x20\x00", b"abcccc"),
        (b"\x1f" + b"x" * 32 + b"\x1f" + b"y" * 32 + b"\xc0\x3f", b"x" * 32 + b"y" * 32 + b"x" * 8),
    ],
)
def test_instructions(data: bytes, expected: bytes) -> None:
    assert decompress(data, len(expected)) == expected


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"\x00a", 2),
        (b"\x00a", 0),
        (b"\x05ab", 2),
        (b"\x05ab", 6),
        (b"\x20\x00", 3),
        (b"\x00a\x20\x01", 4),
        (b"\x00a\x20", 4),
        (b"\x00a\xe0", 4),
        (b"\x00a\xe0\x05", 15),
        (b"\x00a\xe0\xff\x00", 100),
        (b"\x00a", 1 << 62),
    ],
)
def test_nonsense_is_refused(data: bytes, length: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decompress(data, length)


def test_far_references() -> None:
    text = bytes(range(256)) * 32
    runs = b"".join(b"\x1f" + text[start : start + 32] for start in range(0, len(text), 32))
    assert decompress(runs + b"\xff\x00\xff", len(text) + 9) == text + text[:9]
