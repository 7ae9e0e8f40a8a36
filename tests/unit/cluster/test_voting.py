"""Votes: each condition of the reference, and their order against the disk."""

from __future__ import annotations

from typing import Any

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.messages import ModuleData, Published
from pyredis_cluster.cluster.wire import MessageType
from tests.unit.cluster.bench import A, B, Bench, C, sent, texts, types

REPLICA_ID = "e" * 40


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.core.add_slots([(0, 9)], bench.now_ms)
    bench.peer(A, slots=[10, 11], epoch=3)
    bench.peer(B, slots=[12], epoch=4)
    bench.peer(REPLICA_ID, primary=A)
    bench.state.nodes[A].flags |= wire.FAIL
    bench.state.current_epoch = 6
    bench.ready()
    return bench


def ask(bench: Bench, sender: str = REPLICA_ID, **fields: Any) -> tuple[list[int], list[str]]:
    values: dict[str, Any] = {"current_epoch": 7, "config_epoch": 3, "slots": [10, 11], "primary": A}
    ready = bench.hear(MessageType.FAILOVER_AUTH_REQUEST, sender, **(values | fields))
    return types(ready), texts(ready)


def denied(reason: str, sender: str = REPLICA_ID) -> tuple[list[int], list[str]]:
    return [], [f"Failover auth denied to {sender} (): {reason}"]


def test_a_vote_is_saved_with_fsync_in_the_same_step_that_sends_it(bench: Bench) -> None:
    link = bench.state.nodes[REPLICA_ID].link
    ready = bench.hear(
        MessageType.FAILOVER_AUTH_REQUEST,
        REPLICA_ID,
        current_epoch=7,
        config_epoch=3,
        slots=[10, 11],
        primary=A,
    )
    assert link is not None
    [(link_id, ack)] = sent(ready)
    assert link_id == link.link_id
    assert (ack.header.type, ack.header.current_epoch) == (MessageType.FAILOVER_AUTH_ACK, 7)
    assert ready.config is not None
    assert ready.config.endswith("vars currentEpoch 7 lastVoteEpoch 7\n")
    assert ready.fsync
    assert texts(ready) == [f"Failover auth granted to {REPLICA_ID} () for epoch 7"]


def test_one_vote_per_epoch(bench: Bench) -> None:
    ask(bench)
    assert ask(bench) == denied("already voted for epoch 7")


def test_an_old_epoch_gets_no_vote(bench: Bench) -> None:
    assert ask(bench, current_epoch=5) == denied("reqEpoch (5) < curEpoch(6)")


def test_a_primary_gets_no_vote(bench: Bench) -> None:
    assert ask(bench, B) == denied("it is a master node", B)


def test_a_replica_of_nobody_known_gets_no_vote(bench: Bench) -> None:
    bench.state.remove_replica(bench.state.nodes[A], bench.state.nodes[REPLICA_ID])
    assert ask(bench) == denied("I don't know its master")


def test_a_replica_of_a_primary_that_is_up_gets_a_vote_only_if_it_forces(bench: Bench) -> None:
    bench.state.nodes[A].flags &= ~wire.FAIL
    assert ask(bench) == denied("its master is up")
    assert ask(bench, current_epoch=8, message_flags=wire.FORCE_ACK)[0] == [MessageType.FAILOVER_AUTH_ACK]


def test_two_votes_about_one_primary_are_two_timeouts_apart(bench: Bench) -> None:
    ask(bench)
    bench.now_ms += 1999
    assert ask(bench, current_epoch=8) == denied("can't vote about this master before 1 milliseconds")
    bench.now_ms += 1
    assert ask(bench, current_epoch=9)[0] == [MessageType.FAILOVER_AUTH_ACK]


def test_claims_older_than_the_table_get_no_vote(bench: Bench) -> None:
    assert ask(bench, slots=[10, 12]) == denied("slot 12 epoch (4) > reqEpoch (3)")
    bench.state.not_claimed.add(12)
    assert ask(bench, slots=[10, 12, 500])[0] == [MessageType.FAILOVER_AUTH_ACK]


def test_without_slots_there_is_no_vote(bench: Bench) -> None:
    bench.core.delete_slots([(0, 9)], bench.now_ms)
    bench.ready()
    assert ask(bench) == ([], [])


def test_a_vote_for_a_node_without_link_is_spent(bench: Bench) -> None:
    link = bench.state.nodes[REPLICA_ID].link
    assert link is not None
    bench.core.link_closed(link.link_id, bench.now_ms)
    assert ask(bench)[0] == []
    assert bench.state.last_vote_epoch == 7


def test_strangers_get_nothing(bench: Bench) -> None:
    assert ask(bench, C) == ([], [])
    assert bench.hear(MessageType.PUBLISH, C, Published(b"a", b"b")).deliveries == []
    assert texts(bench.hear(MessageType.MFSTART, C)) == []


def test_messages_that_mean_nothing_yet_change_nothing(bench: Bench) -> None:
    before = bench.core.config_text()
    # Not from our replica.
    assert texts(bench.hear(MessageType.MFSTART, REPLICA_ID)) == []
    bench.hear(MessageType.FAILOVER_AUTH_ACK, B, current_epoch=6)
    bench.hear(MessageType.MODULE, B, ModuleData(bytes(8), 1, b"x"))
    assert bench.core.config_text().split("vars")[0] == before.split("vars")[0]
