"""Lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Self

from pyredis_cluster.keyspace.types.listpack import EMPTY_LISTPACK_BYTES, entries_bytes, entry_bytes
from pyredis_cluster.keyspace.types.quicklist import Quicklist, exceeds_node, node_limits
from pyredis_cluster.keyspace.types.sizes import OBJECT_BYTES
from pyredis_cluster.keyspace.types.value import Value

_QUICKLIST_BYTES = 40
_NODE_BYTES = 32

_MOST_UNFILED = 256
"""Pushes that wait to be divided among nodes: many at once are cheaper, but someone has to wait for them."""

_SHIFT_IN_PLACE = 64
"""Up to so many elements it is cheaper to move them all than to divide them anew."""


class List(Value):
    """A list of bytes strings.

    The elements stand in two Python lists, the first of them reversed, so that both ends are ends of a list:
    pushing and popping is O(1) amortised, and reading any range costs only what is read.

    `quicklist` is None while the encoding is `listpack`. What was pushed to one end lately is not in it yet
    (`_unfiled`: so many at the head, negative: at the tail) until it is asked for. Methods that may change
    the encoding take `fill`, the directive `list-max-listpack-size`. Those that remove do not shrink the
    encoding: callers do, with `shrink`, after all that a command does to the list.
    """

    __slots__ = ("_bytes", "_head", "_quicklist", "_tail", "_unfiled")

    type_name = b"list"

    def __init__(self) -> None:
        self.lru = 0
        self._head: list[bytes] = []
        self._tail: list[bytes] = []
        self._bytes = EMPTY_LISTPACK_BYTES
        self._quicklist: Quicklist | None = None
        self._unfiled = 0

    @property
    def quicklist(self) -> Quicklist | None:
        """How the elements are divided among nodes; None for a listpack."""
        if self._unfiled:
            self._file()
        return self._quicklist

    @quicklist.setter
    def quicklist(self, quicklist: Quicklist | None) -> None:
        self._quicklist = quicklist

    @property
    def is_long(self) -> bool:
        """Whether there are several nodes: then it is not empty, and `shrink` has nothing to do."""
        quicklist = self._quicklist
        return quicklist is not None and len(quicklist.nodes) > 1

    def _file(self) -> None:
        """Divide among nodes what was pushed since it was last done."""
        quicklist = self._quicklist
        assert quicklist is not None
        unfiled, self._unfiled = self._unfiled, 0
        if unfiled > 0:
            quicklist.push_head(self._head[-unfiled:])
        else:
            quicklist.push_tail(self._tail[unfiled:])

    @classmethod
    def build(cls, elements: Iterable[bytes], fill: int, *, node_fill: int | None = None) -> Self:
        """A new list of many elements: a quicklist filled at its tail, then a listpack if that holds them.
        O(n).

        `node_fill` is the `fill` of the quicklist, where that is another one (SORT ... STORE).
        """
        built = cls()
        built._tail = list(elements)
        quicklist = Quicklist(fill if node_fill is None else node_fill)
        quicklist.push_tail(built._tail)
        built.quicklist = quicklist
        built._become_listpack(fill, 1)
        return built

    @classmethod
    def of_nodes(cls, elements: list[bytes], quicklist: Quicklist, fill: int | None) -> Self:
        """A new list that takes over `elements`, divided as `quicklist` says. O(1).

        It becomes a listpack if `fill` is given and that holds all.
        """
        made = cls()
        made._tail = elements
        made.quicklist = quicklist
        if fill is not None:
            made._become_listpack(fill, 1)
        return made

    def __len__(self) -> int:
        """Number of elements. O(1)."""
        return len(self._head) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """From head to tail."""
        return chain(reversed(self._head), self._tail)

    def __reversed__(self) -> Iterator[bytes]:
        """From tail to head."""
        return chain(reversed(self._tail), self._head)

    def encoding(self) -> bytes:
        """`listpack` or `quicklist`."""
        return b"listpack" if self._quicklist is None else b"quicklist"

    def copy(self) -> Self:
        """An independent copy of the same encoding. O(n)."""
        copied = type(self)()
        copied._head = self._head.copy()
        copied._tail = self._tail.copy()
        copied._bytes = self._bytes
        copied.quicklist = None if self.quicklist is None else self.quicklist.copy()
        return copied

    def memory_bytes(self, samples: int = 5) -> int:
        """Object header and listpack; for a quicklist its nodes, averaged over `samples` of them (0: all)."""
        if self.quicklist is None:
            return OBJECT_BYTES + self._bytes
        nodes = self.quicklist.nodes
        sampled = [size for (_, size), _ in zip(nodes, range(samples or len(nodes)), strict=False)]
        node_bytes = _NODE_BYTES + sum(sampled) // max(len(sampled), 1)
        return OBJECT_BYTES + _QUICKLIST_BYTES + len(nodes) * node_bytes

    def push_head(self, elements: list[bytes], fill: int) -> int:
        """Put elements before all others, one after the other: the last one becomes the head. O(pushed).

        Returns the length after.
        """
        unfiled = self._unfiled
        head = self._head
        if self._quicklist is None or not 0 <= unfiled < _MOST_UNFILED:
            if self._quicklist is None and self.make_room(elements, fill) is None:
                self._bytes += entries_bytes(elements)
                head += elements
                return len(head) + len(self._tail)
            if unfiled:
                self._file()
                unfiled = 0
        head += elements
        self._unfiled = unfiled + len(elements)
        return len(head) + len(self._tail)

    def push_tail(self, elements: list[bytes], fill: int) -> int:
        """Put elements after all others, one after the other. O(pushed).

        Returns the length after.
        """
        unfiled = self._unfiled
        tail = self._tail
        if self._quicklist is None or not -_MOST_UNFILED < unfiled <= 0:
            if self._quicklist is None and self.make_room(elements, fill) is None:
                self._bytes += entries_bytes(elements)
                tail += elements
                return len(tail) + len(self._head)
            if unfiled:
                self._file()
                unfiled = 0
        tail += elements
        self._unfiled = unfiled - len(elements)
        return len(tail) + len(self._head)

    def push_one_head(self, element: bytes, fill: int) -> int:
        """Put one element before all others; returns the length after. O(1)."""
        unfiled = self._unfiled
        if self._quicklist is None or not 0 <= unfiled < _MOST_UNFILED:
            return self.push_head([element], fill)
        head = self._head
        head.append(element)
        self._unfiled = unfiled + 1
        return len(head) + len(self._tail)

    def push_one_tail(self, element: bytes, fill: int) -> int:
        """Put one element after all others; returns the length after. O(1)."""
        unfiled = self._unfiled
        if self._quicklist is None or not -_MOST_UNFILED < unfiled <= 0:
            return self.push_tail([element], fill)
        tail = self._tail
        tail.append(element)
        self._unfiled = unfiled - 1
        return len(tail) + len(self._head)

    def pop_head(self) -> bytes:
        """Remove and return the first element. O(1) amortised. Raises IndexError if there is none."""
        if self._unfiled:
            self._file()
        quicklist = self._quicklist
        head = self._head
        if head:
            element = head.pop()
        else:
            tail = self._tail
            if len(tail) > _SHIFT_IN_PLACE:
                middle = (len(tail) + 1) // 2
                head = self._head = tail[middle - 1 :: -1]
                del tail[:middle]
                element = head.pop()
            else:
                element = tail.pop(0)
        if quicklist is None:
            self._bytes -= entry_bytes(element)
        else:
            quicklist.pop_head(element)
        return element

    def pop_tail(self) -> bytes:
        """Remove and return the last element. O(1) amortised. Raises IndexError if there is none."""
        if self._unfiled:
            self._file()
        quicklist = self._quicklist
        tail = self._tail
        if tail:
            element = tail.pop()
        else:
            head = self._head
            if len(head) > _SHIFT_IN_PLACE:
                middle = (len(head) + 1) // 2
                tail = self._tail = head[middle - 1 :: -1]
                del head[:middle]
                element = tail.pop()
            else:
                element = head.pop(0)
        if quicklist is None:
            self._bytes -= entry_bytes(element)
        else:
            quicklist.pop_tail(element)
        return element

    def range(self, start: int, stop: int) -> list[bytes]:
        """The elements from index `start` up to, not including, `stop`; both within 0..len. O(stop -
        start).
        """
        head = self._head
        count = len(head)
        if start >= count:
            return self._tail[start - count : stop - count]
        if stop <= count:
            return head[count - stop : count - start][::-1]
        found = head[: count - start][::-1]
        found += self._tail[: stop - count]
        return found

    def __getitem__(self, index: int) -> bytes:
        """The element at an index from 0. O(1). Raises IndexError beyond the end."""
        count = len(self._head)
        return self._head[count - 1 - index] if index < count else self._tail[index - count]

    def set(self, index: int, element: bytes) -> None:
        """Replace the element at an index from 0. O(1), but O(nodes) for a quicklist."""
        quicklist = self.quicklist
        growth = entry_bytes(element) - entry_bytes(self[index])
        count = len(self._head)
        if index < count:
            self._head[count - 1 - index] = element
        else:
            self._tail[index - count] = element
        if quicklist is None:
            self._bytes += growth
        else:
            quicklist.resize(index, growth)

    def insert(self, pivot: bytes, element: bytes, *, before: bool) -> bool:
        """Put `element` beside the first `pivot`; whether there is one. O(n). The caller has made room."""
        place = next((index for index, each in enumerate(self) if each == pivot), -1)
        if place < 0:
            return False
        if self.quicklist is None:
            self._bytes += entry_bytes(element)
        else:
            self.quicklist.insert(place, element, self._bytes_between, before=before)
        if not before:
            place += 1
        count = len(self._head)
        if place <= count:
            self._head.insert(count - place, element)
        else:
            self._tail.insert(place - count, element)
        return True

    def remove(self, element: bytes, count: int) -> int:
        """Remove the first `count` elements equal to `element`, the last ones if negative, all if 0. O(n).

        Returns how many were removed.
        """
        elements = self.range(0, len(self))
        places = _places(elements, element, count)
        if not places:
            return 0
        quicklist = self.quicklist
        size = entry_bytes(element)
        kept: list[bytes] = []
        start = 0
        for place in places:
            kept += elements[start:place]
            start = place + 1
        kept += elements[start:]
        self._head = []
        self._tail = kept
        if quicklist is None:
            self._bytes -= size * len(places)
        else:
            quicklist.remove_each(places, size)
        return len(places)

    def remove_range(self, start: int, stop: int) -> None:
        """Remove the elements from `start` up to, not including, `stop`; both within 0..len. O(n)."""
        if start >= stop:
            return
        if self.quicklist is None:
            self._bytes -= self._bytes_between(start, stop)
        else:
            self.quicklist.remove_range(start, stop, self._bytes_between)
        count = len(self._head)
        if stop > count:
            del self._tail[max(start - count, 0) : stop - count]
        if start < count:
            del self._head[max(count - stop, 0) : count - start]

    def make_room(self, elements: list[bytes], fill: int) -> Quicklist | None:
        """Become a quicklist if a listpack would be too large with `elements` added; returns the quicklist.

        Redis does so before it knows whether they are added at all, and counts their plain lengths.
        """
        if self.quicklist is None:
            size = self._bytes + sum(map(len, elements))
            count = len(self) + len(elements)
            if exceeds_node(fill, size, count):
                self.quicklist = Quicklist(fill)
                if count > len(elements):
                    self.quicklist.nodes.append([len(self), self._bytes])
        return self.quicklist

    def shrink(self, fill: int) -> None:
        """Become a listpack again if one node is left, with at most half of what a listpack may have."""
        quicklist = self.quicklist
        if quicklist is not None and len(quicklist.nodes) == 1:
            self._become_listpack(fill, 2)

    def _become_listpack(self, fill: int, divisor: int) -> None:
        quicklist = self.quicklist
        assert quicklist is not None
        if len(quicklist.nodes) != 1:
            return
        count, size = quicklist.nodes[0]
        size_limit, count_limit = node_limits(fill)
        if size <= size_limit // divisor and count <= count_limit // divisor:
            self._bytes = size
            self.quicklist = None

    def _bytes_between(self, start: int, stop: int) -> int:
        return entries_bytes(self.range(start, stop))

    def _check(self) -> None:
        """Assert the invariants. O(n)."""
        elements = list(self)
        assert elements == self.range(0, len(self))
        if self.quicklist is None:
            assert self._bytes == EMPTY_LISTPACK_BYTES + entries_bytes(elements)
            return
        start = 0
        for count, size in self.quicklist.nodes:
            assert count > 0
            assert size == EMPTY_LISTPACK_BYTES + entries_bytes(elements[start : start + count])
            start += count
        assert start == len(elements)


def _places(elements: list[bytes], element: bytes, count: int) -> list[int]:
    """Indices of `element`, ascending: the first `count`, the last ones if negative, all if 0."""
    places: list[int] = []
    find = elements.index
    place = -1
    wanted = count if count > 0 else len(elements)
    try:
        while len(places) < wanted:
            place = find(element, place + 1)
            places.append(place)
    except ValueError:
        pass
    return places[count:] if count < 0 else places
