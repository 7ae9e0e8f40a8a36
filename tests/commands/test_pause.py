"""Pauses for several purposes at once: CLIENT PAUSE, failover and shutdown do not end each other's."""

from __future__ import annotations

from pyredis_cluster.execution.pause import PausePurpose
from tests.support.inprocess import Client, Harness


def waits(client: Client, request: str) -> bool:
    """Whether a request is not answered now."""
    client.send(request)
    return not client.read_all()


def test_the_end_of_one_pause_is_not_that_of_another() -> None:
    harness = Harness()
    pauses, writer = harness.state.pauses, harness.connect()
    pauses.pause(None, all_commands=False, purpose=PausePurpose.FAILOVER)
    harness.run("CLIENT PAUSE 100 WRITE")
    assert waits(writer, "SET k v")
    harness.run("CLIENT UNPAUSE")
    harness.advance(200)
    assert writer.read_all() == []
    assert pauses.is_for(PausePurpose.FAILOVER)
    assert not pauses.is_for(PausePurpose.CLIENT)
    pauses.unpause(PausePurpose.FAILOVER)
    harness.state.flush_outboxes()
    assert writer.read_all() == [b"OK"]
    assert not pauses.is_active


def test_a_pause_of_all_commands_ends_and_one_of_writes_goes_on() -> None:
    harness = Harness()
    pauses, reader, writer = harness.state.pauses, harness.connect(), harness.connect()
    pauses.pause(None, all_commands=False, purpose=PausePurpose.SHUTDOWN)
    harness.run("CLIENT PAUSE 100 ALL")
    assert waits(reader, "GET k")
    assert waits(writer, "SET k v")
    harness.advance(100)
    harness.state.flush_outboxes()
    assert reader.read_all() == [None]
    assert writer.read_all() == []
    pauses.unpause(PausePurpose.SHUTDOWN)
    harness.state.flush_outboxes()
    assert writer.read_all() == [b"OK"]


def test_two_ends_are_kept() -> None:
    harness = Harness()
    pauses, client = harness.state.pauses, harness.connect()
    pauses.pause(300, all_commands=False, purpose=PausePurpose.FAILOVER)
    harness.run("CLIENT PAUSE 100 WRITE")
    assert waits(client, "SET k v")
    harness.advance(150)
    assert pauses.is_for(PausePurpose.FAILOVER)
    assert client.read_all() == []
    harness.advance(150)
    assert client.read_all() == [b"OK"]
