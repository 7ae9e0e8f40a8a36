"""Clients are told of nodes by the addresses at which they reach them, if rules say so."""

from __future__ import annotations

from typing import Any

import pytest

from pyredis_cluster.cluster.audience import ANYONE, Audience, audience_of
from pyredis_cluster.cluster.redirect import Query
from pyredis_cluster.cluster.settings import EndpointType
from pyredis_cluster.config.announcing import ANY, SAME, AnnounceRule
from tests.unit.cluster.bench import A, B, Bench

LAN = "192.168.1.5"


@pytest.fixture
def bench() -> Bench:
    bench = Bench(writable_delay_ms=0)
    bench.core.add_slots([(0, 9)], bench.now_ms)
    bench.state.myself.ip = "127.0.0.1"
    bench.peer(A, slots=range(10, 20))
    bench.peer(B, slots=range(20, 16384))
    bench.state.nodes[B].ip = "10.0.0.9"
    bench.advance(5000)
    assert bench.core.ok
    return bench


def test_the_first_rule_that_fits_counts() -> None:
    rules = (AnnounceRule("127.0.0.1", SAME, 0), AnnounceRule(ANY, "box.example", 1000))
    assert audience_of(rules, "127.0.0.1") == Audience("127.0.0.1", 0)
    assert audience_of(rules, LAN) == Audience("box.example", 1000)
    assert audience_of(rules[:1], LAN) is ANYONE
    # Who came by no address, such as over a Unix socket, is told what nodes tell each other.
    assert audience_of([AnnounceRule(ANY, SAME, 0)], "").ip(Bench().state, Bench().state.myself) == ""


def test_nodes_of_this_host_are_where_the_client_came(bench: Bench) -> None:
    audience = Audience(LAN, 1000)
    core = bench.core

    def moved(slot: int) -> bytes:
        redirection = core.redirection(slot, Query(audience=audience))
        assert redirection is not None
        return redirection.text

    assert moved(10) == b"MOVED 10 192.168.1.5:8001"
    assert moved(20) == b"MOVED 20 10.0.0.9:7001"
    runs: Any = core.slots_reply(audience=audience)
    assert [run[2][:2] for run in runs] == [
        [LAN.encode(), 8000],
        [LAN.encode(), 8001],
        [b"10.0.0.9", 7001],
    ]
    text = core.nodes_text(audience=audience)
    assert f"{LAN}:8000@17000 myself" in text
    assert f"{LAN}:8001@17001 master" in text
    assert "10.0.0.9:7001@17001 master" in text
    shards: Any = core.shards_reply(audience)
    members = [shard[b"nodes"][0] for shard in shards]
    assert [(member[b"ip"], member[b"endpoint"], member[b"port"]) for member in members] == [
        (LAN.encode(), LAN.encode(), 8000),
        (LAN.encode(), LAN.encode(), 8001),
        (b"10.0.0.9", b"10.0.0.9", 7001),
    ]
    assert core.nodes_text() != text


def test_host_names_and_unknown_endpoints_stay(bench: Bench) -> None:
    bench.state.nodes[A].hostname = "a.example"
    bench.settings.preferred_endpoint_type = EndpointType.HOSTNAME
    audience = Audience(LAN, 0)
    runs: Any = bench.core.slots_reply(audience=audience)
    assert runs[1][2] == [b"a.example", 7001, A.encode(), {b"ip": LAN.encode()}]
    bench.settings.preferred_endpoint_type = EndpointType.UNKNOWN
    redirection = bench.core.redirection(10, Query(audience=audience))
    assert redirection is not None
    assert redirection.text == b"MOVED 10 :7001"
