"""Slots with keys move between nodes of ours and real ones, by redis-cli, while clients write."""

from __future__ import annotations

import pytest
import redis

from tests.support.background import Background
from tests.support.cluster_programs import (
    HAS_REDIS_CLI,
    SLOTS,
    agree,
    id_of,
    is_ok,
    join,
    redis_cli,
    running,
    text_of,
    until,
    views,
)
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, VALKEY_9_1, RunningServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_server,
    pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli"),
]

# Half of the time is redis-cli's own: it tells every node of every slot.
KEYS = 1000
MOVED = 150


class Counting(Background):
    """A client that increments counters all over the slots, and knows what each must be."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.counts = [0] * 200
        self._port = port

    def _work(self) -> None:
        with redis.RedisCluster("127.0.0.1", self._port) as cluster:
            while not self._ending.is_set():
                for n in range(len(self.counts)):
                    self.counts[n] += 1
                    assert cluster.incr(f"counter:{n}") == self.counts[n]


def fill(port: int) -> None:
    with redis.RedisCluster("127.0.0.1", port) as cluster:
        for start in range(0, KEYS, 300):
            with cluster.pipeline() as pipeline:
                for n in range(start, start + 300):
                    pipeline.set(f"string:{n}", "x" * (n % 100), ex=100_000 if n % 3 else None)
                    if n % 20 == 0:
                        pipeline.zadd(f"zset:{n}", {f"member:{m}": m for m in range(1 + n % 300)})
                        pipeline.hset(f"hash:{n}", mapping={f"field:{m}": m for m in range(1 + n % 200)})
                pipeline.execute()


def key_count(servers: list[RunningServer]) -> int:
    return sum(len(keys(server)) for server in servers)


def keys(server: RunningServer) -> list[bytes]:
    with redis.Redis(port=server.port) as client:
        return list(client.scan_iter(count=1000))


def slot_count(server: RunningServer) -> int:
    total = 0
    for run in views(server)[id_of(server)].slots:
        first, _, last = run.partition("-")
        total += int(last or first) - int(first) + 1
    return total


def reshard(source: RunningServer, target: RunningServer, count: int) -> None:
    redis_cli(
        *("--cluster", "reshard", f"127.0.0.1:{source.port}", "--cluster-from", id_of(source)),
        *("--cluster-to", id_of(target), "--cluster-slots", str(count), "--cluster-yes"),
    )


@pytest.mark.parametrize("name", [OURS, REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_slots_move_there_and_back_while_clients_write(name: str) -> None:
    with running(OURS, name, OURS) as servers:
        join(servers)
        # Epochs given later would be those of the slots that move.
        until(lambda: len({view.epoch for view in views(servers[0]).values()}) == 3)
        fill(servers[0].port)
        ours, other = servers[:2]
        expected = key_count(servers)
        one, two, three = (slot_count(server) for server in servers)
        with Counting(servers[2].port) as counting:
            reshard(ours, other, MOVED)
            until(lambda: agree(servers))
            assert [slot_count(server) for server in servers] == [one - MOVED, two + MOVED, three]
            reshard(other, ours, 2 * MOVED)
            until(lambda: agree(servers))
        assert min(counting.counts) > 0
        assert [slot_count(server) for server in servers] == [one + MOVED, two - MOVED, three]
        counters = sum(key.startswith(b"counter:") for server in servers for key in keys(server))
        assert counters == len(counting.counts)
        assert key_count(servers) == expected + counters
        check = redis_cli("--cluster", "check", f"127.0.0.1:{ours.port}")
        assert "[OK] All 16384 slots covered." in check
        assert "[ERR]" not in check
        assert "[WARNING]" not in check


def test_a_new_node_gets_slots_and_an_emptied_one_becomes_a_replica() -> None:
    with running(*[OURS] * 3) as servers, running(OURS) as (fourth,):
        join(servers)
        fill(servers[0].port)
        expected = key_count(servers)
        known = f"127.0.0.1:{servers[0].port}"
        redis_cli("--cluster", "add-node", f"127.0.0.1:{fourth.port}", known)
        nodes = [*servers, fourth]
        until(lambda: agree(nodes) and is_ok(fourth))
        weight = ("--cluster-weight", f"{id_of(fourth)}=0.1")
        redis_cli("--cluster", "rebalance", known, "--cluster-use-empty-masters", *weight)
        until(lambda: agree(nodes))
        assert abs(slot_count(fourth) - SLOTS / 31) < 10
        assert key_count(nodes) == expected
        name = id_of(fourth)
        reshard(fourth, servers[0], slot_count(fourth))
        # It says nothing of itself while it loads the data.
        until(lambda: "slave" in views(servers[0])[name].flags)
        until(lambda: agree(nodes))
        until(lambda: "master_link_status:up" in text_of(fourth, "INFO replication"))
        assert key_count(servers) == expected
