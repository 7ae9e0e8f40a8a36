"""What a node asks after a sleep, and how long it waits for answers."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster.wire import MessageType
from tests.unit.cluster.bench import A, B, Bench, sent


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.core.add_slots([(0, 9)], bench.now_ms)
    bench.peer(A, slots=[10, 11], epoch=3)
    bench.peer(B, epoch=4)
    return bench


def wake(bench: Bench, slept_ms: int) -> list[tuple[int, int]]:
    """Whom it asks what, by link."""
    bench.now_ms += slept_ms
    bench.core.wake(bench.now_ms)
    return [(link_id, message.header.type) for link_id, message in sent(bench.ready())]


def answer(bench: Bench, node_id: str) -> None:
    bench.hear(MessageType.PONG, node_id, link_id=link_of(bench, node_id))


def link_of(bench: Bench, node_id: str) -> int:
    link = bench.state.nodes[node_id].link
    assert link is not None
    return link.link_id


def is_up_to_date(bench: Bench) -> bool:
    return bench.core.is_up_to_date(bench.now_ms)


def test_after_a_nap_nobody_is_asked(bench: Bench) -> None:
    assert wake(bench, 999) == []
    assert is_up_to_date(bench)


def test_who_has_nothing_to_lose_does_not_ask(bench: Bench) -> None:
    bench.core.delete_slots([(0, 9)], bench.now_ms)
    assert wake(bench, 1000) == []
    assert is_up_to_date(bench)


def test_all_are_asked_and_waited_for(bench: Bench) -> None:
    assert wake(bench, 1000) == [(link_of(bench, each), MessageType.PING) for each in (A, B)]
    answer(bench, A)
    assert not is_up_to_date(bench)
    answer(bench, B)
    assert is_up_to_date(bench)


def test_an_answer_from_before_does_not_count(bench: Bench) -> None:
    bench.state.nodes[A].ping_sent_ms = bench.now_ms
    wake(bench, 1000)
    answer(bench, B)
    answer(bench, A)
    assert not is_up_to_date(bench)
    answer(bench, A)
    assert is_up_to_date(bench)


def test_who_has_gone_is_not_waited_for(bench: Bench) -> None:
    wake(bench, 1000)
    answer(bench, A)
    bench.core.link_closed(link_of(bench, B), bench.now_ms)
    assert is_up_to_date(bench)


@pytest.mark.parametrize("moved_ms", [500, -1])
def test_silence_is_waited_for_half_a_second_at_most(bench: Bench, moved_ms: int) -> None:
    wake(bench, 1000)
    bench.now_ms += 499
    assert not is_up_to_date(bench)
    bench.now_ms += moved_ms - 499
    assert is_up_to_date(bench)
    bench.now_ms -= moved_ms
    assert is_up_to_date(bench)


def test_what_the_answers_claim_is_known_then(bench: Bench) -> None:
    wake(bench, 1000)
    answer(bench, A)
    bench.hear(
        MessageType.PONG, B, link_id=link_of(bench, B), slots=range(10), config_epoch=5, current_epoch=5
    )
    assert is_up_to_date(bench)
    assert bench.core.is_replica
