"""How Redis would divide a list among the nodes of a quicklist: counts and sizes only, the elements are
elsewhere.

It is kept because OBJECT ENCODING shows it: a list becomes a listpack again when it shrinks to a single node
of at most half the limit, and which elements share a node depends on all that happened before.

Source: quicklist.c of Redis 7.2, whose tests for room (`has_room`) overestimate an entry by design.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from pyredis_cluster.keyspace.types.listpack import EMPTY_LISTPACK_BYTES, entry_bytes

UNLIMITED = 1 << 62

_NINE = ord("9")

_NODE_BYTES = (4096, 8192, 16384, 32768, 65536)
_SAFE_BYTES = 8192
"""Bound of a node whose elements are counted, so that large elements do not make it unwieldy."""
_ENTRY_OVERHEAD = 8

BytesBetween = Callable[[int, int], int]
"""Listpack bytes of the elements from one index of the list up to another."""


def node_limits(fill: int) -> tuple[int, int]:
    """(bytes, elements) that a node may have by `list-max-listpack-size`, UNLIMITED where it does not say."""
    if fill >= 0:
        return UNLIMITED, fill or 1
    return _NODE_BYTES[min(-fill, 5) - 1], UNLIMITED


def exceeds_node(fill: int, size: int, count: int) -> bool:
    """Whether `count` elements in a listpack of `size` bytes are too much for one node."""
    size_limit, count_limit = node_limits(fill)
    return size > min(size_limit, _SAFE_BYTES if fill >= 0 else UNLIMITED) or count > count_limit


class Quicklist:
    """The nodes of one list, each as [elements, bytes]. Work at the ends is O(1), elsewhere O(nodes).

    `fill` is what `list-max-listpack-size` was when the list became a quicklist: it stays so.
    """

    __slots__ = ("_count_limit", "_size_limit", "fill", "nodes")

    def __init__(self, fill: int) -> None:
        self.fill = fill
        self.nodes: deque[list[int]] = deque()
        size_limit, self._count_limit = node_limits(fill)
        self._size_limit = min(size_limit, _SAFE_BYTES) if fill >= 0 else size_limit

    def copy(self) -> Quicklist:
        """An independent copy. O(nodes)."""
        copied = Quicklist(self.fill)
        copied.nodes = deque([node.copy() for node in self.nodes])
        return copied

    def append_node(self, count: int, size: int) -> None:
        """A node of `count` elements and `size` bytes comes behind all others, whatever the limits. O(1)."""
        self.nodes.append([count, size])

    def push_tail(self, elements: Iterable[bytes]) -> None:
        """Elements were added at the tail, one after the other."""
        nodes = self.nodes
        self._push(elements, nodes[-1] if nodes else None, nodes.append)

    def push_head(self, elements: Iterable[bytes]) -> None:
        """Elements were added at the head, one after the other."""
        nodes = self.nodes
        self._push(elements, nodes[0] if nodes else None, nodes.appendleft)

    def _push(
        self, elements: Iterable[bytes], node: list[int] | None, add: Callable[[list[int]], None]
    ) -> None:
        """Put elements into `node`, the one at their end, and into new ones that `add` puts there."""
        size_limit = self._size_limit - _ENTRY_OVERHEAD
        count_limit = self._count_limit
        for element in elements:
            length = len(element)
            if node is not None and node[1] + length <= size_limit and node[0] < count_limit:
                node[0] += 1
                # Short and no number: not worth a call.
                node[1] += length + 2 if 0 < length < 64 and element[0] > _NINE else entry_bytes(element)
            else:
                node = [1, EMPTY_LISTPACK_BYTES + entry_bytes(element)]
                add(node)

    def pop_tail(self, element: bytes) -> None:
        """`element` was removed from the tail."""
        node = self.nodes[-1]
        if node[0] == 1:
            self.nodes.pop()
        else:
            node[0] -= 1
            length = len(element)
            node[1] -= length + 2 if 0 < length < 64 and element[0] > _NINE else entry_bytes(element)

    def pop_head(self, element: bytes) -> None:
        """`element` was removed from the head."""
        node = self.nodes[0]
        if node[0] == 1:
            self.nodes.popleft()
        else:
            node[0] -= 1
            length = len(element)
            node[1] -= length + 2 if 0 < length < 64 and element[0] > _NINE else entry_bytes(element)

    def locate(self, index: int) -> tuple[int, int]:
        """(number of the node that holds element `index`, index of that node's first element)."""
        first = 0
        for number, node in enumerate(self.nodes):
            if index < first + node[0]:
                return number, first
            first += node[0]
        raise IndexError(index)

    def resize(self, index: int, growth: int) -> None:
        """Element `index` takes `growth` bytes more than it did. Redis checks no limit here."""
        self.nodes[self.locate(index)[0]][1] += growth

    def remove_range(self, start: int, stop: int, bytes_between: BytesBetween) -> None:
        """The elements from `start` up to `stop` are about to be removed."""
        kept: deque[list[int]] = deque()
        first = 0
        for node in self.nodes:
            end = first + node[0]
            from_, to = max(start, first), min(stop, end)
            if from_ >= to:
                kept.append(node)
            elif to - from_ < node[0]:
                kept.append([node[0] - (to - from_), node[1] - bytes_between(from_, to)])
            first = end
        self.nodes = kept

    def remove_each(self, indices: Sequence[int], size: int) -> None:
        """The elements at `indices`, ascending, were removed; each had `size` bytes."""
        kept: deque[list[int]] = deque()
        first = place = 0
        for node in self.nodes:
            end = first + node[0]
            removed = 0
            while place < len(indices) and indices[place] < end:
                place += 1
                removed += 1
            if removed < node[0]:
                kept.append([node[0] - removed, node[1] - removed * size])
            first = end
        self.nodes = kept

    def insert(self, pivot: int, element: bytes, bytes_between: BytesBetween, *, before: bool) -> None:
        """`element` is about to be put beside the element at index `pivot`.

        A full node hands it to a neighbour with room if it stands at the edge between them, gets a new
        neighbour if there is none, and is split otherwise; what a split leaves is merged where it fits.
        """
        nodes = self.nodes
        number, first = self.locate(pivot)
        offset = pivot - first
        length = len(element)
        size = entry_bytes(element)
        if self._has_room(number, length):
            self._grow(number, size)
            return
        at_edge = offset == 0 if before else offset == nodes[number][0] - 1
        neighbour = number - 1 if before else number + 1
        if at_edge and self._has_room(neighbour, length):
            self._grow(neighbour, size)
        elif at_edge:
            nodes.insert(number if before else number + 1, [1, EMPTY_LISTPACK_BYTES + size])
        else:
            kept = offset if before else offset + 1
            total = nodes[number]
            left_bytes = EMPTY_LISTPACK_BYTES + bytes_between(first, first + kept)
            left = [kept, left_bytes]
            right = [total[0] - kept, total[1] - left_bytes + EMPTY_LISTPACK_BYTES]
            for each in (left,) if before else (right,):
                each[0] += 1
                each[1] += size
            nodes[number] = left
            nodes.insert(number + 1, right)
            self._merge_around(number + 1 if before else number)

    def _has_room(self, number: int, length: int) -> bool:
        if not 0 <= number < len(self.nodes):
            return False
        count, size = self.nodes[number]
        return size + length + _ENTRY_OVERHEAD <= self._size_limit and count < self._count_limit

    def _grow(self, number: int, size: int) -> None:
        node = self.nodes[number]
        node[0] += 1
        node[1] += size

    def _merge_around(self, center: int) -> None:
        """Merge the two nodes before `center`, the two after it, then it with what is left on either side."""
        if self._merge(center - 2):
            center -= 1
        self._merge(center + 1)
        if self._merge(center - 1):
            center -= 1
        self._merge(center)

    def _merge(self, number: int) -> bool:
        """Merge a node with the one after it, if both are there and fit together."""
        nodes = self.nodes
        if number < 0 or number + 1 >= len(nodes):
            return False
        left, right = nodes[number], nodes[number + 1]
        count = left[0] + right[0]
        size = left[1] + right[1] - EMPTY_LISTPACK_BYTES
        if size > self._size_limit or count > self._count_limit:
            return False
        nodes[number] = [count, size]
        del nodes[number + 1]
        return True
