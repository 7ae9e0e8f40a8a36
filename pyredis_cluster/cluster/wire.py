"""Numbers, flags and structure layouts of the cluster bus protocol (version 1, as Redis 7.2 speaks it).

Every integer is big-endian. Header of each message, 2256 bytes:

    offset  size  field
         0     4  signature "RCmb"
         4     4  total length of the message, header included
         8     2  protocol version, 1
        10     2  client port (TCP, or TLS where the bus is TLS)
        12     2  message type
        14     2  count: gossip entries of PING, PONG and MEET
        16     8  current epoch of the sender
        24     8  config epoch of the sender, or of its primary if it is a replica
        32     8  replication offset (signed in the reference)
        40    40  sender's node id
        80  2048  slots of the sender (or of its primary), bit `slot & 7` of byte `slot >> 3`
      2128    40  node id of the sender's primary, NUL bytes if it is a primary
      2168    46  announced ip, NUL-terminated; empty: take the address of the socket
      2214     2  number of ping extensions
      2216    30  reserved
      2246     2  secondary client port (TLS, or TCP where the bus is TLS)
      2248     2  bus port
      2250     2  node flags of the sender
      2252     1  cluster state as the sender sees it (0 ok, 1 fail)
      2253     3  message flags

Gossip entry, 104 bytes: node id 40, ping sent (s) 4, pong received (s) 4, ip 46, port 2, bus port 2,
flags 2, secondary port 2, reserved 2.

Ping extension: total length 4 (a multiple of 8, these 8 bytes included), type 2, reserved 2, data.

Source: `cluster.h` of the reference.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final

SIGNATURE: Final = b"RCmb"
PROTOCOL_VERSION: Final = 1
NODE_ID_BYTES: Final = 40
SLOT_BITMAP_BYTES: Final = 2048
IP_BYTES: Final = 46
BUS_PORT_OFFSET: Final = 10000
NULL_NODE_ID: Final = bytes(NODE_ID_BYTES)
NO_SLOTS: Final = bytes(SLOT_BITMAP_BYTES)

HEADER: Final = Struct("!4sIHHHHQQq40s2048s40s46sH30sHHHB3s")
GOSSIP: Final = Struct("!40sII46sHHHHH")
EXTENSION: Final = Struct("!IHH")
FORGOTTEN_NODE: Final = Struct("!40sQ")
PUBLISH_LENGTHS: Final = Struct("!II")
UPDATE: Final = Struct("!Q40s2048s")
MODULE: Final = Struct("!8sIB")

HEADER_BYTES: Final = HEADER.size
assert HEADER_BYTES == 2256
assert GOSSIP.size == 104
assert EXTENSION.size == 8
assert FORGOTTEN_NODE.size == 48
assert UPDATE.size == 2096
assert MODULE.size == 13


class MessageType(IntEnum):
    """Message types. The light variants that Valkey 8.1 and later add (bit 15 set) come only to a node
    that announced support for them, which this one never does.
    """

    PING = 0
    PONG = 1
    MEET = 2
    FAIL = 3
    PUBLISH = 4
    FAILOVER_AUTH_REQUEST = 5
    FAILOVER_AUTH_ACK = 6
    UPDATE = 7
    MFSTART = 8
    MODULE = 9
    PUBLISHSHARD = 10


# As CLUSTER INFO spells them in cluster_stats_messages_<name>_sent.
MESSAGE_NAMES: Final = (
    "ping",
    "pong",
    "meet",
    "fail",
    "publish",
    "auth-req",
    "auth-ack",
    "update",
    "mfstart",
    "module",
    "publishshard",
)
assert len(MESSAGE_NAMES) == len(MessageType)

GOSSIPING: Final = frozenset((MessageType.PING, MessageType.PONG, MessageType.MEET))
HEADER_ONLY: Final = frozenset(
    (MessageType.FAILOVER_AUTH_REQUEST, MessageType.FAILOVER_AUTH_ACK, MessageType.MFSTART)
)
PUBLISHING: Final = frozenset((MessageType.PUBLISH, MessageType.PUBLISHSHARD))


class ExtensionType(IntEnum):
    """Ping extensions of Redis 7.2; later ones are skipped by their length."""

    HOSTNAME = 0
    HUMAN_NODENAME = 1
    FORGOTTEN_NODE = 2
    SHARD_ID = 3


# Node flags, as in headers, gossip entries and (by name) CLUSTER NODES.
PRIMARY: Final = 1
REPLICA: Final = 2
PFAIL: Final = 4
FAIL: Final = 8
MYSELF: Final = 16
HANDSHAKE: Final = 32
NOADDR: Final = 64
MEET: Final = 128
MIGRATE_TO: Final = 256
NOFAILOVER: Final = 512

# What may be believed of a node heard of by gossip: MYSELF, HANDSHAKE and MEET say something about the
# speaker's own table only, and bits unknown here belong to newer servers.
GOSSIP_FLAGS: Final = PRIMARY | REPLICA | PFAIL | FAIL | NOADDR | MIGRATE_TO | NOFAILOVER

# First byte of the message flags.
PAUSED: Final = 1
FORCE_ACK: Final = 2
EXTENSION_DATA: Final = 4
