"""Timeouts of blocking commands."""

import pytest

from pyredis_cluster.execution.timeouts import parse_milliseconds, parse_seconds
from pyredis_cluster.protocol.errors import CommandError

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        (b"0", 0),
        (b"0.0", 0),
        (b"1", 1000),
        (b"0.001", 1),
        (b"0.0001", 1),
        (b"1e-9", 1),
        (b"0.1", 100),
        (b"0.07", 70),
        (b"2.3", 2300),
        (b"1.0001", 1001),
        (b"0x10", 16000),
        (b"0x.8", 500),
        (b"+5", 5000),
        (b"-0", 0),
        # Rounding up makes this 0, which is for ever: as in Redis.
        (b"-1e-9", 0),
        (b"1000000000000", 10**15),
    ],
)
def test_seconds_become_milliseconds_rounded_up(text: bytes, milliseconds: int) -> None:
    assert parse_seconds(text, NOW_MS) == milliseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"abc", "timeout is not a float or out of range"),
        (b"", "timeout is not a float or out of range"),
        (b"nan", "timeout is not a float or out of range"),
        (b" 1", "timeout is not a float or out of range"),
        (b"1e5000", "timeout is not a float or out of range"),
        (b"-1", "timeout is negative"),
        (b"-inf", "timeout is negative"),
        (b"-1e400", "timeout is negative"),
        (b"inf", "timeout is out of range"),
        (b"1e400", "timeout is out of range"),
        (b"9223372036854775", "timeout is out of range"),
    ],
)
def test_other_timeouts_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=f"ERR {message}"):
        parse_seconds(text, NOW_MS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1.5", "timeout is not an integer or out of range"),
        (b"-1", "timeout is negative"),
        (b"9223372036854775807", "timeout is out of range"),
    ],
)
def test_timeouts_in_milliseconds_are_whole_and_within_64_bits(text: bytes, message: str) -> None:
    assert parse_milliseconds(b"1500", NOW_MS) == 1500
    with pytest.raises(CommandError, match=f"ERR {message}"):
        parse_milliseconds(text, NOW_MS)
