"""Streams cut into messages."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.cluster.framer import Framer
from pyredis_cluster.cluster.messages import (
    BusProtocolError,
    Failing,
    Gossip,
    Header,
    ModuleData,
    Published,
    decode,
    encode,
)
from pyredis_cluster.cluster.wire import MessageType

ME = "a" * 40
SAMPLES = [
    encode(Header(MessageType.PING, ME), Gossip()),
    encode(Header(MessageType.PUBLISH, ME), Published(b"ch", b"x" * 5000)),
    encode(Header(MessageType.MFSTART, ME)),
    encode(Header(MessageType.FAIL, ME), Failing(ME)),
    encode(Header(MessageType.MODULE, ME), ModuleData(bytes(8), 1, b"abc")),
]


@given(st.lists(st.sampled_from(SAMPLES), max_size=6), st.lists(st.integers(0, 12_000), max_size=12))
@settings(max_examples=60, deadline=None)
def test_messages_come_out_whole_whatever_the_chunks(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    framer = Framer()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    got = [message for start, end in pairwise(edges) for message in framer.feed(stream[start:end])]
    assert got == [decode(part) for part in parts]
    assert framer.buffered_bytes == 0


def head(type_: int, size: int) -> bytes:
    data = bytearray(encode(Header(MessageType.MFSTART, ME)))
    data[4:8] = size.to_bytes(4, "big")
    data[12:14] = type_.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"X",
        b"RCmX",
        b"RCmb" + (2255).to_bytes(4, "big"),
        b"GET / HTTP/1.1\r\n",
        head(MessageType.FAIL, 2297),
        head(MessageType.UPDATE, 2256),
        head(MessageType.MFSTART, 2**31),
        head(MessageType.PING, 2**25),
        head(MessageType.PUBLISH, 2**30 + 1),
        head(0x8004, 2**20 + 1),
        head(11, 2**32 - 1),
    ],
)
def test_nonsense_is_refused_before_it_is_buffered(data: bytes) -> None:
    framer = Framer()
    with pytest.raises(BusProtocolError):
        list(framer.feed(data))


def test_messages_before_the_nonsense_are_still_given() -> None:
    messages = Framer().feed(SAMPLES[0] + b"nonsense")
    assert next(messages) == decode(SAMPLES[0])
    with pytest.raises(BusProtocolError):
        next(messages)


def test_only_known_senders_may_send_much() -> None:
    big = head(MessageType.PUBLISH, 2**20 + 1)
    assert list(Framer().feed(big)) == []
    assert list(Framer(lambda node_id: node_id == ME).feed(big)) == []
    with pytest.raises(BusProtocolError):
        list(Framer(lambda node_id: False).feed(big))


def test_an_unknown_type_within_bounds_is_passed_on() -> None:
    assert [message.header.type for message in Framer().feed(head(11, 2256))] == [11]
