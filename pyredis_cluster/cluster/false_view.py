"""Views of the cluster that are not true any more, or never were: for tests of what clients make of them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.describe import describe_config
from pyredis_cluster.cluster.node import ClusterNode
from pyredis_cluster.cluster.nodes_conf import load_nodes_conf
from pyredis_cluster.cluster.settings import EndpointType
from pyredis_cluster.cluster.state import ClusterState

if TYPE_CHECKING:
    from pyredis_cluster.execution.faults import FalseTopology

_Address = tuple[str, int]


class Memory(NamedTuple):
    """A cluster as it was: its nodes.conf, and what of replicas is not in there."""

    text: str
    repl_offsets: Mapping[str, int]


def memory_of(state: ClusterState) -> Memory:
    """What can be told later of the cluster as it is now."""
    offsets = {node.node_id: node.repl_offset for node in state.nodes.values()}
    return Memory(describe_config(state).whole, offsets)


def false_view(state: ClusterState, memory: Memory, topology: FalseTopology) -> ClusterState:
    """What clients are told by `topology`, by the rest as `memory` has it.

    It is to be shown only: it has no part in the cluster of `state`. O(nodes + slots).
    """
    view = _as_remembered(state, memory)
    for (first, last), address in topology.owners:
        _give_slots(view, first, last, address)
    for address in topology.without:
        _leave_out(view, address)
    if topology.no_hosts:
        _forget_hosts(view)
    return view


def _as_remembered(state: ClusterState, memory: Memory) -> ClusterState:
    view = ClusterState(
        copy(state.settings), state.random, state.keys_in_slot, state.repl_offset, lambda: None, state.now_ms
    )
    load_nodes_conf(view, memory.text)
    for node in view.nodes.values():
        node.repl_offset = memory.repl_offsets.get(node.node_id, 0)
        known = state.lookup(node.node_id)
        if known is not None:
            node.link = known.link
    return view


def _give_slots(view: ClusterState, first: int, last: int, address: _Address) -> None:
    """Have a node own slots: the one at that address, or a primary made up."""
    node = _node_at(view, address)
    if node is None:
        node = view.create_node(wire.PRIMARY)
        node.ip, node.tcp_port = address
        node.bus_port = node.tcp_port + wire.BUS_PORT_OFFSET
        view.add_node(node)
        view.join_shard(node, node.shard_id)
    view.take_slots(node.slot_owner, (1 << last + 1) - (1 << first))


def _leave_out(view: ClusterState, address: _Address) -> None:
    """Know nothing of the node at that address, and of whose its slots are."""
    node = _node_at(view, address)
    if node is not None:
        if node is view.myself:
            view.myself = view.create_node(wire.MYSELF | wire.PRIMARY)
        node.link = None
        view.delete_node(node)


def _forget_hosts(view: ClusterState) -> None:
    """Know of no node on which host it is, as a node that has met nobody does not know its own."""
    view.settings.preferred_endpoint_type = EndpointType.IP
    for node in view.nodes.values():
        node.ip = node.hostname = ""


def _node_at(view: ClusterState, address: _Address) -> ClusterNode | None:
    nodes = view.nodes.values()
    return next((node for node in nodes if (node.ip, node.client_port(False)) == address), None)
