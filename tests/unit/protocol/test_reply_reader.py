"""Replies of other servers: what is one, however it is cut, and what a liar can do."""

from __future__ import annotations

import contextlib
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Status, encode
from pyredis_cluster.protocol.reply_reader import BadReplyError, ReplyReader

REPLIES = [
    (b"+PONG\r\n", b"PONG"),
    (b"+\r\n", b""),
    (b"-ERR x\r\n", ("error", b"ERR x")),
    (b":-12\r\n", -12),
    (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", None),
    (b"*0\r\n", []),
    (b"*-1\r\n", None),
    (b"*3\r\n:1\r\n*1\r\n$1\r\nx\r\n-E\r\n", [1, [b"x"], ("error", b"E")]),
]
NONSENSE = [
    (b"HTTP/1.1 200 OK\r\n", 'got "H" as reply type byte'),
    (b"\x16\x03\x01\r\n", 'got "16" as reply type byte'),
    (b"\r\n", 'got "" as reply type byte'),
    (b":1.5\r\n", "Bad integer value"),
    (b":\r\n", "Bad integer value"),
    (b"$x\r\n", "Bad bulk string length"),
    (b"$-2\r\n", "Bulk string length out of range"),
    (b"$9999999\r\n", "Bulk string length out of range"),
    (b"$1\r\nabc", "bulk string without end"),
    (b"*x\r\n", "Bad multi-bulk length"),
    (b"*-2\r\n", "Multi-bulk length out of range"),
    (b"*1\r\n" * 9, "nested"),
    (b"+" + b"x" * (1 << 17), "line too long"),
]


def reader(max_bytes: int = 1 << 20) -> ReplyReader:
    return ReplyReader(lambda text: ("error", text), max_bytes=max_bytes)


def take(one: ReplyReader, data: bytes, *, times: int = 1) -> list[object]:
    return [reply for _ in range(times) for reply in one.feed(data)]


@pytest.mark.parametrize(("data", "reply"), REPLIES)
def test_a_reply_whole_and_byte_by_byte(data: bytes, reply: object) -> None:
    assert list(reader().feed(data)) == [reply]
    slow = reader()
    found = [each for byte in data for each in slow.feed(bytes([byte]))]
    assert found == [reply]


@given(cuts=st.lists(st.integers(0, 120), max_size=8))
def test_several_replies_cut_anywhere(cuts: list[int]) -> None:
    data = b"".join(data for data, _ in REPLIES)
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    one = reader()
    found = [each for start, end in pairwise(at) for each in one.feed(data[start:end])]
    assert found == [reply for _, reply in REPLIES]


@pytest.mark.parametrize(("data", "fault"), NONSENSE)
def test_what_is_no_reply(data: bytes, fault: str) -> None:
    with pytest.raises(BadReplyError, match=re.escape(fault)):
        list(reader().feed(data))


def test_replies_before_the_nonsense_are_told() -> None:
    replies = reader().feed(b"+a\r\n:2\r\n?\r\n")
    assert [next(replies), next(replies)] == [b"a", 2]
    with pytest.raises(BadReplyError):
        next(replies)


def test_a_header_alone_costs_nothing() -> None:
    one = reader()
    assert list(one.feed(b"*4294967295\r\n:1\r\n")) == []


def test_a_reply_that_never_ends_is_given_up() -> None:
    one = reader(max_bytes=1000)
    assert take(one, b"*99999999\r\n") == []
    with pytest.raises(BadReplyError, match="reply too long"):
        take(one, b":1\r\n" * 10, times=30)


def test_many_replies_are_not_one_long_one() -> None:
    assert len(take(reader(max_bytes=1000), b"+PONG\r\n" * 10, times=30)) == 300


REPLY = st.recursive(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40),
    lambda children: st.lists(children, max_size=4),
    max_leaves=12,
)


@given(reply=REPLY)
def test_what_our_encoder_writes_is_read(reply: object) -> None:
    assert list(reader().feed(encode(reply, 2))) == [reply]
    assert list(reader().feed(encode([Status(b"OK"), CommandError("ERR x")], 2))) == [
        [b"OK", ("error", b"ERR x")]
    ]


@given(data=st.binary(max_size=60))
def test_any_bytes_are_replies_or_nonsense(data: bytes) -> None:
    with contextlib.suppress(BadReplyError):
        take(reader(), data)
