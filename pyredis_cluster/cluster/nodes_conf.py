"""Loading nodes.conf, as Redis 7.2, earlier versions and Valkey write it.

Grammar of a line: see `describe.describe_nodes`; the address is
`<ip>:<port>[@<bus port>][,<hostname>[,<field>=<value>]...]` here. The last line usually is
`vars currentEpoch <n> lastVoteEpoch <n>`. Blank lines are skipped.
"""

from __future__ import annotations

import re
from typing import Final

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.node import FLAG_NAMES, ClusterNode, is_node_id
from pyredis_cluster.cluster.state import ClusterState
from pyredis_cluster.protocol.slots import SLOT_COUNT

_FLAGS: Final = {name: flag for flag, name in FLAG_NAMES} | {"noflags": 0}
_MIN_FIELDS: Final = 8
_MAX_PORT: Final = 65535
_LEADING_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_FORBIDDEN_IN_FIELDS: Final = frozenset("!#$%&()*+:;<>?@[]^{|}~")
_OPEN_SLOT: Final = re.compile(r"\[([0-9]{1,5})-([<>])-([a-z0-9]{40})\]\Z")


class NodesConfError(Exception):
    """The file is corrupted; the text is what Redis logs before it exits, its line break included."""

    def __init__(self, line: str) -> None:
        super().__init__(f'Unrecoverable error: corrupted cluster config file "{line}\n".')


def load_nodes_conf(state: ClusterState, text: str) -> None:
    """Fill the tables of a new `state` from the file's text.

    Raises NodesConfError at the first line that makes no sense, and where no line is about this node;
    the state is of no use then. Source: clusterLoadConfig.
    """
    loader = _Loader(state)
    line = ""
    for line in text.removesuffix("\n").split("\n"):
        try:
            loader.load_line(line.split())
        except _MalformedError:
            raise NodesConfError(line) from None
    if not loader.found_myself:
        raise NodesConfError(line)
    me = state.myself.node_id
    state.out.log("notice", f"Node configuration loaded, I'm {me}")
    # Protects against an epoch line edited by hand.
    state.current_epoch = state.greatest_epoch()


class _MalformedError(Exception):
    """A line makes no sense."""


