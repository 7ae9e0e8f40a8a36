"""What is known of one node of the cluster, and of one link to or from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from pyredis_cluster.cluster import bitmap, wire

_NODE_ID: Final = re.compile(r"[a-z0-9]{40}\Z")

# Order and spelling of CLUSTER NODES and nodes.conf.
FLAG_NAMES: Final = (
    (wire.MYSELF, "myself"),
    (wire.PRIMARY, "master"),
    (wire.REPLICA, "slave"),
    (wire.PFAIL, "fail?"),
    (wire.FAIL, "fail"),
    (wire.HANDSHAKE, "handshake"),
    (wire.NOADDR, "noaddr"),
    (wire.NOFAILOVER, "nofailover"),
)


def is_node_id(text: str) -> bool:
    """Whether `text` has the form of a node id: 40 lowercase letters and digits."""
    return _NODE_ID.match(text) is not None


@dataclass(slots=True, eq=False)
class Link:
    """One bus connection, known to the shell by `link_id`.

    Outbound links have a node from the start; an inbound one has none until a known sender speaks on it.
    """

    link_id: int
    inbound: bool
    created_ms: int
    node: ClusterNode | None = None
    connected: bool = False
    peer_ip: str = ""
    local_ip: str = ""


@dataclass(slots=True, eq=False)
class ClusterNode:
    """A node as this one sees it. All times are Unix milliseconds, 0 for «never».

    Change `flags` only through the doors in `failure`, `roles` and `state`; `slots` and `slot_count` only
    through those of `ClusterState`. `ping_sent_ms` is 0 unless a PONG is awaited.
    """

    node_id: str
    shard_id: str
    created_ms: int
    flags: int = 0
    config_epoch: int = 0
    slots: bytearray = field(default_factory=lambda: bytearray(wire.SLOT_BITMAP_BYTES))
    slot_count: int = 0
    primary: ClusterNode | None = None
    replicas: list[ClusterNode] = field(default_factory=list)
    ip: str = ""
    hostname: str = ""
    human_nodename: str = ""
    tcp_port: int = 0
    tls_port: int = 0
    bus_port: int = 0
    link: Link | None = None
    inbound_link: Link | None = None
    ping_sent_ms: int = 0
    pong_received_ms: int = 0
    data_received_ms: int = 0
    fail_ms: int = 0
    voted_ms: int = 0
    orphaned_ms: int = 0  # since when it is a primary that replicas may come to
    repl_offset: int = 0
    described_slots: bytes = b""  # the slots that `slots_text`, for `describe`, is about
    slots_text: str = ""
    counted_slots: bytes = bytes(wire.SLOT_BITMAP_BYTES)  # the slots that `counted_bits` is about
    counted_bits: int = 0
    # Reporter → time of its last report. Reports of one reporter do not add up.
    failure_reports: dict[ClusterNode, int] = field(default_factory=dict)

    @property
    def is_primary(self) -> bool:
        """Whether it acts as a primary. A node still in handshake is neither primary nor replica."""
        return bool(self.flags & wire.PRIMARY)

    @property
    def is_replica(self) -> bool:
        """Whether it acts as a replica."""
        return bool(self.flags & wire.REPLICA)

    @property
    def is_failed(self) -> bool:
        """Whether the majority agreed that it is down."""
        return bool(self.flags & wire.FAIL)

    @property
    def is_suspected(self) -> bool:
        """Whether this node alone believes that it is down (PFAIL)."""
        return bool(self.flags & wire.PFAIL)

    @property
    def in_handshake(self) -> bool:
        """Whether its id is still a made-up one."""
        return bool(self.flags & wire.HANDSHAKE)

    @property
    def slot_owner(self) -> ClusterNode:
        """The primary whose slots it serves: itself, or its primary where that is known."""
        return self.primary if self.is_replica and self.primary is not None else self

    def owns(self, slot: int) -> bool:
        """Whether `slot` is assigned to it."""
        return bool(self.slots[slot >> 3] & (1 << (slot & 7)))

    def slot_bits(self) -> int:
        """Its slots as the bits of an integer. They seldom change, and are compared with each claim."""
        if self.counted_slots != self.slots:
            self.counted_slots = bytes(self.slots)
            self.counted_bits = bitmap.to_int(self.counted_slots)
        return self.counted_bits

    def client_port(self, tls: bool) -> int:
        """The port for clients that use TLS, or do not."""
        return self.tls_port if tls else self.tcp_port

    def flag_text(self) -> str:
        """Flags as CLUSTER NODES shows them."""
        return _flag_text(self.flags)


@lru_cache(maxsize=256)
def _flag_text(flags: int) -> str:
    return ",".join([name for flag, name in FLAG_NAMES if flags & flag]) or "noflags"
