from __future__ import annotations

import pytest

from pyredis_cluster.sentinel.numbers import atoi, strtoll, strtoull


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"", 0),
        (b"x1", 0),
        (b"12", 12),
        (b" \t+12abc", 12),
        (b"-12", -12),
        (b"- 12", 0),
        (b"0012", 12),
        (b"2147483647", 2**31 - 1),
        (b"2147483648", -(2**31)),
        (b"4294967297", 1),
        (b"99999999999999999999999", -1),
        (b"-99999999999999999999999", 0),
        (b"9" * 10_000, -1),
    ],
)
def test_atoi(text: bytes, number: int) -> None:
    assert atoi(text) == number


def test_strtoull() -> None:
    assert strtoull(b"18446744073709551615") == 2**64 - 1
    assert strtoull(b"18446744073709551616") == 2**64 - 1
    assert strtoull(b"-1") == 2**64 - 1
    assert strtoull(b"7,") == 7
    assert strtoull(b"9" * 10_000) == 2**64 - 1


def test_strtoll() -> None:
    assert strtoll(b"-5") == -5
    assert strtoll(b"9223372036854775808") == 2**63 - 1
    assert strtoll(b"-9223372036854775809") == -(2**63)
