"""When nodes.conf is saved, and when it must be on the disk: before anything leaves that rests on it."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.messages import SlotsUpdate
from pyredis_cluster.cluster.ready import Ready
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.wire import MessageType
from tests.unit.cluster.bench import A, B, Bench, texts

LATER_MS = 100


@pytest.fixture
def bench() -> Bench:
    """A primary with slots 0 to 9; A has 10 to 19, B 20 to 29."""
    bench = Bench()
    bench.core.add_slots([(0, 9)], bench.now_ms)
    bench.core.set_config_epoch(1, bench.now_ms)
    bench.peer(A, slots=range(10, 20), epoch=2)
    bench.peer(B, slots=range(20, 30), epoch=3)
    bench.advance(LATER_MS)
    bench.ready()
    return bench


def claim(bench: Bench, sender: str, slots: range, epoch: int) -> Ready:
    return bench.hear(
        MessageType.PONG, sender, slots=slots, config_epoch=epoch, current_epoch=epoch, flags=wire.PRIMARY
    )


def is_durable(ready: Ready) -> bool:
    return ready.config is not None and ready.fsync


def test_what_others_say_of_each_other_is_saved_at_most_every_so_often(bench: Bench) -> None:
    assert is_durable(claim(bench, B, range(19, 30), 4))
    for count in range(2, 9):
        bench.now_ms += 5
        ready = claim(bench, B, range(20 - count, 30), 4)
        assert ready.config is None
        assert bench.core.has_unsaved
    ready = bench.advance(LATER_MS)
    assert is_durable(ready)
    assert "connected 12-29\n" in (ready.config or "")
    assert not bench.core.has_unsaved
    assert bench.advance(LATER_MS).config is None


def test_a_clock_that_goes_back_keeps_nothing_from_being_saved(bench: Bench) -> None:
    assert is_durable(claim(bench, B, range(19, 30), 4))
    bench.now_ms -= 3_600_000
    assert is_durable(claim(bench, B, range(18, 30), 4))


def test_a_save_that_is_not_synced_leaves_the_rest_to_one_that_is(bench: Bench) -> None:
    claim(bench, B, range(19, 30), 4)
    claim(bench, B, range(18, 30), 4)
    bench.core.mark_migrating(5, A, bench.now_ms)
    ready = bench.ready()
    assert not is_durable(ready)
    assert "18-29" in (ready.config or "")
    assert is_durable(bench.advance(LATER_MS))


def test_slots_of_ours_that_another_takes_are_gone_for_good_at_once(bench: Bench) -> None:
    claim(bench, B, range(19, 30), 4)
    ready = claim(bench, A, range(9, 19), 5)
    assert is_durable(ready)
    assert "connected 0-8\n" in (ready.config or "")


def test_slots_that_go_where_they_were_meant_to_go_may_be_saved_a_little_later(bench: Bench) -> None:
    claim(bench, B, range(19, 30), 4)
    bench.core.mark_migrating(9, A, bench.now_ms)
    bench.ready()
    assert claim(bench, A, range(9, 19), 5).config is None
    assert bench.core.state.slots[9] is bench.state.nodes[A]
    bench.core.assign_slot(9, A, bench.now_ms)
    ready = bench.ready()
    assert "connected 0-8\n" in (ready.config or "")
    assert is_durable(bench.advance(LATER_MS))


def test_nothing_is_saved_where_an_administrator_repeats_what_the_owner_said(bench: Bench) -> None:
    claim(bench, B, range(19, 30), 4)
    claim(bench, B, range(18, 30), 4)
    bench.core.assign_slot(18, B, bench.now_ms)
    assert bench.ready().config is None
    bench.core.assign_slot(18, A, bench.now_ms)
    assert bench.ready().config is not None


def test_a_replica_saves_at_once_what_its_primary_claims(bench: Bench) -> None:
    bench.core.delete_slots([(0, 9)], bench.now_ms)
    become_replica_of(bench.state, bench.state.nodes[A])
    assert is_durable(bench.ready())
    assert is_durable(claim(bench, A, range(9, 20), 5))
    assert is_durable(claim(bench, A, range(9, 20), 6))
    assert is_durable(claim(bench, B, range(19, 30), 7))
    assert claim(bench, B, range(19, 31), 7).config is None


def test_a_config_epoch_of_ours_is_durable_before_anything_leaves(bench: Bench) -> None:
    claim(bench, B, range(19, 30), 4)
    me = bench.core.my_id
    ready = bench.hear(MessageType.UPDATE, B, SlotsUpdate(9, me, bytes(wire.SLOT_BITMAP_BYTES)))
    assert is_durable(ready)
    assert "Discarding UPDATE message about myself." in texts(ready)
    assert bench.hear(MessageType.UPDATE, B, SlotsUpdate(10, A, bytes(wire.SLOT_BITMAP_BYTES))).config is None
    bench.core.bump_epoch(bench.now_ms)
    assert is_durable(bench.ready())
