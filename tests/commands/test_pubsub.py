"""Channels: who gets what in which order, and what the rest of the server sees of it."""

from __future__ import annotations

import pytest

from pyredis_cluster.protocol.slots import key_slot
from tests.support.inprocess import Client, Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()


def wire(client: Client) -> bytes:
    """What would be sent, as it is."""
    out = b"".join(client.session.out)
    client.session.out.clear()
    return out


def in_resp3(harness: Harness) -> Client:
    client = harness.connect()
    client.run("HELLO 3")
    return client


def test_publish_is_propagated_unless_the_bus_carries_it(harness: Harness) -> None:
    assert harness.propagated("PUBLISH c m") == [b"PUBLISH c m"]
    assert harness.propagated("SPUBLISH c m") == [b"SPUBLISH c m"]
    assert harness.propagated("SUBSCRIBE c") == []


def test_forwards_are_told_after_the_subscribers_of_this_node(harness: Harness) -> None:
    forwarded = []
    harness.state.pubsub.forwards.append(lambda *message: forwarded.append(message))
    harness.connect().run("SUBSCRIBE c")
    assert harness.run("PUBLISH c m") == 1
    assert harness.run("SPUBLISH c n") == 0
    assert forwarded == [(b"c", b"m", False), (b"c", b"n", True)]
    assert harness.state.pubsub.publish(b"c", b"from elsewhere") == 1
    assert len(forwarded) == 2


def test_own_messages_come_after_the_reply(harness: Harness) -> None:
    client = in_resp3(harness)
    client.send("SUBSCRIBE c")
    wire(client)
    client.session.execute([[b"PUBLISH", b"c", b"1"], [b"PING"], [b"PUBLISH", b"c", b"2"]])
    message = b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n%b\r\n"
    assert wire(client) == b":1\r\n" + message % b"1" + b"+PONG\r\n:1\r\n" + message % b"2"


def test_own_messages_come_after_exec(harness: Harness) -> None:
    client = in_resp3(harness)
    client.send("MULTI")
    for request in ("SUBSCRIBE c", "PUBLISH c 1", "PING"):
        client.send(request)
    wire(client)
    client.send("EXEC")
    assert wire(client) == (
        b"*3\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n:1\r\n+PONG\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n1\r\n"
    )


def test_own_notifications_come_after_the_reply(harness: Harness) -> None:
    harness.run("CONFIG SET notify-keyspace-events KEA")
    client = in_resp3(harness)
    client.send("SUBSCRIBE __keyspace@0__:k __keyspace@0__:l")
    wire(client)
    client.send("SET k v")
    sent = wire(client)
    assert sent.startswith(b"+OK\r\n>3\r\n")
    assert sent.endswith(b"$3\r\nset\r\n")
    client.send("BLPOP l 0")
    harness.run("RPUSH l a")
    assert wire(client) == (
        b">3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:l\r\n$5\r\nrpush\r\n"
        b"*2\r\n$1\r\nl\r\n$1\r\na\r\n"
        b">3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:l\r\n$4\r\nlpop\r\n"
        b">3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:l\r\n$3\r\ndel\r\n"
    )


def test_messages_are_encoded_for_each_subscriber(harness: Harness) -> None:
    old, new = harness.connect(), in_resp3(harness)
    for client in (old, new):
        client.send("PSUBSCRIBE c*")
        wire(client)
    assert harness.run("PUBLISH c1 m") == 2
    body = b"$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nc1\r\n$1\r\nm\r\n"
    assert wire(old) == b"*4\r\n" + body
    assert wire(new) == b">4\r\n" + body


def test_switching_to_resp2_within_a_subscription_binds_its_rules(harness: Harness) -> None:
    client = in_resp3(harness)
    client.send("SUBSCRIBE c")
    client.read_all()
    assert client.run("GET k") is None
    client.run("HELLO 2")
    assert "only (P|S)SUBSCRIBE" in str(client.run("GET k"))
    assert client.run("PING") == [b"pong", b""]


def test_a_subscription_costs_others_nothing_when_it_ends(harness: Harness) -> None:
    client = harness.connect()
    client.run("SUBSCRIBE c")
    assert client.session.gate
    client.run("UNSUBSCRIBE c")
    assert client.session.gate == 0
    assert harness.client.session.gate == 0


def test_nothing_is_left_of_a_client_that_leaves(harness: Harness) -> None:
    client = harness.connect()
    for request in ("SUBSCRIBE a b", "PSUBSCRIBE p*", "SSUBSCRIBE s"):
        client.send(request)
    client.session.leave()
    pubsub = harness.state.pubsub
    assert not pubsub.channels
    assert not pubsub.patterns
    assert not pubsub.shard_channels
    assert harness.run("PUBLISH a m") == 0


def test_subscribers_lose_the_channels_of_a_slot_that_leaves(harness: Harness) -> None:
    old, new = harness.connect(), in_resp3(harness)
    for client in (old, new):
        client.send("SSUBSCRIBE a{t} b{t}")
        wire(client)
    new.send("SSUBSCRIBE other")
    wire(new)
    pubsub = harness.state.pubsub
    pubsub.leave_slots([key_slot(b"unused")])
    pubsub.leave_slots([key_slot(b"{t}")])
    gone = b"3\r\n$12\r\nsunsubscribe\r\n$4\r\n%b{t}\r\n:%d\r\n"
    assert wire(old) == b"*" + gone % (b"a", 1) + b"*" + gone % (b"b", 0)
    assert wire(new) == b">" + gone % (b"a", 2) + b">" + gone % (b"b", 1)
    assert list(pubsub.shard_channels) == [b"other"]
    assert old.run("GET k") is None
    assert harness.run("SPUBLISH a{t} m") == 0
    pubsub.leave_slots([key_slot(b"{t}")])
    assert wire(old) == b""


def test_confirmations_are_sent_even_where_replies_are_off(harness: Harness) -> None:
    client = harness.connect()
    client.send("CLIENT REPLY OFF")
    client.send("SUBSCRIBE c")
    client.send("PING")
    harness.run("PUBLISH c m")
    assert wire(client) == (
        b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
    )
