"""Connections: what is sent when they are made, by whom they are shared, when they are dropped."""

from __future__ import annotations

from pyredis_cluster.sentinel.ready import Connect, Disconnect, ErrorReply, Event, Send
from tests.unit.sentinel.bench import MY_ID, OTHER_ID, Bench, closed, sent, types

NAME = b"sentinel-" + MY_ID[:8]


def asked_on(bench: Bench, link_id: int) -> list[tuple[bytes, ...]]:
    return [step.argv for step in bench.steps if isinstance(step, Send) and step.link_id == link_id]


def test_a_master_has_two_connections_and_a_sentinel_one() -> None:
    bench = Bench()
    bench.hello()
    bench.tick()
    assert [(step.port, step.is_pubsub) for step in bench.connects()] == [
        (6379, False),
        (6379, True),
        (26380, False),
    ]
    assert asked_on(bench, bench.link(6379))[:2] == [(b"CLIENT", b"SETNAME", NAME + b"-cmd"), (b"PING",)]
    assert asked_on(bench, bench.link(6379, pubsub=True)) == [
        (b"CLIENT", b"SETNAME", NAME + b"-pubsub"),
        (b"SUBSCRIBE", b"__sentinel__:hello"),
    ]
    assert asked_on(bench, bench.link(26380)) == [(b"CLIENT", b"SETNAME", NAME + b"-cmd"), (b"PING",)]


def test_each_kind_of_instance_has_its_password() -> None:
    bench = Bench(
        "sentinel auth-pass mymaster secret",
        "sentinel auth-user mymaster joe",
        "sentinel known-replica mymaster 127.0.0.1 6380",
    )
    bench.settings.password = b"own"
    bench.hello()
    bench.tick()
    for port in (6379, 6380):
        assert asked_on(bench, bench.link(port))[0] == (b"AUTH", b"joe", b"secret")
        assert asked_on(bench, bench.link(port, pubsub=True))[0] == (b"AUTH", b"joe", b"secret")
    assert asked_on(bench, bench.link(26380))[0] == (b"AUTH", b"own")
    bench.core.set(b"mymaster", [b"auth-user", b""], bench.now_ms)
    steps = bench.done()
    assert len(closed(steps)) == 4
    bench.core.config_set([b"sentinel-user", b"me", b"sentinel-pass", b"theirs"], bench.now_ms)
    assert closed(bench.done()) == [bench.link(26380)]
    bench.tick(1000)
    assert asked_on(bench, bench.link(6379))[0] == (b"AUTH", b"secret")
    assert asked_on(bench, bench.link(26380))[0] == (b"AUTH", b"me", b"theirs")


def test_commands_are_sent_by_the_names_that_they_have_there() -> None:
    bench = Bench(
        "sentinel rename-command mymaster ping POKE", "sentinel rename-command mymaster Subscribe S"
    )
    bench.connect()
    assert (b"POKE",) in sent(bench.steps)
    assert (b"S", b"__sentinel__:hello") in sent(bench.steps)
    assert (b"PING",) not in sent(bench.steps)


def test_a_connection_that_fails_is_tried_again_each_second() -> None:
    bench = Bench()
    bench.tick()
    link_id = bench.link(6379)
    bench.core.link_closed(link_id, "Connection refused", bench.now_ms)
    (event,) = bench.done()
    assert event == Event(
        "debug", b"-cmd-link-reconnection", b"master mymaster 127.0.0.1 6379 #Connection refused", False
    )
    assert bench.fields()[b"flags"] == b"master,disconnected"
    assert not [step for step in bench.run(900) if isinstance(step, Connect)]
    assert [step.port for step in bench.run(100) if isinstance(step, Connect)] == [6379]
    # What is said of a link that is gone is nobody's business.
    bench.core.link_connected(link_id, "127.0.0.1", bench.now_ms)
    bench.core.link_closed(link_id, "", bench.now_ms)
    assert not bench.reply(link_id, b"PONG")