class _Loader:
    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._with_shard: set[str] = set()
        self.found_myself = False

    def load_line(self, fields: list[str]) -> None:
        if not fields:
            return
        if fields[0].lower() == "vars":
            self._load_vars(fields)
            return
        if len(fields) < _MIN_FIELDS:
            raise _MalformedError
        state = self._state
        node = self._node(fields[0])
        self._load_address(node, fields[1])
        self._load_flags(node, fields[2])
        self._load_primary(node, fields[3])
        # Times of a former process mean nothing now, but whether a PONG was awaited does.
        node.ping_sent_ms = state.now_ms if _leading_number(fields[4]) else 0
        node.pong_received_ms = state.now_ms if _leading_number(fields[5]) else 0
        follows = node.is_replica and node.primary is not None
        node.config_epoch = 0 if follows else _leading_number(fields[6])
        for field in fields[_MIN_FIELDS:]:
            self._load_slots(node, field)

    def _load_vars(self, fields: list[str]) -> None:
        if len(fields) % 2 == 0:
            raise _MalformedError
        for name, value in zip(fields[1::2], fields[2::2], strict=True):
            if name.lower() == "currentepoch":
                self._state.current_epoch = _leading_number(value)
            elif name.lower() == "lastvoteepoch":
                self._state.last_vote_epoch = _leading_number(value)
            else:
                self._state.out.log("notice", f"Skipping unknown cluster config variable '{name}'")

    def _node(self, node_id: str) -> ClusterNode:
        """The node of that id, made where it is not there yet."""
        if not is_node_id(node_id):
            raise _MalformedError
        node = self._state.lookup(node_id)
        if node is None:
            node = self._state.create_node(0, node_id)
            self._state.add_node(node)
        return node

    def _load_address(self, node: ClusterNode, field: str) -> None:
        address, *names = field.split(",")
        node.hostname = names[0] if names else ""
        given = {self._load_auxiliary_field(node, auxiliary) for auxiliary in names[1:]}
        ip, colon, ports = address.rpartition(":")
        if not colon:
            raise _MalformedError
        node.ip = ip
        port_text, _, bus_port_text = ports.partition("@")
        port = _port(port_text)
        tls = self._state.settings.tls_cluster
        # Files of before 7.2 have one port alone, that of the bus's kind.
        if "tls-port" in given or ("tcp-port" not in given and not tls):
            node.tcp_port = port
        else:
            node.tls_port = port
        node.bus_port = (
            _port(bus_port_text) if bus_port_text else node.client_port(tls) + wire.BUS_PORT_OFFSET
        )

    def _load_auxiliary_field(self, node: ClusterNode, field: str) -> str:
        name, equals, value = field.partition("=")
        if not equals or "=" in value or not _FORBIDDEN_IN_FIELDS.isdisjoint(field):
            raise _MalformedError
        if name == "shard-id":
            if not is_node_id(value):
                raise _MalformedError
            for each in (node, *node.replicas):
                self._state.join_shard(each, value)
            self._with_shard.add(node.node_id)
        elif name == "nodename":
            node.human_nodename = value
        elif name == "tcp-port":
            node.tcp_port = _port(value)
        elif name == "tls-port":
            node.tls_port = _port(value)
        elif name not in ("availability-zone", "client-tcp-port", "client-tls-port"):
            # Those of later Valkey versions mean nothing here; anything else is no nodes.conf.
            raise _MalformedError
        return name

    def _load_flags(self, node: ClusterNode, field: str) -> None:
        for name in field.lower().split(","):
            if name not in _FLAGS:
                raise _MalformedError
            if name == "myself":
                self._find_myself(node)
            node.flags |= _FLAGS[name]
        if node.is_failed:
            node.fail_ms = self._state.now_ms

    def _find_myself(self, node: ClusterNode) -> None:
        if self.found_myself:
            raise _MalformedError
        self.found_myself = True
        self._state.myself = node

    def _load_primary(self, node: ClusterNode, field: str) -> None:
        state = self._state
        if field.startswith("-"):
            state.join_shard(node, node.shard_id)
            return
        primary = self._node(field)
        # A node may be saved before it has told that it joined the shard of its new primary. Redis 7.2 would
        # not start on such a file; here the primary's word counts.
        if node.node_id in self._with_shard and primary.node_id not in self._with_shard:
            state.join_shard(primary, node.shard_id)
        else:
            state.join_shard(node, primary.shard_id)
        state.add_replica(primary, node)

    def _load_slots(self, node: ClusterNode, field: str) -> None:
        state = self._state
        if field.startswith("["):
            match = _OPEN_SLOT.match(field)
            if match is None:
                raise _MalformedError
            table = state.migrating_to if match[2] == ">" else state.importing_from
            state.open_slot(_slot(match[1]), table, self._node(match[3]))
            return
        first, dash, last = field.partition("-")
        start = _slot(first)
        stop = _slot(last) if dash else start
        if stop >= start and not any(state.slots[start : stop + 1]):
            state.add_slots(node, start, stop)
            return
        for slot in range(start, stop + 1):
            if state.slots[slot] is None:
                state.add_slot(node, slot)


def _leading_number(text: str) -> int:
    match = _LEADING_NUMBER.match(text)
    return int(match[0]) if match else 0


def _port(text: str) -> int:
    port = _leading_number(text)
    if port > _MAX_PORT:
        raise _MalformedError
    return port


def _slot(text: str) -> int:
    slot = _leading_number(text)
    if slot >= SLOT_COUNT or not text[:1].isdigit():
        raise _MalformedError
    return slot
