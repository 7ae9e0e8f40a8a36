"""Faults that could never come about are refused, since a test that waits for them would pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from pyredis_cluster import Server
from pyredis_cluster.testing.faults import NodeFaults


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (lambda faults: faults.error("BUSY", commands=["gte"]), "no command 'gte'"),
        (lambda faults: faults.error("BUSY", commands="config|gte"), r"no command 'config\|gte'"),
        (lambda faults: faults.error("BUSY", times=0), "times 0"),
        (lambda faults: faults.cut(probability=1.5), "probability 1.5"),
        (lambda faults: faults.moved("elsewhere"), "'elsewhere' is no address"),
        (lambda faults: faults.wire(wires=["clients"], latency_ms=1), "no wire 'clients', but bus, client"),
        (lambda faults: faults.wire(peer="127.0.0.1", latency_ms=1), "'127.0.0.1' is no address"),
        (lambda faults: faults.wire(drop_probability=2), "probability 2"),
        (lambda faults: faults.drop_connections("clients"), "no wire 'clients'"),
    ],
)
async def test_impossible_ones(begin: Callable[[NodeFaults], int], reason: str) -> None:
    async with Server() as server:
        with pytest.raises(ValueError, match=reason):
            begin(server.faults)
        assert not server.faults.active


async def test_misspelt_arguments_are_told_with_those_that_there_are() -> None:
    async with Server() as server:
        with pytest.raises(TypeError, match="no command, but commands, key, slots, times, probability"):
            server.faults.error("BUSY", command="get")  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="latency"):
            server.faults.wire(latency=5)  # type: ignore[call-arg]


async def test_one_name_may_be_a_word() -> None:
    async with Server() as server, server.client(retry=None) as client:
        server.faults.error("BUSY later", commands="GET", key=b"key", times=1)
        server.faults.wire(wires="bus", latency_ms=1, peer="127.0.0.1:7000")
        assert await client.set("key", "value")
        with pytest.raises(redis.ResponseError, match="BUSY"):
            await client.get("key")
        assert await client.get("key") == b"value"
