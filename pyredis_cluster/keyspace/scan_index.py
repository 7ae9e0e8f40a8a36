"""Order for a dict: uniform random picks in O(1), and SCAN's guarantee with a stateless cursor.

The elements stand in a list; removal moves the last one into the hole. SCAN walks that list **backwards**: a
cursor `c` says that positions `c` and above were returned. A removal below `c` moves in an element from
the end, returned already if its position was `c` or more, and otherwise still to come; a removal at `c` or
above moves among the returned. New elements go to the end. So whatever stays for a whole walk is returned at
least once, and the cursor is a plain number that any connection may go on with.

An index is made when it is first needed, and from then on kept up by its owner.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyredis_cluster.ports import Random


class ScanIndex:
    """Positions of the elements of one dict. All operations are O(1), but for the making: O(n)."""

    __slots__ = ("order", "position")

    def __init__(self, elements: Iterable[bytes]) -> None:
        self.order = list(elements)
        self.position = {element: place for place, element in enumerate(self.order)}

    def __len__(self) -> int:
        return len(self.order)

    def add(self, element: bytes) -> None:
        """Take in an element that is not there yet."""
        self.position[element] = len(self.order)
        self.order.append(element)

    def discard(self, element: bytes) -> None:
        """Let go of an element, if it is there."""
        place = self.position.pop(element, None)
        if place is None:
            return
        last = self.order.pop()
        if place < len(self.order):
            self.order[place] = last
            self.position[last] = place

    def random(self, random: Random) -> bytes:
        """A uniformly random element; the index must not be empty."""
        # Half the price of randrange, and as uniform as a double has bits.
        order = self.order
        return order[int(random.random() * len(order))]

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next `count` elements and the next cursor; cursor 0 starts a walk and ends it."""
        order = self.order
        end = min(cursor, len(order)) if cursor else len(order)
        start = max(end - count, 0)
        return start, order[start:end]
