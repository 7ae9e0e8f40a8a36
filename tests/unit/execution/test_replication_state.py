"""Replication ids: whose history continues whose."""

from __future__ import annotations

from random import Random

from pyredis_cluster.execution.replication_state import NO_ID, ReplicationState


def test_a_new_server_has_a_history_of_its_own() -> None:
    state = ReplicationState(Random(1))
    assert len(state.replid) == 40
    assert (state.offset, state.second_replid, state.second_offset) == (0, NO_ID, -1)
    assert state.backlog is None


def test_a_promoted_replica_continues_the_history_under_a_new_id() -> None:
    random = Random(1)
    state = ReplicationState(random)
    old = state.replid
    state.append(b"x" * 50)
    state.shift_id(random)
    assert state.replid != old
    assert (state.second_replid, state.second_offset, state.offset) == (old, 51, 50)


def test_a_primary_that_was_promoted_is_followed_without_new_data() -> None:
    state = ReplicationState(Random(1))
    old = state.replid
    state.append(b"x" * 50)
    state.continue_as("e" * 40)
    assert (state.replid, state.second_replid, state.second_offset) == ("e" * 40, old, 51)


def test_a_new_history_continues_none() -> None:
    random = Random(1)
    state = ReplicationState(random)
    state.shift_id(random)
    state.change_id(random)
    assert (state.second_replid, state.second_offset) == (NO_ID, -1)


def test_the_data_of_another_server_brings_its_history() -> None:
    random = Random(1)
    state = ReplicationState(random)
    state.make_backlog(1000)
    state.append(b"own")
    state.shift_id(random)
    state.adopt("d" * 40, 500)
    assert (state.replid, state.offset, state.second_replid) == ("d" * 40, 500, NO_ID)
    assert state.backlog is not None
    assert (state.backlog.first_offset, state.backlog.size) == (501, 1000)


def test_the_backlog_holds_what_comes_after_it_was_made() -> None:
    state = ReplicationState(Random(1))
    state.append(b"before")
    state.make_backlog(1000)
    backlog = state.backlog
    state.append(b"after")
    state.make_backlog(5)
    assert state.backlog is backlog
    assert backlog is not None
    assert backlog.since(7) == [b"after"]
    state.drop_backlog()
    assert state.backlog is None
