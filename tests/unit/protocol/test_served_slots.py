"""The slots that a node serves, and the keys it remembers of them."""

from __future__ import annotations

from pyredis_cluster.protocol import slots
from pyredis_cluster.protocol.slots import SLOT_COUNT, ServedSlots, key_slot


def test_none_is_served_at_first() -> None:
    assert ServedSlots() == bytearray(SLOT_COUNT)


def test_a_change_forgets_the_keys() -> None:
    served = ServedSlots(b"\1" * SLOT_COUNT)
    served.remember(b"key")
    served[7] = 0
    assert served.known_keys == {}
    served.remember(b"key")
    served[:] = bytes(SLOT_COUNT)
    assert served.known_keys == {}


def test_the_memory_is_bounded() -> None:
    served = ServedSlots()
    for number in range(3 * slots._MOST_KNOWN_KEYS):
        served.remember(b"%d" % number)
        assert len(served.known_keys) <= slots._MOST_KNOWN_KEYS


def test_keys_of_one_served_slot() -> None:
    served = ServedSlots(b"\1" * SLOT_COUNT)
    assert served.serves_all([])
    for _ in range(2):
        assert served.serves_all([b"a"])
        assert served.serves_all([b"{t}1", b"{t}2", b"t"])
        assert not served.serves_all([b"a", b"b"])
        assert not served.serves_all([b"{t}1", b"a"])
    served[key_slot(b"t")] = 0
    assert not served.serves_all([b"{t}1", b"{t}2", b"t"])
    assert served.serves_all([b"a"])


def test_more_keys_than_are_remembered() -> None:
    served = ServedSlots(b"\1" * SLOT_COUNT)
    keys = [b"{t}%d" % number for number in range(slots._MOST_KNOWN_KEYS + 1)]
    assert served.serves_all(keys)
    assert served.known_keys == {}
