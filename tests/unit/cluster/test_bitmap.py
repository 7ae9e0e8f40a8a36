"""Slot bitmaps and the list of forgotten nodes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cluster.cluster import bitmap
from pyredis_cluster.cluster.blacklist import Blacklist

slot_sets = st.sets(st.one_of(st.integers(0, 16383), st.integers(100, 120)), max_size=60)


@given(slot_sets)
@settings(max_examples=100, deadline=None)
def test_bits_and_ranges_give_the_slots_back(slots: set[int]) -> None:
    packed = bitmap.from_slots(slots)
    assert list(bitmap.bits(bitmap.to_int(packed))) == sorted(slots)
    runs = bitmap.ranges(packed)
    assert [slot for first, last in runs for slot in range(first, last + 1)] == sorted(slots)
    assert all(runs[n][1] + 1 < runs[n + 1][0] for n in range(len(runs) - 1))


def test_full_and_alternating_bitmaps() -> None:
    assert bitmap.ranges(b"\xff" * 2048) == [(0, 16383)]
    assert bitmap.ranges(b"\x55" * 2048) == [(slot, slot) for slot in range(0, 16384, 2)]


def test_the_blacklist_forgets_after_its_time() -> None:
    blacklist = Blacklist()
    blacklist.add("a", 1_000_000)
    blacklist.add("b", 1_000_000, ttl_s=2**64 - 1)
    assert blacklist.holds("a", 1_060_999)
    assert blacklist.remaining_s(1_060_000) == [("a", 0), ("b", 2**63 - 1060)]
    assert blacklist.remaining_s(1_061_000) == [("b", 2**63 - 1061)]
    assert not blacklist.holds("a", 1_061_000)
    blacklist.clear()
    assert not blacklist.holds("b", 0)
