"""One core on the bench: peers are puppets whose messages a test writes."""

from __future__ import annotations

import random
from typing import Any

from pyredis_cluster.cluster import bitmap, wire
from pyredis_cluster.cluster.core import ClusterCore
from pyredis_cluster.cluster.messages import Body, Gossip, GossipEntry, Header, Message, decode
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.ready import Ready
from pyredis_cluster.cluster.settings import ClusterSettings
from pyredis_cluster.cluster.wire import MessageType

NOW_MS = 1_700_000_000_000
A, B, C, D = ("".join(letter * 40) for letter in "abcd")


class Bench:
    """A core with id 1111…, and known peers by `peer`."""

    def __init__(self, config: str = "", **settings: Any) -> None:
        self.now_ms = NOW_MS
        self.settings = ClusterSettings(port=7000, node_timeout_ms=1000)
        for name, value in settings.items():
            setattr(self.settings, name, value)
        self.keys: dict[int, int] = {}
        self.offset = 0
        self.core = ClusterCore(
            self.settings,
            random.Random(1),
            now_ms=NOW_MS,
            config=config,
            keys_in_slot=lambda slot: self.keys.get(slot, 0),
            repl_offset=lambda: self.offset,
        )
        self.state = self.core.state
        self.ready()

    def ready(self) -> Ready:
        return self.core.ready(self.now_ms)

    def peer(
        self, node_id: str, *, slots: range | list[int] = range(0), epoch: int = 0, primary: str = ""
    ) -> ClusterNode:
        """Make a known node, with a link to it that is open."""
        node = self.state.create_node(wire.REPLICA if primary else wire.PRIMARY, node_id)
        node.ip, node.tcp_port, node.bus_port = "127.0.0.1", 7001, 17001
        node.config_epoch = epoch
        self.state.add_node(node)
        self.state.join_shard(node, node.shard_id)
        if primary:
            self.state.add_replica(self.state.nodes[primary], node)
        for slot in slots:
            self.state.add_slot(node, slot)
        link = self.state.open_link(node)
        link.connected = True
        self.ready()
        return node

    def hear(
        self, type_: MessageType, sender: str, body: Body = None, link_id: int | None = None, **fields: Any
    ) -> Ready:
        """Let `sender` speak, on a fresh inbound link unless one is given; returns what is to be done."""
        if link_id is None:
            link_id = self.core.accept_link("127.0.0.1", "127.0.0.1", self.now_ms)
        fields.setdefault("port", 7001)
        fields.setdefault("bus_port", 17001)
        if "slots" in fields:
            fields["slots"] = bitmap.from_slots(fields["slots"])
        if body is None and type_ in wire.GOSSIPING:
            body = Gossip()
        self.core.receive(link_id, Message(Header(type_, sender, **fields), body), self.now_ms)
        return self.ready()

    def gossip(self, sender: str, about: str, flags: int, **fields: Any) -> Ready:
        """Let `sender` gossip about another node in a PONG."""
        return self.hear(MessageType.PONG, sender, Gossip((entry(about, flags, **fields),)))

    def advance(self, duration_ms: int) -> Ready:
        """Let time pass, then tick."""
        self.now_ms += duration_ms
        self.core.tick(self.now_ms)
        return self.ready()


def entry(node_id: str, flags: int, **fields: Any) -> GossipEntry:
    values: dict[str, Any] = {
        "ip": "127.0.0.1",
        "port": 7001,
        "bus_port": 17001,
        "pong_received_s": 0,
        "secondary_port": 0,
    }
    values |= fields
    return GossipEntry(
        node_id,
        0,
        values["pong_received_s"],
        values["ip"],
        values["port"],
        values["bus_port"],
        flags,
        values["secondary_port"],
    )


def sent(ready: Ready) -> list[tuple[int, Message]]:
    """What is to be sent, decoded."""
    return [(link_id, decode(data)) for link_id, data in ready.sends]


def types(ready: Ready) -> list[int]:
    return [message.header.type for _, message in sent(ready)]


def texts(ready: Ready) -> list[str]:
    return [line.text for line in ready.logs]


def is_suspected(node: ClusterNode) -> bool:
    """As the property of that name; a call, so that type checkers do not take it for constant."""
    return node.is_suspected


def is_failed(node: ClusterNode) -> bool:
    """As the property of that name; see `is_suspected`."""
    return node.is_failed
