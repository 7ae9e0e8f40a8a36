"""A cluster that is new: its nodes' files."""

from __future__ import annotations

import random

import pytest

from pyredis_cluster.cluster.core import ClusterCore
from pyredis_cluster.cluster.founding import Founder, even_ranges, found
from pyredis_cluster.cluster.settings import ClusterSettings
from pyredis_cluster.protocol.slots import SLOT_COUNT

FOUNDERS = [Founder("127.0.0.1", 7000 + at, 17000 + at, hostname=f"node-{at}") for at in range(6)]


def cores(primary_count: int) -> list[ClusterCore]:
    return [
        ClusterCore(
            ClusterSettings(port=founder.port, announce_hostname=founder.hostname),
            random.Random(1),
            now_ms=1,
            config=text,
        )
        for founder, text in zip(FOUNDERS, found(FOUNDERS, primary_count, random.Random(0)), strict=True)
    ]


def test_nodes_know_each_other_as_after_a_creation() -> None:
    nodes = cores(3)
    for at, node in enumerate(nodes):
        assert node.is_replica == (at >= 3)
        known = [node.state.nodes[each.my_id] for each in nodes]
        assert known[at] is node.state.myself
        assert [(each.ip, each.tcp_port, each.bus_port, each.hostname) for each in known] == [
            (each.ip, each.port, each.bus_port, each.hostname) for each in FOUNDERS
        ]
        assert [each.slot_count for each in known] == [5461, 5462, 5461, 0, 0, 0]
        assert [each.slot_owner.config_epoch for each in known] == [1, 2, 3, 1, 2, 3]
        assert [each.primary for each in known] == [None, None, None, *known[:3]]
        assert len({each.shard_id for each in known}) == 3
        assert node.state.current_epoch == 6


def test_what_they_write_is_what_they_were_given() -> None:
    texts = found(FOUNDERS, 3, random.Random(0))
    for node, text in zip(cores(3), texts, strict=True):
        written = node.config_text()
        # The writer has no links yet, and the order of nodes is its own.
        lines = [line.replace(" disconnected", " connected") for line in written.splitlines()]
        assert sorted(filter(None, lines)) == sorted(text.splitlines())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 100, 1000])
def test_even_ranges_cover_every_slot_once(count: int) -> None:
    ranges = even_ranges(count)
    assert [slot for first, last in ranges for slot in range(first, last + 1)] == list(range(SLOT_COUNT))
    sizes = [last - first + 1 for first, last in ranges]
    assert max(sizes) - min(sizes) <= 1


def test_three_ranges_are_those_of_redis_cli() -> None:
    assert even_ranges(3) == [(0, 5460), (5461, 10922), (10923, 16383)]
