"""Suspicion, agreement and recovery, step by step."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster import wire
from pyredis_cluster.cluster.failure import printable
from pyredis_cluster.cluster.messages import Failing, Gossip
from pyredis_cluster.cluster.wire import MessageType
from tests.unit.cluster.bench import A, B, Bench, C, D, entry, is_failed, is_suspected, sent, texts, types


@pytest.fixture
def bench() -> Bench:
    bench = Bench(writable_delay_ms=0)
    bench.core.add_slots([(0, 99)], bench.now_ms)
    for n, node_id in enumerate((A, B, C, D)):
        bench.peer(node_id, slots=[100 + n], epoch=n + 1)
    bench.state.out.update_state = True
    bench.ready()
    assert bench.state.size == 5
    return bench


def suspect(bench: Bench, node_id: str) -> None:
    bench.state.nodes[node_id].flags |= wire.PFAIL


def test_a_silent_node_is_suspected_after_the_node_timeout(bench: Bench) -> None:
    node = bench.state.nodes[A]
    bench.advance(501)
    assert node.ping_sent_ms == bench.now_ms
    bench.advance(1000)
    assert not is_suspected(node)
    bench.advance(1)
    assert is_suspected(node)
    assert "master,fail? -" in bench.core.nodes_text()
    bench.hear(MessageType.PONG, A, link_id=node.link.link_id if node.link else 0)
    assert not is_suspected(node)


def test_any_data_is_a_sign_of_life(bench: Bench) -> None:
    node = bench.state.nodes[A]
    for _ in range(6):
        bench.advance(400)
        bench.hear(MessageType.MODULE, A)
    assert not is_suspected(node)
    assert bench.state.nodes[B].is_suspected


def test_the_majority_of_primaries_makes_a_failure_and_tells_all(bench: Bench) -> None:
    suspect(bench, A)
    assert types(bench.gossip(B, A, wire.PRIMARY | wire.PFAIL)) == []
    ready = bench.gossip(C, A, wire.PRIMARY | wire.FAIL)
    assert is_failed(bench.state.nodes[A])
    assert not is_suspected(bench.state.nodes[A])
    assert [(m.header.type, m.body) for _, m in sent(ready)] == [(MessageType.FAIL, Failing(A))] * 4
    assert f"Marking node {A} () as failing (quorum reached)." in texts(ready)
    assert f"{A} 127.0.0.1:7001@17001,,tls-port=0,shard-id=" in (bench.advance(100).config or "")


def test_who_is_not_suspected_here_is_not_failed_by_others(bench: Bench) -> None:
    for reporter in (B, C, D):
        bench.gossip(reporter, A, wire.PRIMARY | wire.PFAIL)
    assert not is_failed(bench.state.nodes[A])
    assert bench.core.failure_reports(A, bench.now_ms) == 3


def test_reports_expire_after_two_node_timeouts(bench: Bench) -> None:
    bench.gossip(B, A, wire.PRIMARY | wire.PFAIL)
    bench.now_ms += 2000
    assert bench.core.failure_reports(A, bench.now_ms) == 1
    bench.now_ms += 1
    assert bench.core.failure_reports(A, bench.now_ms) == 0
    suspect(bench, A)
    bench.gossip(C, A, wire.PRIMARY | wire.PFAIL)
    assert not is_failed(bench.state.nodes[A])


def test_repeated_reports_of_one_node_do_not_add_up_and_can_be_withdrawn(bench: Bench) -> None:
    suspect(bench, A)
    for _ in range(3):
        bench.gossip(B, A, wire.PRIMARY | wire.PFAIL)
    assert not is_failed(bench.state.nodes[A])
    assert f"Node {B} () reported node {A} () is back online." in texts(bench.gossip(B, A, wire.PRIMARY))
    assert bench.core.failure_reports(A, bench.now_ms) == 0


def test_replicas_and_strangers_report_nothing(bench: Bench) -> None:
    suspect(bench, A)
    bench.peer("e" * 40, primary=B)
    bench.hear(MessageType.PONG, "e" * 40, primary=B)
    bench.hear(MessageType.PONG, "f" * 40)
    for reporter in ("e" * 40, "f" * 40):
        bench.hear(MessageType.PONG, reporter, Gossip((entry(A, wire.PFAIL),)), primary=B)
    assert bench.core.failure_reports(A, bench.now_ms) == 0


def test_a_fail_message_is_believed_of_known_nodes_only(bench: Bench) -> None:
    ready = bench.hear(MessageType.FAIL, "f" * 40, Failing(A))
    assert texts(ready) == [f"Ignoring FAIL message from unknown node {'f' * 40} about {A}"]
    ready = bench.hear(MessageType.FAIL, B, Failing(A))
    assert is_failed(bench.state.nodes[A])
    assert texts(ready)[0] == f"FAIL message received from {B} () about {A} ()"
    assert texts(bench.hear(MessageType.FAIL, B, Failing(A))) == []
    assert texts(bench.hear(MessageType.FAIL, B, Failing(bench.core.my_id))) == []
    assert texts(bench.hear(MessageType.FAIL, B, Failing("9" * 40))) == []


@pytest.mark.parametrize("what", ["replica", "master without slots"])
def test_the_failure_of_a_node_without_slots_ends_when_it_answers(bench: Bench, what: str) -> None:
    node = bench.peer("e" * 40, primary=A if what == "replica" else "")
    bench.hear(MessageType.FAIL, B, Failing(node.node_id))
    assert is_failed(node)
    assert node.link is not None
    primary = A if what == "replica" else ""
    ready = bench.hear(MessageType.PONG, node.node_id, link_id=node.link.link_id, primary=primary)
    assert not is_failed(node)
    assert texts(ready)[0] == f"Clear FAIL state for node {node.node_id} (): {what} is reachable again."


def test_the_failure_of_a_primary_with_slots_ends_after_two_timeouts(bench: Bench) -> None:
    node = bench.state.nodes[A]
    bench.hear(MessageType.FAIL, B, Failing(A))
    assert node.link is not None
    for wait_ms, fails in ((2000, True), (1, False)):
        bench.now_ms += wait_ms
        bench.hear(MessageType.PONG, A, link_id=node.link.link_id, slots=[100], config_epoch=1)
        assert is_failed(node) is fails


def test_suspected_nodes_are_gossiped_about_in_every_ping(bench: Bench) -> None:
    suspect(bench, A)
    bench.advance(600)
    pings = [message for _, message in sent(bench.advance(600)) if message.header.type == MessageType.PING]
    pings += [message for _, message in sent(bench.hear(MessageType.PING, B))]
    assert pings
    for message in pings:
        ids = [each.node_id for each in message.body.entries]  # type: ignore[union-attr]
        assert ids[-1] == A
        assert len(ids) == len(set(ids)) <= 4


def test_a_node_that_refuses_connections_is_suspected_too(bench: Bench) -> None:
    node = bench.state.nodes[A]
    assert node.link is not None
    bench.core.link_closed(node.link.link_id, bench.now_ms)
    for _ in range(12):
        ready = bench.advance(100)
        for connect in ready.connects:
            bench.core.link_closed(connect.link_id, bench.now_ms)
        bench.core.link_closed(999, bench.now_ms)
    assert is_suspected(node)


def test_a_stalled_connection_is_replaced_before_the_node_is_suspected(bench: Bench) -> None:
    node = bench.state.nodes[A]
    first = node.link
    assert first is not None
    bench.advance(901)
    ready = bench.advance(501)
    assert first.link_id in ready.disconnects
    assert not is_suspected(node)
    ready = bench.advance(100)
    connect = next(each for each in ready.connects if node.link and each.link_id == node.link.link_id)
    awaited_since_ms = node.ping_sent_ms
    bench.core.link_connected(connect.link_id, "127.0.0.1", bench.now_ms)
    assert types(bench.ready()) == [MessageType.PING]
    assert node.ping_sent_ms == awaited_since_ms


def test_ids_of_strangers_are_fit_for_a_log_line() -> None:
    assert printable(A) == A
    assert printable("\n\x00é") == r"\n\x00\xe9"
