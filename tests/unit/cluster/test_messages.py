"""The codec of the cluster bus."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.bitmap import from_slots
from pyredis_cluster.cluster.messages import (
    Body,
    BusProtocolError,
    Extensions,
    Failing,
    ForgottenNode,
    Gossip,
    GossipEntry,
    Header,
    Message,
    ModuleData,
    Published,
    SlotsUpdate,
    Unknown,
    decode,
    encode,
)
from pyredis_cluster.cluster.wire import MessageType

ME = "a" * 40
OTHER = "0123456789" * 4

node_ids = st.text("0123456789abcdef", min_size=40, max_size=40)
u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
ips = st.sampled_from(["", "127.0.0.1", "2001:db8::7", "node-1.example"])
bitmaps = st.sets(st.integers(0, 16383), max_size=5).map(from_slots)
names = st.text("abcxyz019.-", max_size=30)

gossip_entries = st.builds(GossipEntry, node_ids, u32, u32, ips, u16, u16, u16, u16)
extensions = st.builds(
    Extensions,
    names,
    names,
    st.lists(st.builds(ForgottenNode, node_ids, u64), max_size=3).map(tuple),
    node_ids,
    st.just(()),
)
gossip = st.builds(Gossip, st.lists(gossip_entries, max_size=4).map(tuple), extensions)


def headers(*types: int) -> st.SearchStrategy[Header]:
    return st.builds(
        Header,
        st.sampled_from(types),
        node_ids,
        u64,
        u64,
        st.integers(-(2**63), 2**63 - 1),
        bitmaps,
        st.one_of(st.just(""), node_ids),
        ips,
        u16,
        u16,
        u16,
        u16,
        st.integers(0, 1),
        st.sampled_from([0, wire.PAUSED, wire.FORCE_ACK]),
    )


messages = st.one_of(
    st.tuples(headers(*wire.GOSSIPING), gossip),
    st.tuples(headers(MessageType.FAIL), st.builds(Failing, node_ids)),
    st.tuples(headers(*wire.PUBLISHING), st.builds(Published, st.binary(), st.binary())),
    st.tuples(headers(*wire.HEADER_ONLY), st.none()),
    st.tuples(headers(MessageType.UPDATE), st.builds(SlotsUpdate, u64, node_ids, bitmaps)),
    st.tuples(
        headers(MessageType.MODULE),
        st.builds(ModuleData, st.binary(min_size=8, max_size=8), st.integers(0, 255), st.binary()),
    ),
)


@given(messages)
@settings(max_examples=60, deadline=None)
def test_what_is_encoded_is_decoded_alike(message: tuple[Header, Body]) -> None:
    header, body = message
    decoded = decode(encode(header, body))
    flags = header.message_flags
    if isinstance(body, Gossip) and body.extensions.shard_id:
        flags |= wire.EXTENSION_DATA
    assert decoded == Message(header._replace(message_flags=flags), body)
    assert encode(*decoded) == encode(header, body)


def test_header_fields_are_where_the_layout_says() -> None:
    data = encode(
        Header(
            MessageType.FAIL,
            ME,
            1,
            2,
            3,
            b"\x81" + bytes(2047),
            OTHER,
            "127.0.0.1",
            7000,
            7001,
            17000,
            0x0211,
            1,
            2,
        ),
        Failing(OTHER),
    )
    assert len(data) == 2296
    assert data[:8] == b"RCmb" + (2296).to_bytes(4, "big")
    assert data[8:16] == bytes.fromhex("0001 1b58 0003 0000")
    assert data[16:40] == b"".join(n.to_bytes(8, "big") for n in (1, 2, 3))
    assert data[40:80] == ME.encode()
    assert data[80:82] == b"\x81\0"
    assert data[2128:2168] == OTHER.encode()
    assert data[2168:2214] == b"127.0.0.1".ljust(46, b"\0")
    assert data[2214:2246] == bytes(32)
    assert data[2246:2256] == bytes.fromhex("1b59 4268 0211 01 02 0000")
    assert data[2256:] == OTHER.encode()


def test_gossip_and_extensions_are_laid_out_as_the_layout_says() -> None:
    entry = GossipEntry(OTHER, 1, 2, "10.0.0.1", 7000, 17000, 1, 0)
    extension = Extensions("host.example", "", (ForgottenNode(ME, 60),), ME)
    data = encode(Header(MessageType.PING, ME), Gossip((entry,), extension))
    assert data[14:16] == b"\0\1"
    assert data[2214:2216] == b"\0\3"
    assert data[2253] == wire.EXTENSION_DATA
    assert data[2256:2360] == (
        OTHER.encode()
        + bytes.fromhex("00000001 00000002")
        + b"10.0.0.1".ljust(46, b"\0")
        + bytes.fromhex("1b58 4268 0001 0000 0000")
    )
    assert data[2360:2384] == bytes.fromhex("00000018 0000 0000") + b"host.example\0\0\0\0"
    assert data[2384:2440] == bytes.fromhex("00000038 0002 0000") + ME.encode() + (60).to_bytes(8, "big")
    assert data[2440:] == bytes.fromhex("00000030 0003 0000") + ME.encode()


def test_epochs_wrap_at_64_bits() -> None:
    header = Header(MessageType.UPDATE, ME, current_epoch=2**64 + 5)
    decoded = decode(encode(header, SlotsUpdate(2**64, OTHER, wire.NO_SLOTS)))
    assert decoded.header.current_epoch == 5
    assert decoded.body == SlotsUpdate(0, OTHER, wire.NO_SLOTS)


def test_an_ip_too_long_is_cut_before_its_terminator() -> None:
    assert decode(encode(Header(MessageType.MFSTART, ME, ip="x" * 80))).header.ip == "x" * 45


def test_unknown_types_and_versions_are_not_errors() -> None:
    data = bytearray(encode(Header(MessageType.MFSTART, ME)) + b"abc")
    data[4:8] = len(data).to_bytes(4, "big")
    data[12:14] = (11).to_bytes(2, "big")
    assert decode(bytes(data)).body == Unknown(1, 3)
    data[8:10] = b"\0\2"
    assert decode(bytes(data)).body == Unknown(2, 3)
    light_publish = bytearray(data)
    light_publish[8:10] = b"\0\1"
    light_publish[12:14] = (0x8004).to_bytes(2, "big")
    assert decode(bytes(light_publish)).body == Unknown(1, 3)


def test_unknown_extensions_are_skipped_by_their_length() -> None:
    data = with_extensions((9, bytes(16)), (wire.ExtensionType.SHARD_ID, ME.encode()), (10, b""))
    assert decode(data).body == Gossip((), Extensions(shard_id=ME, unknown=(9, 10)))


def test_extensions_count_only_under_their_flag() -> None:
    data = bytearray(encode(Header(MessageType.PING, ME), Gossip()))
    data[2214:2216] = b"\0\5"
    assert decode(bytes(data)).body == Gossip()


@pytest.mark.parametrize("name", [b"a b", b"a,b", b'a"', b"\xff", b"a\nb"])
def test_names_that_nodes_conf_could_not_hold_count_as_not_announced(name: bytes) -> None:
    padded = name.ljust(8, b"\0")
    data = with_extensions((wire.ExtensionType.HOSTNAME, padded), (wire.ExtensionType.HUMAN_NODENAME, padded))
    assert decode(data).body == Gossip((), Extensions())


def with_extensions(*parts: tuple[int, bytes]) -> bytes:
    tail = b"".join(wire.EXTENSION.pack(8 + len(value), type_, 0) + value for type_, value in parts)
    data = bytearray(encode(Header(MessageType.PING, ME), Gossip()) + tail)
    data[4:8] = len(data).to_bytes(4, "big")
    data[2214:2216] = len(parts).to_bytes(2, "big")
    data[2253] = wire.EXTENSION_DATA
    return bytes(data)


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def resized(data: bytes, size: int) -> bytes:
    data = data[:size] + bytes(max(size - len(data), 0))
    return patched(data, 4, size.to_bytes(4, "big"))


PING = encode(Header(MessageType.PING, ME), Gossip((GossipEntry(OTHER, 0, 0, "10.0.0.1", 1, 2, 3, 4),)))
PUBLISH = encode(Header(MessageType.PUBLISH, ME), Published(b"ch", b"message"))
MODULE = encode(Header(MessageType.MODULE, ME), ModuleData(b"12345678", 1, b"payload"))
UPDATE = encode(Header(MessageType.UPDATE, ME), SlotsUpdate(1, OTHER, wire.NO_SLOTS))
FAIL = encode(Header(MessageType.FAIL, ME), Failing(OTHER))
HEAD = encode(Header(MessageType.FAILOVER_AUTH_REQUEST, ME))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:-1],
        patched(HEAD, 0, b"RCmc"),
        patched(HEAD, 4, (2257).to_bytes(4, "big")),
        resized(HEAD, 2257),
        resized(FAIL, 2295),
        resized(UPDATE, 4353),
        resized(PUBLISH, 2260),
        resized(PUBLISH, len(PUBLISH) - 1),
        resized(PUBLISH, len(PUBLISH) + 1),
        patched(PUBLISH, 2256, b"\xff" * 4),
        resized(MODULE, 2262),
        resized(MODULE, len(MODULE) - 1),
        resized(PING, len(PING) - 1),
        resized(PING, len(PING) + 8),
        patched(PING, 14, b"\0\2"),
        patched(PING, 2168, b"a b"),
        patched(PING, 2168, b"\xff"),
        patched(PING, 2256 + 48, b"\n"),
        patched(patched(PING, 2253, b"\4"), 2214, b"\0\1"),
        with_extensions((0, bytes(7))),
        with_extensions((2, bytes(40))),
        with_extensions((3, bytes(48))),
        patched(with_extensions((0, bytes(8))), 2256, bytes(4)),
        patched(with_extensions((0, bytes(8))), 2256, (24).to_bytes(4, "big")),
    ],
)
def test_nonsense_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(BusProtocolError):
        decode(data)


def test_mutated_messages_are_decoded_or_refused() -> None:
    choose = random.Random(7)
    samples = [
        PING,
        PUBLISH,
        MODULE,
        UPDATE,
        FAIL,
        HEAD,
        with_extensions((0, b"host\0\0\0\0"), (2, bytes(48))),
    ]
    refused = 0
    for _ in range(4000):
        data = bytearray(choose.choice(samples))
        for _ in range(choose.randrange(1, 4)):
            start = choose.choice([0, 0, 2128, 2246, len(data) - 40])
            data[(start + choose.randrange(40)) % len(data)] = choose.randrange(256)
        if choose.random() < 0.3:
            data = bytearray(resized(bytes(data), choose.randrange(2200, 4500)))
        try:
            decode(bytes(data))
        except BusProtocolError:
            refused += 1
    assert 500 < refused < 4000


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (Header(MessageType.PING, ME, port=70000), Gossip()),
        (Header(MessageType.PUBLISH, ME), Unknown(1, 0)),
    ],
)
def test_what_cannot_be_sent_is_our_own_mistake(header: Header, body: Body) -> None:
    with pytest.raises((ValueError, struct.error)) as caught:
        encode(header, body)
    assert not isinstance(caught.value, BusProtocolError)
