"""Where keys are served, and the exact texts that say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyredis_cluster.cluster.redirect import Query, Redirect
from pyredis_cluster.cluster.roles import become_replica_of
from pyredis_cluster.cluster.settings import EndpointType
from tests.unit.cluster.bench import A, B, Bench

MINE, THEIRS, NOBODYS = 0, 10, 20


@pytest.fixture
def bench() -> Bench:
    bench = Bench(require_full_coverage=False, writable_delay_ms=0)
    bench.core.add_slots([(0, 9)], bench.now_ms)
    bench.peer(A, slots=range(10, 20))
    bench.advance(5000)
    assert bench.core.ok
    return bench


def ask(bench: Bench, slot: int, **query: object) -> bytes | None:
    redirection = bench.core.redirection(slot, Query(**query))  # type: ignore[arg-type]
    return redirection.text if redirection is not None else None


def keys(existing: int, missing: int) -> Callable[[], tuple[int, int]]:
    return lambda: (existing, missing)


def test_slots_of_mine_of_others_and_of_nobody(bench: Bench) -> None:
    assert ask(bench, MINE) is None
    assert ask(bench, THEIRS) == b"MOVED 10 127.0.0.1:7001"
    assert ask(bench, NOBODYS) == b"CLUSTERDOWN Hash slot not served"
    redirection = bench.core.redirection(THEIRS, Query())
    assert redirection is not None
    assert (redirection.kind, redirection.node_id) == (Redirect.MOVED, A)


@pytest.mark.parametrize(
    ("kind", "hostname", "expected"),
    [
        (EndpointType.HOSTNAME, "a.example", b"MOVED 10 a.example:7001"),
        (EndpointType.HOSTNAME, "", b"MOVED 10 ?:7001"),
        (EndpointType.UNKNOWN, "a.example", b"MOVED 10 :7001"),
        (EndpointType.IP, "a.example", b"MOVED 10 127.0.0.1:7001"),
    ],
)
def test_nodes_are_named_as_configured(
    bench: Bench, kind: EndpointType, hostname: str, expected: bytes
) -> None:
    bench.settings.preferred_endpoint_type = kind
    bench.state.nodes[A].hostname = hostname
    assert ask(bench, THEIRS) == expected


def test_while_the_cluster_is_down(bench: Bench) -> None:
    bench.state.ok = False
    assert ask(bench, MINE) == b"CLUSTERDOWN The cluster is down"
    assert ask(bench, NOBODYS) == b"CLUSTERDOWN Hash slot not served"
    assert ask(bench, MINE, is_shard_pubsub=True) is None
    bench.settings.allow_pubsubshard_when_down = False
    assert ask(bench, MINE, is_shard_pubsub=True) == b"CLUSTERDOWN The cluster is down"
    bench.settings.allow_reads_when_down = True
    assert ask(bench, MINE) is None
    assert ask(bench, THEIRS) == b"MOVED 10 127.0.0.1:7001"
    assert (
        ask(bench, MINE, is_write=True) == b"CLUSTERDOWN The cluster is down and only accepts read commands"
    )


def test_a_migrating_slot_asks_for_what_is_gone(bench: Bench) -> None:
    bench.state.open_slot(MINE, bench.state.migrating_to, bench.state.nodes[A])
    assert ask(bench, MINE, count_missing=keys(2, 0)) is None
    assert ask(bench, MINE, count_missing=keys(0, 1)) == b"ASK 0 127.0.0.1:7001"
    assert ask(bench, MINE, count_missing=keys(1, 1)) == (
        b"TRYAGAIN Multiple keys request during rehashing of slot"
    )
    assert ask(bench, MINE, count_missing=keys(0, 1), is_migrate=True) is None
    assert ask(bench, MINE, count_missing=keys(0, 1), is_shard_pubsub=True) is None


def test_an_importing_slot_serves_those_who_were_sent(bench: Bench) -> None:
    bench.state.open_slot(THEIRS, bench.state.importing_from, bench.state.nodes[A])
    assert ask(bench, THEIRS) == b"MOVED 10 127.0.0.1:7001"
    assert ask(bench, THEIRS, session_is_asking=True) is None
    assert ask(bench, THEIRS, session_is_asking=True, has_several_keys=True, count_missing=keys(1, 1)) == (
        b"TRYAGAIN Multiple keys request during rehashing of slot"
    )
    assert ask(bench, THEIRS, session_is_asking=True, has_several_keys=True, count_missing=keys(2, 0)) is None
    assert ask(bench, THEIRS, is_migrate=True) is None


def test_a_replica_serves_reads_of_its_primary_to_who_asks_for_it(bench: Bench) -> None:
    bench.core.flush_slots(bench.now_ms)
    bench.peer(B, slots=[30])
    become_replica_of(bench.state, bench.state.nodes[A])
    assert ask(bench, THEIRS) == b"MOVED 10 127.0.0.1:7001"
    assert ask(bench, THEIRS, session_is_readonly=True) is None
    assert ask(bench, THEIRS, is_shard_pubsub=True) is None
    assert ask(bench, THEIRS, session_is_readonly=True, is_write=True) == b"MOVED 10 127.0.0.1:7001"
    assert ask(bench, 30, session_is_readonly=True) == b"MOVED 30 127.0.0.1:7001"


def test_who_waits_for_keys_is_sent_on_when_the_slot_goes(bench: Bench) -> None:
    def blocked(slot: int, *, readonly: bool = False) -> bytes | None:
        redirection = bench.core.redirection_of_blocked(slot, session_is_readonly=readonly, is_write=False)
        return redirection.text if redirection is not None else None

    assert blocked(MINE) is None
    assert blocked(THEIRS) == b"MOVED 10 127.0.0.1:7001"
    assert blocked(NOBODYS) == b"CLUSTERDOWN Hash slot not served"
    bench.state.open_slot(THEIRS, bench.state.importing_from, bench.state.nodes[A])
    assert blocked(THEIRS) is None
    bench.state.close_all_slots()
    bench.core.flush_slots(bench.now_ms)
    become_replica_of(bench.state, bench.state.nodes[A])
    assert blocked(THEIRS, readonly=True) is None
    bench.state.ok = False
    assert blocked(THEIRS) == b"CLUSTERDOWN The cluster is down"
