"""Messages of the cluster bus: values, and their exact bytes.

`encode` and `decode` are inverse for every message a server sends. Layouts: see `wire`.

Sizes are checked as strictly as the reference checks them. Beyond it, text that ends up in nodes.conf is
checked too: an ip with a blank in it could not be loaded again.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.wire import GOSSIP, HEADER, HEADER_BYTES, ExtensionType, MessageType

_IP: Final = re.compile(rb"[0-9A-Za-z.:%_-]*\Z")
_HOSTNAME: Final = re.compile(rb"[0-9A-Za-z._-]*\Z")
_NODENAME: Final = re.compile(rb"[0-9A-Za-z._/\\`-]*\Z")
_EPOCH_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_MAX_UINT32: Final = 0xFFFF_FFFF


class BusProtocolError(ValueError):
    """What a peer sent is no message of the cluster bus; its link must be dropped."""


class Header(NamedTuple):
    """What every message says of its sender. `primary` is "" for a primary, `ip` is "" for «see socket»."""

    type: int
    sender: str
    current_epoch: int = 0
    config_epoch: int = 0
    offset: int = 0
    slots: bytes = wire.NO_SLOTS
    primary: str = ""
    ip: str = ""
    port: int = 0
    secondary_port: int = 0
    bus_port: int = 0
    flags: int = 0
    state: int = 0
    message_flags: int = 0


class GossipEntry(NamedTuple):
    """One node as the sender sees it; times in seconds of Unix time."""

    node_id: str
    ping_sent_s: int
    pong_received_s: int
    ip: str
    port: int
    bus_port: int
    flags: int
    secondary_port: int


class ForgottenNode(NamedTuple):
    """A node that must not be added again for `ttl_s` seconds."""

    node_id: str
    ttl_s: int


class Extensions(NamedTuple):
    """Ping extensions. An absent one is "" or (); `unknown` lists types that were skipped."""

    hostname: str = ""
    human_nodename: str = ""
    forgotten: tuple[ForgottenNode, ...] = ()
    shard_id: str = ""
    unknown: tuple[int, ...] = ()


class Gossip(NamedTuple):
    """Body of PING, PONG and MEET."""

    entries: tuple[GossipEntry, ...] = ()
    extensions: Extensions = Extensions()


class Failing(NamedTuple):
    """Body of FAIL: the node that is down, by agreement of the majority."""

    node_id: str


class Published(NamedTuple):
    """Body of PUBLISH and PUBLISHSHARD."""

    channel: bytes
    message: bytes


class SlotsUpdate(NamedTuple):
    """Body of UPDATE: the slots of a node that a stale node still claims."""

    config_epoch: int
    node_id: str
    slots: bytes


class ModuleData(NamedTuple):
    """Body of MODULE: carried and counted, never acted on."""

    module_id: bytes
    type: int
    payload: bytes


class Unknown(NamedTuple):
    """Body of a message whose type or version is not known here: it is ignored, as the reference does."""

    version: int
    body_bytes: int


Body: TypeAlias = Gossip | Failing | Published | SlotsUpdate | ModuleData | Unknown | None


class Message(NamedTuple):
    """A header and the body that its type asks for (None for the types that are a header alone)."""

    header: Header
    body: Body


def encode(header: Header, body: Body = None) -> bytes:
    """Return the bytes of a message.

    Epochs wrap at 64 bits as the reference's do. Raises ValueError where a number or text does not fit
    its field: a mistake of this program, since whatever is received fits.
    """
    count = extension_count = 0
    message_flags = header.message_flags
    if isinstance(body, Gossip):
        data, count, extension_count = _encode_gossip(body)
        if extension_count:
            message_flags |= wire.EXTENSION_DATA
    else:
        data = _encode_plain(body)
    total = HEADER_BYTES + len(data)
    if total > _MAX_UINT32:
        raise ValueError("cluster message too long")
    packed = HEADER.pack(
        wire.SIGNATURE,
        total,
        wire.PROTOCOL_VERSION,
        header.port,
        header.type,
        count,
        header.current_epoch & _EPOCH_MASK,
        header.config_epoch & _EPOCH_MASK,
        header.offset,
        header.sender.encode("latin-1"),
        header.slots,
        header.primary.encode("latin-1"),
        _ip_field(header.ip),
        extension_count,
        b"",
        header.secondary_port,
        header.bus_port,
        header.flags,
        header.state,
        bytes((message_flags,)),
    )
    return packed + data


def decode(data: bytes) -> Message:
    """Return the message that `data` is, whole and exactly.

    Raises BusProtocolError, and nothing else, where the bytes are no such message.
    """
    size = len(data)
    if size < HEADER_BYTES or not data.startswith(wire.SIGNATURE):
        raise BusProtocolError("bad message length or signature")
    (
        _,
        total,
        version,
        port,
        type_,
        count,
        current_epoch,
        config_epoch,
        offset,
        sender,
        slots,
        primary,
        ip,
        extension_count,
        _,
        secondary_port,
        bus_port,
        flags,
        state,
        message_flags,
    ) = HEADER.unpack_from(data)
    if total != size:
        raise BusProtocolError(f"message of {size} bytes says that it has {total}")
    header = Header(
        type_,
        sender.decode("latin-1"),
        current_epoch,
        config_epoch,
        offset,
        slots,
        "" if primary == wire.NULL_NODE_ID else primary.decode("latin-1"),
        _ip_text(ip),
        port,
        secondary_port,
        bus_port,
        flags,
        state,
        message_flags[0],
    )
    if version != wire.PROTOCOL_VERSION:
        return Message(header, Unknown(version, size - HEADER_BYTES))
    return Message(header, _decode_body(header, data, count, extension_count))


def _decode_body(header: Header, data: bytes, count: int, extension_count: int) -> Body:
    type_ = header.type
    if type_ in wire.GOSSIPING:
        if not header.message_flags & wire.EXTENSION_DATA:
            extension_count = 0
        return _decode_gossip(data, count, extension_count)
    if type_ in wire.PUBLISHING:
        return _decode_published(data)
    if type_ == MessageType.FAIL:
        _expect(data, HEADER_BYTES + wire.NODE_ID_BYTES)
        return Failing(data[HEADER_BYTES:].decode("latin-1"))
    if type_ in wire.HEADER_ONLY:
        _expect(data, HEADER_BYTES)
        return None
    if type_ == MessageType.UPDATE:
        _expect(data, HEADER_BYTES + wire.UPDATE.size)
        config_epoch, node_id, slots = wire.UPDATE.unpack_from(data, HEADER_BYTES)
        return SlotsUpdate(config_epoch, node_id.decode("latin-1"), slots)
    if type_ == MessageType.MODULE:
        return _decode_module(data)
    return Unknown(wire.PROTOCOL_VERSION, len(data) - HEADER_BYTES)


def _expect(data: bytes, size: int) -> None:
    if len(data) != size:
        raise BusProtocolError(f"message of {len(data)} bytes where {size} are due")


def _decode_published(data: bytes) -> Published:
    start = HEADER_BYTES + wire.PUBLISH_LENGTHS.size
    if len(data) < start:
        raise BusProtocolError("message ends within the lengths of channel and message")
    channel_size, message_size = wire.PUBLISH_LENGTHS.unpack_from(data, HEADER_BYTES)
    _expect(data, start + channel_size + message_size)
    return Published(data[start : start + channel_size], data[start + channel_size :])


def _decode_module(data: bytes) -> ModuleData:
    start = HEADER_BYTES + wire.MODULE.size
    if len(data) < start:
        raise BusProtocolError("message ends within the module's head")
    module_id, size, type_ = wire.MODULE.unpack_from(data, HEADER_BYTES)
    _expect(data, start + size)
    return ModuleData(module_id, type_, data[start:])


def _decode_gossip(data: bytes, count: int, extension_count: int) -> Gossip:
    end = HEADER_BYTES + count * GOSSIP.size
    if len(data) < end:
        raise BusProtocolError(f"message of {len(data)} bytes has no room for {count} gossip entries")
    entries = tuple(
        GossipEntry(
            node_id.decode("latin-1"), ping_s, pong_s, _ip_text(ip), port, bus_port, flags, secondary_port
        )
        for node_id, ping_s, pong_s, ip, port, bus_port, flags, secondary_port, _ in GOSSIP.iter_unpack(
            data[HEADER_BYTES:end]
        )
    )
    extensions, end = _decode_extensions(data, end, extension_count)
    _expect(data, end)
    return Gossip(entries, extensions)


def _decode_extensions(data: bytes, offset: int, count: int) -> tuple[Extensions, int]:
    hostname = human_nodename = shard_id = ""
    forgotten: list[ForgottenNode] = []
    unknown: list[int] = []
    for _ in range(count):
        if len(data) < offset + wire.EXTENSION.size:
            raise BusProtocolError("message ends within an extension's head")
        size, type_, _ = wire.EXTENSION.unpack_from(data, offset)
        if size % 8 or size < wire.EXTENSION.size or offset + size > len(data):
            raise BusProtocolError(f"extension of type {type_} with a length of {size} bytes")
        value = data[offset + wire.EXTENSION.size : offset + size]
        offset += size
        if type_ == ExtensionType.HOSTNAME:
            hostname = _name_text(value, _HOSTNAME)
        elif type_ == ExtensionType.HUMAN_NODENAME:
            human_nodename = _name_text(value, _NODENAME)
        elif type_ == ExtensionType.FORGOTTEN_NODE:
            _expect(value, wire.FORGOTTEN_NODE.size)
            node_id, ttl_s = wire.FORGOTTEN_NODE.unpack(value)
            forgotten.append(ForgottenNode(node_id.decode("latin-1"), ttl_s))
        elif type_ == ExtensionType.SHARD_ID:
            _expect(value, wire.NODE_ID_BYTES)
            shard_id = value.decode("latin-1")
        else:
            unknown.append(type_)
    return Extensions(hostname, human_nodename, tuple(forgotten), shard_id, tuple(unknown)), offset


def _encode_plain(body: Body) -> bytes:
    match body:
        case Failing(node_id):
            return node_id.encode("latin-1")
        case Published(channel, message):
            return wire.PUBLISH_LENGTHS.pack(len(channel), len(message)) + channel + message
        case SlotsUpdate(config_epoch, node_id, slots):
            return wire.UPDATE.pack(config_epoch & _EPOCH_MASK, node_id.encode("latin-1"), slots)
        case ModuleData(module_id, type_, payload):
            return wire.MODULE.pack(module_id, len(payload), type_) + payload
        case None:
            return b""
        case _:
            raise ValueError("no such message to send")


def _encode_gossip(body: Gossip) -> tuple[bytes, int, int]:
    parts = [
        GOSSIP.pack(
            entry.node_id.encode("latin-1"),
            entry.ping_sent_s & _MAX_UINT32,
            entry.pong_received_s & _MAX_UINT32,
            _ip_field(entry.ip),
            entry.port,
            entry.bus_port,
            entry.flags,
            entry.secondary_port,
            0,
        )
        for entry in body.entries
    ]
    extensions = _encode_extensions(body.extensions)
    return b"".join(parts + extensions), len(parts), len(extensions)


def _encode_extensions(extensions: Extensions) -> list[bytes]:
    parts = []
    # The reference's order: hostname, human nodename, forgotten nodes, shard id.
    if extensions.hostname:
        parts.append(_extension(ExtensionType.HOSTNAME, extensions.hostname.encode("latin-1") + b"\0"))
    if extensions.human_nodename:
        name = extensions.human_nodename.encode("latin-1") + b"\0"
        parts.append(_extension(ExtensionType.HUMAN_NODENAME, name))
    for forgotten in extensions.forgotten:
        value = wire.FORGOTTEN_NODE.pack(forgotten.node_id.encode("latin-1"), forgotten.ttl_s)
        parts.append(_extension(ExtensionType.FORGOTTEN_NODE, value))
    if extensions.shard_id:
        parts.append(_extension(ExtensionType.SHARD_ID, extensions.shard_id.encode("latin-1")))
    return parts


def _extension(type_: int, value: bytes) -> bytes:
    padding = -len(value) % 8
    return wire.EXTENSION.pack(wire.EXTENSION.size + len(value) + padding, type_, 0) + value + bytes(padding)


def _ip_field(ip: str) -> bytes:
    # One byte stays free for the terminating NUL, as with the reference's strlcpy.
    return ip.encode("latin-1")[: wire.IP_BYTES - 1]


def _ip_text(raw: bytes) -> str:
    text = raw.partition(b"\0")[0]
    if not _IP.match(text):
        raise BusProtocolError("ip field is no address")
    return text.decode("ascii")


def _name_text(raw: bytes, allowed: re.Pattern[bytes]) -> str:
    # A name that nodes.conf could not hold is treated as not announced, rather than as a reason to drop
    # the link: the reference lets its own user set such names.
    text = raw.partition(b"\0")[0]
    return text.decode("ascii") if allowed.match(text) else ""
