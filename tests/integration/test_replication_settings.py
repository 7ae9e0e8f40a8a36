"""Replication by other settings than the usual: passwords, files, failover, slow links; with real servers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.dataset import fill
from tests.support.digests import assert_same_data, wait_for_same_data
from tests.support.nodes import Node, started
from tests.support.proxy import proxied
from tests.support.replicating import (
    follow,
    info,
    link_is_up,
    syncs,
    wait_for_link,
    wait_for_replicas,
    wait_until,
)
from tests.support.servers import OURS, REDIS_7_0, VALKEY_9_1
from tests.support.traffic import Traffic

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

COMMON = ("--repl-diskless-sync-delay", "0")
PAIRS = [(OURS, REDIS_7_0), (REDIS_7_0, OURS)]
pairs = pytest.mark.parametrize(("primary", "replica"), PAIRS)


def configure(node: Node, **directives: str) -> None:
    """CONFIG SET, with `_` for `-`."""
    for name, value in directives.items():
        assert node.client.call("CONFIG", "SET", name.replace("_", "-"), value) == b"+OK\r\n", name


@pytest.mark.parametrize("load", ["disabled", "on-empty-db", "swapdb"])
@pytest.mark.parametrize("diskless", ["yes", "no"])
@pairs
def test_ways_of_a_full_synchronisation(primary: str, replica: str, diskless: str, load: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy):
        configure(source, repl_diskless_sync=diskless)
        configure(copy, repl_diskless_load=load)
        fill(source.client, keys=300, seed=31)
        fill(copy.client, keys=100, seed=32)
        follow(copy.client, source.port)
        wait_for_link(copy.client)
        source.client.call("SET", "after", "it")
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)


@pairs
def test_passwords_and_users(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy):
        source.client.call("SET", "k", "v")
        configure(source, requirepass="secret")
        follow(copy.client, source.port)
        wait_until(lambda: "NOAUTH" in copy.server.log(), copy.server.log)
        assert not link_is_up(copy.client)
        configure(copy, masterauth="secret")
        wait_for_link(copy.client)
        assert copy.client.call("GET", "k") == b"$1\r\nv\r\n"
        configure(copy, masterauth="wrong")
        source.client.call("AUTH", "secret")
        source.client.call("CLIENT", "KILL", "TYPE", "replica")
        wait_until(lambda: "WRONGPASS" in copy.server.log(), copy.server.log)
        configure(copy, masterauth="secret", masteruser="default")
        wait_for_link(copy.client)


@pairs
def test_restarted_replica_goes_on_where_it_was(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy):
        fill(source.client, keys=100, seed=33)
        follow(copy.client, source.port)
        wait_for_link(copy.client)
        source.client.call("SET", "before", "the end")
        wait_for_replicas(source.client, copy.client)
        copy.client.send("SHUTDOWN", "SAVE")
        assert copy.server.process.wait(15) == 0
        source.client.call("SET", "while", "away")
        copy.close()
        before = syncs(source.client)
        copy.server.restart("--replicaof", f"127.0.0.1 {source.port}")
        copy.client = copy.server.connect()
        wait_for_link(copy.client)
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)
        assert syncs(source.client) == (before[0], before[1] + 1, before[2])


@pairs
def test_replica_with_an_aof_of_its_own(primary: str, replica: str) -> None:
    options = (*COMMON, "--appendonly", "yes", "--appendfsync", "always")
    with started(primary, replica, options=options) as (source, copy):
        fill(source.client, keys=300, seed=34)
        with Traffic(source.port, per_second=1000) as traffic:
            follow(copy.client, source.port)
            wait_for_link(copy.client)
            enough = traffic.acknowledged + 300
            wait_until(lambda: traffic.acknowledged > enough)
        wait_for_replicas(source.client, copy.client)
        wait_for_same_data(source.client, copy.client)
        wait_until(lambda: info(copy.client, "persistence")["aof_rewrite_in_progress"] == "0")
        copy.server.kill()
        copy.restart()
        assert info(copy.client)["role"] == "master"
        wait_for_same_data(source.client, copy.client)


@pytest.mark.parametrize("names", [(OURS, REDIS_7_0), (REDIS_7_0, OURS), (OURS, VALKEY_9_1), (OURS, OURS)])
def test_failover_swaps_the_roles(names: Sequence[str]) -> None:
    with started(*names, options=COMMON) as (source, copy):
        fill(source.client, keys=100, seed=35)
        follow(copy.client, source.port)
        wait_for_link(copy.client)
        wait_for_replicas(source.client, copy.client)
        with Traffic(source.port, per_second=200):
            assert (
                source.client.call("FAILOVER", "TO", "127.0.0.1", copy.port, "TIMEOUT", 10_000) == b"+OK\r\n"
            )
            wait_until(lambda: info(copy.client)["role"] == "master", lambda: info(source.client))
            wait_for_link(source.client)
        assert info(source.client)["role"] == "slave"
        assert info(source.client)["master_failover_state"] == "no-failover"
        copy.client.call("SET", "who", "leads")
        wait_for_replicas(copy.client, source.client)
        wait_for_same_data(copy.client, source.client)
        assert syncs(copy.client)[:2] == (0, 1)


@pairs
def test_keys_expire_on_the_primary_only(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy):
        follow(copy.client, source.port)
        wait_for_link(copy.client)
        source.client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        source.client.call("SET", "short", "life", "PX", 30)
        source.client.call("SET", "long", "life", "EX", 1000)
        wait_for_replicas(source.client, copy.client)
        wait_until(lambda: copy.client.call("GET", "short") == b"$-1\r\n")
        assert copy.client.call("DBSIZE") == b":2\r\n"
        source.client.call("GET", "short")
        wait_until(lambda: copy.client.call("DBSIZE") == b":1\r\n")
        assert source.client.call("PEXPIRETIME", "long") == copy.client.call("PEXPIRETIME", "long")


@pairs
def test_stale_replica_serves_or_not(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy), proxied(source.port) as link:
        source.client.call("SET", "k", "v")
        follow(copy.client, link.port)
        wait_for_link(copy.client)
        link.cut()
        wait_until(lambda: not link_is_up(copy.client))
        assert copy.client.call("GET", "k") == b"$1\r\nv\r\n"
        configure(copy, replica_serve_stale_data="no")
        refusal = b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"
        assert copy.client.call("GET", "k") == refusal
        link.restore()
        wait_for_link(copy.client)
        assert copy.client.call("GET", "k") == b"$1\r\nv\r\n"


@pairs
def test_too_few_good_replicas(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy), proxied(source.port) as link:
        configure(source, min_replicas_to_write="1", min_replicas_max_lag="2")
        refusal = b"-NOREPLICAS Not enough good replicas to write.\r\n"
        assert source.client.call("SET", "k", "v") == refusal
        follow(copy.client, link.port)
        wait_for_link(copy.client)
        wait_until(lambda: source.client.call("SET", "k", "v") == b"+OK\r\n")
        link.pause()
        wait_until(lambda: source.client.call("SET", "k", "w") == refusal, limit_s=10)
        link.drop()
        link.restore()
        wait_until(lambda: source.client.call("SET", "k", "v") == b"+OK\r\n")


@pairs
def test_large_values_over_a_slow_link(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy), proxied(source.port) as link:
        source.client.call("SET", "first", b"x" * 3_000_000)
        source.client.call("CONFIG", "SET", "rdbcompression", "no")
        link.throttle(3_000_000)
        follow(copy.client, link.port)
        wait_until(lambda: info(copy.client)["master_sync_in_progress"] == "1")
        for n in range(10):
            source.client.call("SET", f"large:{n}", b"y" * 200_000)
        wait_for_link(copy.client)
        source.client.call("APPEND", "first", b"z" * 1_000_000)
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)


@pytest.mark.parametrize(("primary", "replica"), [(OURS, VALKEY_9_1), (VALKEY_9_1, OURS)])
def test_waitaof_counts_what_is_on_disk(primary: str, replica: str) -> None:
    with started(primary, replica, options=COMMON) as (source, copy), proxied(source.port) as link:
        client = source.client
        refusal = b"-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n"
        assert client.call("WAITAOF", 1, 0, 100) == refusal
        follow(copy.client, link.port)
        wait_for_link(copy.client)
        client.call("SET", "k", "1")
        assert client.call("WAITAOF", 0, 1, 50) == b"*2\r\n:0\r\n:0\r\n"
        for node in (source, copy):
            configure(node, appendfsync="always", appendonly="yes")
            wait_until(lambda node=node: _has_an_aof(node))  # type: ignore[misc]
        client.call("SET", "k", "2")
        assert client.call("WAITAOF", 1, 1, 10_000) == b"*2\r\n:1\r\n:1\r\n"
        client.call("SET", "k", "3")
        assert client.call("WAITAOF", 1, 2, 300) == b"*2\r\n:1\r\n:1\r\n"
        link.pause()
        client.call("SET", "k", "4")
        assert client.call("WAITAOF", 1, 1, 300) == b"*2\r\n:1\r\n:0\r\n"
        link.restore()
        assert client.call("WAITAOF", 1, 1, 10_000) == b"*2\r\n:1\r\n:1\r\n"
        assert copy.client.call("WAITAOF", 0, 1, 10).startswith(b"-ERR WAITAOF cannot be used with replica")


def _has_an_aof(node: Node) -> bool:
    facts = info(node.client, "persistence")
    return facts["aof_enabled"] == "1" and facts["aof_rewrite_in_progress"] == "0"
