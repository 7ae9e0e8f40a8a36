"""Networks that fall apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.testing.node import Node


def cut(some: Iterable[Node], others: Iterable[Node], wires: Iterable[str], *, one_way: bool = False) -> None:
    """Let nothing pass on these wires between nodes that run; `one_way`: from `some` to `others`."""
    far = list(others)
    for one in some:
        for other in far:
            _block(one, other, wires, blocks_in=not one_way, blocks_out=True)
            _block(other, one, wires, blocks_in=True, blocks_out=not one_way)


def _block(node: Node, peer: Node, wires: Iterable[str], *, blocks_in: bool, blocks_out: bool) -> None:
    """Cut the connections that `node` makes to `peer`."""
    if node.is_up:
        node.faults.wire(wires=wires, peer=(peer.host, peer.port), blocks_in=blocks_in, blocks_out=blocks_out)
