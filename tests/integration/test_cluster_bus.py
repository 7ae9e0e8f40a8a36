"""Nodes of ours, of Redis and of Valkey in one cluster, as processes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import redis
import redis.asyncio

from pyredis_cluster.cluster.bitmap import from_slots
from pyredis_cluster.cluster.framer import Framer
from pyredis_cluster.cluster.messages import Extensions, Gossip, Header, Message, encode
from pyredis_cluster.cluster.wire import MessageType
from tests.support.cluster_programs import (
    HAS_REDIS_CLI,
    LIMIT_S,
    QUICK_TO_FAIL,
    SLOTS,
    agree,
    client,
    id_of,
    is_ok,
    is_well,
    join,
    redis_cli,
    running,
    slots_entry,
    text_of,
    until,
    views,
)
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, VALKEY_9_1, RunningServer, find_real_servers

pytestmark = [pytest.mark.slow]

NODE_TIMEOUT_MS = int(QUICK_TO_FAIL[1])
MIXED_WITH = (REDIS_7_0, REDIS_7_2, VALKEY_9_1)


@pytest.fixture(scope="module")
def mixed() -> Iterator[list[RunningServer]]:
    """Three of ours, a Redis 7.0, a Redis 7.2 and a Valkey 9.1 as far as there are; met and agreed."""
    real = [name for name in MIXED_WITH if name in find_real_servers()]
    if not real:
        pytest.skip("no real server on this machine")
    with running(*[OURS] * 3, *real, options=QUICK_TO_FAIL) as servers:
        join(servers)
        yield servers


@pytest.mark.real_server
def test_all_kinds_of_nodes_see_the_same_cluster(mixed: list[RunningServer]) -> None:
    seen, size = views(mixed[0]), len(mixed)
    assert sorted(view.slots for view in seen.values()) == sorted(
        (f"{SLOTS * n // size}-{SLOTS * (n + 1) // size - 1}",) for n in range(size)
    )
    until(lambda: len({view.epoch for view in views(mixed[0]).values()}) == size)
    until(lambda: agree(mixed))


@pytest.mark.real_server
@pytest.mark.parametrize("victim", [OURS, REDIS_7_0, VALKEY_9_1])
def test_a_killed_node_fails_on_all_in_time_and_comes_back(mixed: list[RunningServer], victim: str) -> None:
    server = next((server for server in mixed if server.name == victim), None)
    if server is None:
        pytest.skip(f"not on this machine: {victim}")
    others = [each for each in mixed if each is not server]
    node_id = id_of(server)
    server.kill()
    until(
        lambda: all("fail" in views(each)[node_id].flags for each in others),
        limit_s=NODE_TIMEOUT_MS / 1000 + 2,
    )
    assert not any(map(is_ok, others))
    server.restart()
    until(lambda: all(views(each)[node_id].flags == {"master"} for each in others))
    until(lambda: is_well(mixed))


@pytest.mark.real_server
def test_published_messages_reach_every_kind_of_node(mixed: list[RunningServer]) -> None:
    with ExitStack() as stack:
        listeners = []
        for server in mixed:
            listener = stack.enter_context(
                client(server).pubsub(  # type: ignore[no-untyped-call]
                    ignore_subscribe_messages=True
                )
            )
            listener.subscribe("news")
            listeners.append(listener)
        expected = {f"from {server.port}" for server in mixed}
        got: list[set[str]] = [set() for _ in listeners]
        deadline = time.monotonic() + LIMIT_S
        # The bus drops what it cannot send: on a busy machine a link may be down just now.
        while any(texts != expected for texts in got) and time.monotonic() < deadline:
            for server in mixed:
                with client(server) as publisher:
                    publisher.publish("news", f"from {server.port}")
            for listener, texts in zip(listeners, got, strict=True):
                while texts != expected and (message := listener.get_message(timeout=0.2)) is not None:
                    texts.add(message["data"])
        assert all(texts == expected for texts in got)


@pytest.mark.real_server
@pytest.mark.parametrize("name", [REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_shard_messages_cross_between_a_primary_of_ours_and_a_real_replica(name: str) -> None:
    with (
        running(OURS, name, options=QUICK_TO_FAIL) as (primary, replica),
        client(primary) as at_primary,
        client(replica) as at_replica,
    ):
        at_primary.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        at_primary.execute_command("CLUSTER MEET", "127.0.0.1", str(replica.port))
        until(lambda: agree([primary, replica]) and is_ok(replica))
        at_replica.execute_command("CLUSTER REPLICATE", id_of(primary))
        until(lambda: views(primary)[id_of(replica)].primary == id_of(primary))
        until(lambda: views(replica)[id_of(replica)].flags >= {"slave"})
        for publisher, subscriber in ((at_primary, at_replica), (at_replica, at_primary)):
            with subscriber.pubsub(ignore_subscribe_messages=True) as listener:
                listener.ssubscribe("shard")
                listener.get_sharded_message(timeout=1)
                message = None
                deadline = time.monotonic() + LIMIT_S
                while message is None and time.monotonic() < deadline:
                    publisher.execute_command("SPUBLISH", "shard", "hello")
                    message = listener.get_sharded_message(timeout=0.2)
                assert message is not None
                assert message["data"] == "hello"


@pytest.mark.real_server
@pytest.mark.parametrize("name", [REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_a_real_replica_takes_over_with_our_votes(name: str) -> None:
    """A real primary with a real replica; the other voters are ours."""
    with running(OURS, OURS, name, name, options=QUICK_TO_FAIL) as servers:
        one, two, primary, replica = servers
        join([one, two, primary], [replica])
        primary_id, replica_id = id_of(primary), id_of(replica)
        with replica.connect() as raw:
            assert raw.call("CLUSTER", "REPLICATE", primary_id) == b"+OK\r\n"
        until(lambda: all(views(server)[replica_id].primary == primary_id for server in servers))
        until(lambda: "master_link_status:up" in text_of(replica, "INFO replication"))
        until(lambda: all(len(slots_entry(server, primary.port)) == 2 for server in (one, two)))
        primary.kill()
        rest = (one, two, replica)
        taken_over = (f"{SLOTS * 2 // 3}-{SLOTS - 1}",)
        until(lambda: all(views(server)[replica_id].slots == taken_over for server in rest))
        until(lambda: all(map(is_ok, rest)))
        assert any("Failover auth granted to" in server.log(100_000) for server in (one, two))
        primary.restart()
        until(lambda: all(views(server)[primary_id].primary == replica_id for server in rest))


@pytest.fixture(scope="module")
def ours() -> Iterator[list[RunningServer]]:
    """Three of ours, made into a cluster by redis-cli where there is one."""
    with running(*[OURS] * 3) as servers:
        if HAS_REDIS_CLI:
            addresses = [f"127.0.0.1:{server.port}" for server in servers]
            output = redis_cli("--cluster", "create", *addresses, "--cluster-yes")
            assert "[OK] All 16384 slots covered." in output
        else:
            join(servers)
        until(lambda: is_well(servers))
        yield servers


@pytest.mark.real_server
@pytest.mark.skipif(not HAS_REDIS_CLI, reason="no redis-cli")
def test_redis_cli_finds_nothing_to_complain_about(ours: list[RunningServer]) -> None:
    address = f"127.0.0.1:{ours[0].port}"
    check = redis_cli("--cluster", "check", address)
    assert "[OK] All nodes agree about slots configuration." in check
    assert "[OK] All 16384 slots covered." in check
    assert "[ERR]" not in check
    assert "[WARNING]" not in check
    info = redis_cli("--cluster", "info", address)
    assert "[OK] 0 keys in 3 masters." in info or "keys in 3 masters." in info
    port = str(ours[1].port)
    for n in range(20):
        assert redis_cli("-c", "-p", port, "SET", f"cli:{n}", str(n)).strip() == "OK"
    values = redis_cli("-c", "-p", port, stdin="".join(f"GET cli:{n}\n" for n in range(20)))
    assert [line for line in values.split() if line.isdigit()] == [str(n) for n in range(20)]


def test_redis_py_reads_and_writes_ten_thousand_keys(ours: list[RunningServer]) -> None:
    with redis.RedisCluster("127.0.0.1", ours[0].port, decode_responses=True) as cluster:
        for start in range(0, 10_000, 500):
            with cluster.pipeline() as pipeline:
                for n in range(start, start + 500):
                    pipeline.set(f"sync:{n}", n)
                assert pipeline.execute() == [True] * 500
        assert [cluster.get(f"sync:{n}") for n in range(0, 10_000, 100)] == [
            str(n) for n in range(0, 10_000, 100)
        ]
        assert sum(client(server).dbsize() for server in ours) >= 10_000


async def test_redis_py_asyncio_with_fifty_connections_at_once(ours: list[RunningServer]) -> None:
    clusters = [
        redis.asyncio.RedisCluster("127.0.0.1", ours[n % 3].port, socket_timeout=60) for n in range(50)
    ]

    async def work(number: int) -> None:
        cluster = clusters[number]
        for n in range(40):
            key = f"async:{number}:{n}"
            assert await cluster.set(key, n)
            assert await cluster.get(key) == b"%d" % n

    try:
        await asyncio.gather(*(work(number) for number in range(50)))
    finally:
        for cluster in clusters:
            await cluster.aclose()


@pytest.mark.real_server
@pytest.mark.parametrize("name", [REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_what_real_servers_send_is_decoded_and_encoded_byte_by_byte(name: str) -> None:
    options = ("--cluster-announce-hostname", "node.example", "--cluster-announce-ip", "127.0.0.1")
    with running(name, options=options) as (server,):
        with server.connect() as raw:
            raw.call("CLUSTER", "ADDSLOTS", 0, 5, 16383)
        stranger = "f" * 40
        # Port 1 answers nobody, so that the handshake this begins comes to nothing.
        header = Header(MessageType.MEET, stranger, ip="127.0.0.1", port=1, bus_port=1, flags=1)
        with socket.create_connection(("127.0.0.1", server.port + 10000), timeout=5) as link:
            link.sendall(encode(header, Gossip((), Extensions(hostname="us.example", shard_id="e" * 40))))
            framer, received = Framer(), b""
            messages: list[Message] = []
            while not messages:
                data = link.recv(1 << 16)
                assert data, "the server closed the link"
                received += data
                messages = list(framer.feed(data))
        [message] = messages
        assert encode(*message) == received
        assert message.header.sender == id_of(server)
        assert message.header.slots == from_slots([0, 5, 16383])
        assert isinstance(message.body, Gossip)
        assert message.body.extensions.hostname == "node.example"
