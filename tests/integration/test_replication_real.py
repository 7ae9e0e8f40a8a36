"""Replication between ours and real servers, in both directions and in chains, over links that fail.

`PYREDIS_TEST_KEYS=200000` makes the datasets large.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.support.dataset import fill
from tests.support.digests import assert_same_data, key_digests, wait_for_same_data
from tests.support.nodes import Node
from tests.support.nodes import started as started_with
from tests.support.proxy import ThreadedProxy, proxied
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

KEYS = int(os.environ.get("PYREDIS_TEST_KEYS", "4000"))
WRITES_PER_S = 2000
PAIRS = [(OURS, REDIS_7_0), (OURS, VALKEY_9_1), (REDIS_7_0, OURS), (VALKEY_9_1, OURS)]
REAL = [REDIS_7_0, VALKEY_9_1]
OPTIONS = ("--repl-diskless-sync-delay", "0", "--repl-backlog-size", "8mb")

pairs = pytest.mark.parametrize(("primary", "replica"), PAIRS)
with_redis = pytest.mark.parametrize(("primary", "replica"), PAIRS[::2])
real_ones = pytest.mark.parametrize("real", REAL)


def started(*names: str) -> AbstractContextManager[list[Node]]:
    """Servers that know nothing of each other."""
    return started_with(*names, options=OPTIONS)


@contextmanager
def linked(*names: str) -> Iterator[tuple[list[Node], list[ThreadedProxy]]]:
    """Servers of which each replicates the one before, over a link that can be cut."""
    with ExitStack() as stack:
        nodes = stack.enter_context(started(*names))
        links = [stack.enter_context(proxied(node.port)) for node in nodes[:-1]]
        nodes[0].client.call("SET", "before", "replication")
        for link, node in zip(links, nodes[1:], strict=True):
            follow(node.client, link.port)
            wait_for_link(node.client)
        yield nodes, links


def write_some(node: Node, count: int, name: str = "more") -> None:
    """A few writes of several types."""
    for n in range(count):
        node.client.pipeline(
            [["SET", f"{name}:{n}", n], ["RPUSH", f"{name}:list", n], ["SADD", f"{name}:set", n]]
        )


@pairs
def test_full_synchronisation_while_clients_write(primary: str, replica: str) -> None:
    with started(primary, replica) as (source, copy):
        fill(source.client, keys=KEYS, seed=1)
        copy.client.call("SET", "stale", "goes")
        with Traffic(source.port, per_second=WRITES_PER_S) as traffic:
            follow(copy.client, source.port)
            wait_for_link(copy.client)
            enough = traffic.acknowledged + WRITES_PER_S // 2
            wait_until(lambda: traffic.acknowledged > enough)
        assert not traffic.refused
        wait_for_replicas(source.client, copy.client)
        wait_for_same_data(source.client, copy.client)
        # A server that had data of its own first asks for the rest of its own history.
        assert syncs(source.client) == (1, 0, 1)
        assert info(source.client)["connected_slaves"] == "1"


@real_ones
def test_chain_of_theirs_ours_theirs(real: str) -> None:
    with started(real, OURS, real) as (first, middle, last):
        fill(first.client, keys=KEYS, seed=2, streams=True)
        with Traffic(first.port, per_second=WRITES_PER_S) as traffic:
            follow(last.client, middle.port)
            follow(middle.client, first.port)
            wait_for_link(middle.client)
            wait_for_link(last.client)
            enough = traffic.acknowledged + WRITES_PER_S // 2
            wait_until(lambda: traffic.acknowledged > enough)
        assert not traffic.refused
        wait_for_replicas(first.client, middle.client, last.client)
        wait_for_same_data(first.client, middle.client)
        wait_for_same_data(first.client, last.client)
        ids = {info(node.client)["master_replid"] for node in (first, middle, last)}
        assert len(ids) == 1


@real_ones
def test_streams_come_through_ours_whole(real: str) -> None:
    with started(real, OURS, real) as (first, middle, last):
        fill(first.client, keys=100, seed=3, streams=True, odd_scores=True)
        follow(middle.client, first.port)
        follow(last.client, middle.port)
        wait_for_link(middle.client)
        wait_for_replicas(first.client, middle.client, last.client)
        assert_same_data(first.client, last.client, odd_scores=True)
        streams = [key for (database, key) in key_digests(first.client) if database == 0]
        streams = [key for key in streams if first.client.call("TYPE", key) == b"+stream\r\n"]
        assert len(streams) > 5
        for key in streams:
            words = ("XINFO", "STREAM", key, "FULL", "COUNT", 0)
            assert last.client.call(*words) == first.client.call(*words), key


@pairs
def test_cut_link_is_resumed_where_it_was(primary: str, replica: str) -> None:
    with linked(primary, replica) as ((source, copy), [link]):
        before = syncs(source.client)
        link.cut()
        wait_until(lambda: not link_is_up(copy.client))
        write_some(source, 300)
        link.restore()
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)
        assert syncs(source.client) == (before[0], before[1] + 1, before[2])


@with_redis
def test_silent_link_times_out_and_is_resumed(primary: str, replica: str) -> None:
    with linked(primary, replica) as ((source, copy), [link]):
        for node in (source, copy):
            assert node.client.call("CONFIG", "SET", "repl-timeout", "2") == b"+OK\r\n"
        before = syncs(source.client)
        link.pause()
        write_some(source, 100)
        wait_until(lambda: not link_is_up(copy.client), limit_s=15)
        write_some(source, 100, "later")
        wait_until(lambda: info(source.client)["connected_slaves"] == "0", limit_s=15)
        link.drop()
        link.restore()
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)
        assert syncs(source.client) == (before[0], before[1] + 1, before[2])


@with_redis
def test_more_than_the_backlog_holds_means_a_full_synchronisation(primary: str, replica: str) -> None:
    with linked(primary, replica) as ((source, copy), [link]):
        assert source.client.call("CONFIG", "SET", "repl-backlog-size", "16kb") == b"+OK\r\n"
        before = syncs(source.client)
        link.cut()
        wait_until(lambda: not link_is_up(copy.client))
        source.client.pipeline([["SET", f"long:{n}", "x" * 10_000] for n in range(20)])
        link.restore()
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)
        assert syncs(source.client) == (before[0] + 1, before[1], before[2] + 1)


@pairs
def test_restarted_primary_is_found_again(primary: str, replica: str) -> None:
    with linked(primary, replica) as ((source, copy), _):
        write_some(source, 50)
        wait_for_replicas(source.client, copy.client)
        source.client.send("SHUTDOWN", "SAVE")
        source.server.process.wait(15)
        wait_until(lambda: not link_is_up(copy.client))
        source.restart()
        write_some(source, 50, "again")
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)
        # The file has the id and offset of the history, so the rest of it is enough.
        assert syncs(source.client) == (0, 1, 0)
        source.server.kill()
        source.restart()
        wait_for_replicas(source.client, copy.client)
        assert_same_data(source.client, copy.client)
        assert syncs(source.client)[:2] in ((0, 1), (1, 0))


@pytest.mark.parametrize(
    "names", [(REDIS_7_0, OURS, REDIS_7_0), (VALKEY_9_1, OURS, VALKEY_9_1), (OURS, REDIS_7_0, OURS)]
)
def test_promoted_replica_is_followed_through_the_second_id(names: tuple[str, ...]) -> None:
    with started(*names) as (old, promoted, other):
        write_some(old, 100)
        for node in (promoted, other):
            follow(node.client, old.port)
            wait_for_link(node.client)
        write_some(old, 100, "last")
        wait_for_replicas(old.client, promoted.client, other.client)
        history = info(old.client)["master_replid"]
        follow(promoted.client, None)
        write_some(promoted, 100, "new")
        follow(other.client, promoted.port)
        wait_for_replicas(promoted.client, other.client)
        assert_same_data(promoted.client, other.client)
        assert syncs(promoted.client) == (0, 1, 0)
        facts = info(promoted.client)
        assert facts["master_replid2"] == history
        assert facts["master_replid"] == info(other.client)["master_replid"] != history
        # The old primary, which wrote nothing since, comes back as a replica without a full synchronisation.
        follow(old.client, promoted.port)
        wait_for_replicas(promoted.client, old.client, other.client)
        assert_same_data(promoted.client, old.client)
        assert syncs(promoted.client) == (0, 2, 0)


@pairs
def test_wait_counts_replicas_that_have_it(primary: str, replica: str) -> None:
    with linked(primary, replica) as ((source, copy), [link]):
        client = source.client
        client.call("SET", "k", "1")
        assert client.call("WAIT", 1, 10_000) == b":1\r\n"
        assert copy.client.call("GET", "k") == b"$1\r\n1\r\n"
        client.call("SET", "k", "2")
        assert client.call("WAIT", 2, 50) == b":1\r\n"
        link.pause()
        client.call("SET", "k", "3")
        assert client.call("WAIT", 1, 50) == b":0\r\n"
        link.restore()
        assert client.call("WAIT", 1, 10_000) == b":1\r\n"


@real_ones
def test_chain_survives_a_cut_at_its_head(real: str) -> None:
    with linked(real, OURS, real) as ((first, middle, last), [head, _]):
        counts = syncs(first.client), syncs(middle.client)
        head.cut()
        wait_until(lambda: not link_is_up(middle.client))
        write_some(first, 200)
        head.restore()
        wait_for_replicas(first.client, middle.client, last.client)
        for node in (middle, last):
            assert_same_data(first.client, node.client)
        (full, partial, _), below = counts
        assert syncs(first.client)[:2] == (full, partial + 1)
        assert syncs(middle.client) == below


@with_redis
def test_replica_refuses_writes_and_serves_reads(primary: str, replica: str) -> None:
    with linked(primary, replica) as ((_, copy), _):
        assert (
            copy.client.call("SET", "k", "v") == b"-READONLY You can't write against a read only replica.\r\n"
        )
        assert copy.client.call("GET", "before") == b"$11\r\nreplication\r\n"
