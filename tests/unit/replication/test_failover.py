"""When a primary hands over its role, and to whom."""

from __future__ import annotations

import pytest

from pyredis_cluster.replication.failover import (
    Failover,
    FailoverTimeoutError,
    find_replica,
)
from pyredis_cluster.replication.primary import Replica, ReplicaState

START_MS = 10_000


def replica(port: int, ack_offset: int, *, ip_address: str | None = None) -> Replica:
    return Replica(
        "10.0.0.1",
        port,
        ip_address=ip_address,
        state=ReplicaState.ONLINE,
        ack_offset=ack_offset,
    )


def state_of(failover: Failover) -> str:
    return failover.state.name


def waiting(host: str = "", port: int = 0, *, timeout_ms: int = 0, force: bool = False) -> Failover:
    failover = Failover()
    failover.request(host, port, timeout_ms=timeout_ms, force=force, now_ms=START_MS)
    return failover


def test_the_first_that_has_everything() -> None:
    failover = waiting()
    replicas = [replica(1, 90), replica(2, 99), replica(3, 99)]
    assert failover.choose(replicas, 100, START_MS) is None
    assert state_of(failover) == "WAITING"
    replicas[2].ack_offset = 100
    assert failover.choose(replicas, 100, START_MS) == ("Failover target 10.0.0.1:3 is synced, failing over.")
    assert (failover.host, failover.port) == ("10.0.0.1", 3)
    assert state_of(failover) == "IN_PROGRESS"
    assert failover.choose(replicas, 100, START_MS) is None


def test_only_the_one_that_was_named() -> None:
    failover = waiting("10.0.0.9", 2)
    replicas = [replica(1, 100), replica(2, 99, ip_address="10.0.0.9")]
    assert failover.choose(replicas, 100, START_MS) is None
    replicas[1].ack_offset = 100
    assert failover.choose(replicas, 100, START_MS) is not None
    assert failover.port == 2


def test_time_is_up() -> None:
    failover = waiting(timeout_ms=500)
    assert failover.choose([replica(1, 99)], 100, START_MS + 499) is None
    with pytest.raises(FailoverTimeoutError):
        failover.choose([replica(1, 100)], 100, START_MS + 500)
    assert failover.aborted("why") == "FAILOVER to any replica aborted: why"


def test_forced_when_time_is_up() -> None:
    failover = waiting("10.0.0.1", 1, timeout_ms=500, force=True)
    assert failover.choose([replica(1, 1)], 100, START_MS + 500) == (
        "FAILOVER to 10.0.0.1:1 time out exceeded, failing over."
    )
    assert state_of(failover) == "IN_PROGRESS"
    assert failover.aborted("why") == "FAILOVER to 10.0.0.1:1 aborted: why"


def test_it_is_over() -> None:
    failover = waiting("10.0.0.1", 1)
    failover.clear()
    assert state_of(failover) == "NONE"
    assert failover.choose([replica(1, 100)], 100, START_MS) is None


def test_replicas_are_found_by_the_address_they_tell() -> None:
    replicas = [replica(1, 0), replica(2, 0, ip_address="Replica.example")]
    assert find_replica(replicas, "10.0.0.1", 1) is replicas[0]
    assert find_replica(replicas, "replica.EXAMPLE", 2) is replicas[1]
    assert find_replica(replicas, "10.0.0.1", 2) is None
