"""The slots that a node serves, and the keys it remembers of them."""

from __future__ import annotations

from pyredis_cluster.protocol import slots
from pyredis_cluster.protocol.slots import SLOT_COUNT, ServedSlots


def test_none_is_served_at_first() -> None:
    assert ServedSlots() == bytearray(SLOT_COUNT)


def test_a_change_forgets_the_keys() -> None:
    served = ServedSlots(b"\1" * SLOT_COUNT)
    served.remember(b"key")
    served[7] = 0
    assert served.known_keys == set()
    served.remember(b"key")
    served[:] = bytes(SLOT_COUNT)
    assert served.known_keys == set()


def test_the_memory_is_bounded() -> None:
    served = ServedSlots()
    for number in range(3 * slots._MOST_KNOWN_KEYS):
        served.remember(b"%d" % number)
        assert len(served.known_keys) <= slots._MOST_KNOWN_KEYS