def test_a_connection_that_ends_is_made_again_without_a_word() -> None:
    bench = Bench()
    bench.connect()
    link_id = bench.link(6379, pubsub=True)
    bench.core.link_closed(link_id, "", bench.now_ms)
    assert not bench.done()
    bench.tick(1000)
    assert bench.link(6379, pubsub=True) != link_id


def test_a_port_of_0_is_no_address() -> None:
    bench = Bench(monitor="sentinel monitor mymaster 127.0.0.1 0 1")
    bench.run(5000)
    assert not bench.connects()


def test_replies_that_nobody_asked_for_end_a_connection() -> None:
    bench = Bench()
    bench.connect()
    link_id = bench.link(6379)
    steps = bench.reply(link_id, *[1] * 50)
    assert steps == [Disconnect(link_id)]
    pubsub = bench.link(6379, pubsub=True)
    assert bench.reply(pubsub, ErrorReply(b"NOAUTH"), ErrorReply(b"NOAUTH")) == [Disconnect(pubsub)]
    assert b"disconnected" in bench.fields()[b"flags"]


def test_a_link_that_is_stuck_is_not_given_more_and_more() -> None:
    bench = Bench("sentinel down-after-milliseconds mymaster 100")
    bench.core.debug(
        [b"info-period", b"1", b"publish-period", b"1", b"min-link-reconnect-period", b"100000000"]
    )
    bench.connect()
    bench.run(20_000)
    assert 100 <= int(bench.fields()[b"link-pending-commands"]) < 105


def test_a_refused_hello_is_sent_again_at_once() -> None:
    bench = Bench()
    bench.connect()
    bench.run(2000)
    link_id = bench.link(6379)
    awaited = bench.core.state.connections[link_id][1].awaited
    while awaited[0].expected != "publish":
        bench.core.replied(link_id, b"PONG", bench.now_ms)
    bench.reply(link_id, ErrorReply(b"ERR no"))
    assert b"PUBLISH" in [argv[0] for argv in sent(bench.tick())]


def test_what_a_forgotten_sentinel_is_asked_matters_no_more() -> None:
    bench = Bench("sentinel monitor second 127.0.0.1 6380 2", "sentinel down-after-milliseconds second 100")
    bench.hello()
    bench.hello("127.0.0.1", 26380, OTHER_ID.decode(), 0, "second", "127.0.0.1", 6380)
    bench.connect()
    bench.run(500)
    link_id = bench.link(26380)
    kinds = [each.expected for each in bench.core.state.connections[link_id][1].awaited]
    assert "opinion" in kinds
    assert not closed_after_remove(bench)
    (fields,) = bench.core.sentinels(b"mymaster", bench.now_ms)
    assert fields[b"link-refcount"] == b"1"
    for kind in kinds:
        bench.reply(link_id, [1, b"f" * 40, 3] if kind == "opinion" else b"PONG")
    (fields,) = bench.core.sentinels(b"mymaster", bench.now_ms)
    assert fields[b"voted-leader"] == b"?"
    bench.core.remove(b"mymaster", bench.now_ms)
    assert link_id in closed(bench.done())


def closed_after_remove(bench: Bench) -> bool:
    """Whether removing `second` closes the link to the sentinel that is shared."""
    bench.core.remove(b"second", bench.now_ms)
    steps = bench.done()
    assert types(steps) == ["-monitor"]
    return bench.link(26380) in closed(steps)


def test_a_name_is_looked_up_again_with_each_connection() -> None:
    bench = Bench("sentinel resolve-hostnames yes", monitor="sentinel monitor mymaster db 6379 2")
    bench.tick()
    assert {step.ip for step in bench.connects()} == {"127.0.0.1"}
    bench.names["db"] = "127.0.0.7"
    for step in bench.connects():
        bench.core.link_closed(step.link_id, "refused", bench.now_ms)
    bench.tick(1000)
    assert bench.connects()[-1].ip == "127.0.0.7"
    del bench.names["db"]
    for step in bench.connects()[2:]:
        bench.core.link_closed(step.link_id, "refused", bench.now_ms)
    bench.tick(1000)
    assert bench.connects()[-1].ip == "127.0.0.7"
