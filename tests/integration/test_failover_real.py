"""FAILOVER between ours and real servers: a role handed over and back while clients write."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.digests import assert_same_data
from tests.support.nodes import program
from tests.support.replicating import (
    follow,
    info,
    link_is_up,
    syncs,
    wait_for_link,
    wait_for_replicas,
    wait_until,
)
from tests.support.servers import OURS, REDIS_7_0, VALKEY_9_1, RunningServer, start_server
from tests.support.traffic import Traffic
from tests.support.wire import RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

PAIRS = [(OURS, REDIS_7_0), (OURS, VALKEY_9_1), (REDIS_7_0, OURS), (VALKEY_9_1, OURS)]


@contextmanager
def replicating(
    primary: str, replica: str
) -> Iterator[tuple[tuple[RunningServer, RawClient], tuple[RunningServer, RawClient]]]:
    """Two servers, the second in sync with the first."""
    with ExitStack() as stack:
        nodes = []
        for name in (primary, replica):
            server = stack.enter_context(start_server(program(name), "--repl-diskless-sync-delay", "0"))
            nodes.append((server, stack.enter_context(server.connect(timeout_s=30))))
        follow(nodes[1][1], nodes[0][0].port)
        wait_for_link(nodes[1][1])
        # The primary knows it a little later.
        wait_until(lambda: "state=online" in info(nodes[0][1])["slave0"])
        yield nodes[0], nodes[1]


def wait_for_roles(primary: RawClient, replica: RawClient) -> None:
    wait_until(
        lambda: info(primary)["role"] == "master" and link_is_up(replica),
        lambda: (info(primary), info(replica)),
        limit_s=20,
    )
    for client in (primary, replica):
        assert info(client)["master_failover_state"] == "no-failover"


@pytest.mark.parametrize(("primary", "replica"), PAIRS)
def test_to_the_replica_and_back(primary: str, replica: str) -> None:
    with replicating(primary, replica) as ((first, one), (second, two)):
        with Traffic(first.port, per_second=500) as traffic:
            wait_until(lambda: traffic.acknowledged > 100)
            assert one.call("FAILOVER", "TO", "127.0.0.1", second.port) == b"+OK\r\n"
            wait_for_roles(two, one)
        # Who waited for the failover to end is told that this is a replica now.
        assert set(traffic.refused) <= {"READONLY"}
        wait_for_replicas(two, one)
        assert_same_data(one, two)
        assert syncs(two) == (0, 1, 0)
        two.call("SET", "after", "1")
        assert two.call("FAILOVER", "TIMEOUT", 20_000) == b"+OK\r\n"
        wait_for_roles(one, two)
        assert one.call("SET", "again", "1") == b"+OK\r\n"
        wait_for_replicas(one, two)
        assert_same_data(one, two)


@pytest.mark.parametrize(("primary", "replica"), PAIRS)
def test_a_replica_that_does_not_answer(primary: str, replica: str) -> None:
    with replicating(primary, replica) as ((_, one), (second, two)):
        os.kill(second.pid, signal.SIGSTOP)
        try:
            one.call("SET", "k", "1")
            target = ("TO", "127.0.0.1", second.port)
            assert one.call("FAILOVER", *target, "TIMEOUT", 300) == b"+OK\r\n"
            assert info(one)["master_failover_state"] == "waiting-for-sync"
            assert one.call("REPLICAOF", "127.0.0.1", 1) == (
                b"-ERR REPLICAOF not allowed while failing over.\r\n"
            )
            wait_until(lambda: info(one)["master_failover_state"] == "no-failover", limit_s=10)
            assert one.call("SET", "k", "2") == b"+OK\r\n"
            assert one.call("FAILOVER", *target, "TIMEOUT", 300, "FORCE") == b"+OK\r\n"
            wait_until(lambda: info(one)["master_failover_state"] == "failover-in-progress", limit_s=10)
            assert info(one)["role"] == "slave"
            assert one.call("FAILOVER", "ABORT") == b"+OK\r\n"
            assert one.call("SET", "k", "3") == b"+OK\r\n"
        finally:
            os.kill(second.pid, signal.SIGCONT)
        wait_for_replicas(one, two)
        assert_same_data(one, two)
