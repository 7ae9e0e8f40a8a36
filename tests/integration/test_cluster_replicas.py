"""Clusters with replicas, as processes: made by redis-cli, and mixed from ours and real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis
from redis.cluster import LoadBalancingStrategy

from tests.support.cluster_programs import (
    HAS_REDIS_CLI,
    LIMIT_S,
    QUICK_TO_FAIL,
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
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, VALKEY_9_1, RunningServer

pytestmark = [pytest.mark.slow]

KEYS = 2000


def link_is_up(replica: RunningServer) -> bool:
    return "master_link_status:up" in text_of(replica, "INFO replication")


def offset(server: RunningServer) -> str:
    info = text_of(server, "INFO replication")
    return info.partition("master_repl_offset:")[2].split()[0]


def digest(server: RunningServer) -> str:
    with server.connect() as raw:
        return raw.call("DEBUG", "DIGEST").decode()


def in_sync(primary: RunningServer, replica: RunningServer) -> bool:
    return link_is_up(replica) and offset(replica) == offset(primary) and digest(replica) == digest(primary)


def pairs(servers: list[RunningServer]) -> list[tuple[RunningServer, RunningServer]]:
    """(primary, replica) for each replica."""
    by_id = {id_of(server): server for server in servers}
    return [
        (by_id[view.primary], by_id[node_id])
        for node_id, view in views(servers[0]).items()
        if view.primary != "-"
    ]


def write(port: int, prefix: str, count: int = KEYS) -> None:
    """Keys of some types, through redis-py."""
    with redis.RedisCluster("127.0.0.1", port) as cluster:
        for start in range(0, count, 500):
            with cluster.pipeline() as pipeline:
                for n in range(start, min(start + 500, count)):
                    pipeline.set(f"{prefix}:{n}", n)
                    if n % 10 == 0:
                        pipeline.hset(f"{prefix}:h:{n}", "field", n)
                        pipeline.rpush(f"{prefix}:l:{n}", *range(5))
                        pipeline.zadd(f"{prefix}:z:{n}", {"a": n})
                pipeline.execute()


@pytest.fixture(scope="module")
def six() -> Iterator[list[RunningServer]]:
    """Six of ours, three primaries and three replicas, made by redis-cli."""
    if not HAS_REDIS_CLI:
        pytest.skip("no redis-cli")
    with running(*[OURS] * 6) as servers:
        addresses = [f"127.0.0.1:{server.port}" for server in servers]
        output = redis_cli("--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes")
        assert "[OK] All nodes agree about slots configuration." in output
        assert "[OK] All 16384 slots covered." in output
        until(lambda: is_well(servers))
        yield servers


@pytest.mark.real_server
def test_redis_cli_makes_a_cluster_with_replicas_in_sync(six: list[RunningServer]) -> None:
    assert [view.flags for view in views(six[0]).values()].count(frozenset({"slave"})) == 3
    write(six[0].port, "made")
    found = pairs(six)
    assert len(found) == 3
    for primary, replica in found:
        until(lambda: in_sync(primary, replica))  # noqa: B023
        until(lambda: all(len(slots_entry(server, primary.port)) == 2 for server in six))  # noqa: B023
    address = f"127.0.0.1:{six[0].port}"
    check = redis_cli("--cluster", "check", address)
    assert check.count("1 additional replica(s)") == 3
    assert check.count("   replicates ") == 3
    assert "[ERR]" not in check
    assert "[WARNING]" not in check
    assert redis_cli("--cluster", "info", address).count("1 slaves.") == 3


def test_a_killed_replica_comes_back_and_catches_up(six: list[RunningServer]) -> None:
    primary, replica = pairs(six)[0]
    replica_id = id_of(replica)
    others = [server for server in six if server is not replica]
    replica.kill()
    until(lambda: all("fail" in views(server)[replica_id].flags for server in others))
    assert all(map(is_ok, others))
    assert len(slots_entry(others[0], primary.port)) == 1
    write(primary.port, "meanwhile", 300)
    replica.restart()
    until(lambda: in_sync(primary, replica))
    until(lambda: is_well(six))
    until(lambda: all(len(slots_entry(server, primary.port)) == 2 for server in six))


def test_redis_py_reads_from_replicas(six: list[RunningServer]) -> None:
    write(six[0].port, "read", 200)
    for primary, replica in pairs(six):
        until(lambda: in_sync(primary, replica))  # noqa: B023
        until(lambda: all(len(slots_entry(server, primary.port)) == 2 for server in six))  # noqa: B023

    def reads() -> list[int]:
        return [calls_of(replica, "get") for _, replica in pairs(six)]

    before = reads()
    strategy = LoadBalancingStrategy.ROUND_ROBIN
    with redis.RedisCluster("127.0.0.1", six[0].port, load_balancing_strategy=strategy) as cluster:
        for n in range(200):
            assert cluster.get(f"read:{n}") == b"%d" % n
            assert cluster.set(f"read:{n}", n + 1)
    assert all(now > then for now, then in zip(reads(), before, strict=True))


def calls_of(server: RunningServer, command: str) -> int:
    stats = text_of(server, "INFO commandstats")
    found = stats.partition(f"cmdstat_{command}:calls=")[2]
    return int(found.partition(",")[0] or 0)


@pytest.mark.real_server
def test_redis_cli_adds_a_replica_and_takes_it_away(six: list[RunningServer]) -> None:
    primary, _ = pairs(six)[0]
    with running(OURS) as (seventh,):
        new, known = f"127.0.0.1:{seventh.port}", f"127.0.0.1:{six[1].port}"
        master = ("--cluster-slave", "--cluster-master-id", id_of(primary))
        output = redis_cli("--cluster", "add-node", new, known, *master)
        assert "[OK] New node added correctly." in output
        until(lambda: in_sync(primary, seventh))
        until(lambda: agree([*six, seventh]))
        seventh_id = id_of(seventh)
        redis_cli("--cluster", "del-node", known, seventh_id)
        until(lambda: agree(six))
        until(lambda: text_of(seventh, "CLUSTER NODES").count("\n") == 1)
        with seventh.connect() as raw:
            assert raw.call("DBSIZE") == b":0\r\n"
            assert b"role:master" in raw.call("INFO", "replication")
        assert id_of(seventh) == seventh_id


def test_a_replica_follows_another_primary_when_told(six: list[RunningServer]) -> None:
    (one, replica), (other, _) = pairs(six)[:2]
    for primary in (other, one):
        with replica.connect() as raw:
            assert raw.call("CLUSTER", "REPLICATE", id_of(primary)) == b"+OK\r\n"
        until(lambda: in_sync(primary, replica))  # noqa: B023
        until(lambda: agree(six))
        until(lambda: text_of(replica, "CLUSTER MYSHARDID") == text_of(primary, "CLUSTER MYSHARDID"))  # noqa: B023


@pytest.mark.real_server
@pytest.mark.parametrize("name", [REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_replicas_of_one_kind_under_primaries_of_another(name: str) -> None:
    """Two shards in one cluster: ours under a real primary, a real one under ours."""
    with running(OURS, name, OURS, name) as servers:
        ours, theirs, our_replica, their_replica = servers
        join([ours, theirs], [our_replica, their_replica])
        write(ours.port, "before")
        shards = ((ours, their_replica), (theirs, our_replica))
        for primary, replica in shards:
            with replica.connect() as raw:
                assert raw.call("CLUSTER", "REPLICATE", id_of(primary)) == b"+OK\r\n"
        for primary, replica in shards:
            until(lambda: in_sync(primary, replica))  # noqa: B023
        write(ours.port, "after")
        for primary, replica in shards:
            until(lambda: in_sync(primary, replica))  # noqa: B023
            until(lambda: all(len(slots_entry(server, primary.port)) == 2 for server in servers))  # noqa: B023
            read_at_a_replica(primary, replica)
            publish_in_a_shard(primary, replica)
        until(lambda: agree(servers))
        if HAS_REDIS_CLI:
            check = redis_cli("--cluster", "check", f"127.0.0.1:{ours.port}")
            assert check.count("1 additional replica(s)") == 2
            assert "[ERR]" not in check
            assert "[WARNING]" not in check


def read_at_a_replica(primary: RunningServer, replica: RunningServer) -> None:
    """A READONLY client gets what a client of the primary gets; without READONLY it is sent there."""
    with primary.connect() as at_primary, replica.connect() as at_replica:
        key = at_primary.call("RANDOMKEY").split(b"\r\n")[1]
        moved = b"-MOVED %b 127.0.0.1:%d\r\n" % (
            at_primary.call("CLUSTER", "KEYSLOT", key)[1:-2],
            primary.port,
        )
        assert at_replica.call("DUMP", key) == moved
        assert at_replica.call("READONLY") == b"+OK\r\n"
        kind = at_primary.call("TYPE", key)
        assert at_replica.call("TYPE", key) == kind
        digest = at_primary.call("DEBUG", "DIGEST-VALUE", key)
        assert at_replica.call("DEBUG", "DIGEST-VALUE", key) == digest
        assert at_replica.call("DEL", key) == moved


def publish_in_a_shard(primary: RunningServer, replica: RunningServer) -> None:
    with client(primary) as at_primary, client(replica) as at_replica:
        key = at_primary.randomkey()
        for publisher, subscriber in ((at_primary, at_replica), (at_replica, at_primary)):
            with subscriber.pubsub(ignore_subscribe_messages=True) as listener:
                listener.ssubscribe(key)
                listener.get_sharded_message(timeout=1)
                message = None
                deadline = time.monotonic() + LIMIT_S
                while message is None and time.monotonic() < deadline:
                    publisher.execute_command("SPUBLISH", key, "hello")
                    message = listener.get_sharded_message(timeout=0.2)
                assert message is not None
                assert message["data"] == "hello"


@pytest.mark.real_server
@pytest.mark.parametrize("name", [OURS, REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_a_replica_takes_over_from_a_killed_primary(name: str) -> None:
    """Ours under a primary of each kind, which comes back as its replica; a voter is of that kind too."""
    with running(name, OURS, name, OURS, options=QUICK_TO_FAIL) as servers:
        primary, *voters, replica = servers
        join([primary, *voters], [replica])
        write(primary.port, "before")
        primary_id, replica_id = id_of(primary), id_of(replica)
        with replica.connect() as raw:
            assert raw.call("CLUSTER", "REPLICATE", primary_id) == b"+OK\r\n"
        until(lambda: in_sync(primary, replica))
        until(lambda: all(views(server)[replica_id].primary == primary_id for server in voters))
        keys = text_of(replica, "DBSIZE")
        primary.kill()
        rest = [replica, *voters]
        took_s = until(lambda: "master" in views(replica)[replica_id].flags)
        assert took_s < 6
        until(lambda: all(map(is_ok, rest)))
        assert text_of(replica, "DBSIZE") == keys
        write(voters[0].port, "after")
        primary.restart()
        until(lambda: all(views(server)[primary_id].primary == replica_id for server in servers))
        until(lambda: in_sync(replica, primary))
        until(lambda: is_well(servers))


@pytest.mark.real_server
@pytest.mark.parametrize("name", [OURS, REDIS_7_0, REDIS_7_2, VALKEY_9_1])
def test_manual_failover_there_and_back_while_clients_write(name: str) -> None:
    """Between ours and each kind; a counter that is incremented all along counts every acknowledged step."""
    with running(name, OURS, name, OURS, options=QUICK_TO_FAIL) as servers:
        primary, *voters, replica = servers
        join([primary, *voters], [replica])
        with replica.connect() as raw:
            assert raw.call("CLUSTER", "REPLICATE", id_of(primary)) == b"+OK\r\n"
        until(lambda: in_sync(primary, replica) and agree(servers))
        pair = (primary, replica)
        acknowledged = 0
        with redis.RedisCluster("127.0.0.1", voters[0].port) as cluster:
            for n in range(2):
                old, new = pair[n % 2], pair[1 - n % 2]
                with new.connect() as raw:
                    assert raw.call("CLUSTER", "FAILOVER") == b"+OK\r\n"
                deadline = time.monotonic() + LIMIT_S
                while "master" not in views(new)[id_of(new)].flags:
                    assert time.monotonic() < deadline
                    assert cluster.incr("b") == acknowledged + 1
                    acknowledged += 1
                until(lambda: "slave" in views(old)[id_of(old)].flags)  # noqa: B023
                assert cluster.incr("b") == acknowledged + 1
                acknowledged += 1
                until(lambda: in_sync(new, old) and agree(servers))  # noqa: B023
        assert acknowledged > 2
