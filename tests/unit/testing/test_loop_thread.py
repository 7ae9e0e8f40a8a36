"""The loop of servers that were started without a running one."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
from typing import Any

import pytest

from pyredis_cluster import Cluster, Server
from pyredis_cluster.testing.blocking import BlockingNode
from pyredis_cluster.testing.loop_thread import SHARED
from pyredis_cluster.testing.pool import Pool


@pytest.fixture(autouse=True)
def nobody_has_servers(_redis_pool: Pool) -> None:
    _redis_pool.close()


def is_running() -> bool:
    return any(thread.name == "pyredis-cluster" for thread in threading.enumerate())


def test_ends_with_its_last_holder() -> None:
    with Server() as one:
        with Server() as other:
            assert other.client().ping()
        assert one.client().ping()
        assert is_running()
    assert not is_running()


def test_server_that_has_ended_is_told() -> None:
    with Server() as server:
        pass
    with pytest.raises(RuntimeError, match="ended with its block"):
        server.run("PING")


def test_ctrl_c_while_servers_start_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[int] = []

    async def interrupted(cluster: Cluster, nodes_conf: object) -> None:
        ports.extend(port for _, port in cluster.addresses)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)

    monkeypatch.setattr(Cluster, "_begin", interrupted)
    with pytest.raises(KeyboardInterrupt), Cluster():
        pass
    assert len(ports) == 6
    assert not is_running()


def test_loop_of_its_own_is_needed_to_wait_there() -> None:
    with Server() as server:
        work = SHARED.wait(asyncio.sleep(0))
        with pytest.raises(RuntimeError, match="no running loop of asyncio"):
            work.send(None)
        assert server.client().ping()


def in_child(server: BlockingNode, told: Any) -> None:
    """What a forked process can do: be a client, and have servers of its own."""
    with server.client() as client:
        client.set("from", "child")
    try:
        server.run("PING")
    except RuntimeError as error:
        told.put(str(error))
    with Server() as own:
        told.put(own.run("PING"))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.slow
def test_forked_process() -> None:
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    with Server() as server:
        child = context.Process(target=in_child, args=(server, told))
        child.start()
        assert "forked" in told.get(timeout=20)
        assert told.get(timeout=20) == b"PONG"
        child.join(20)
        assert child.exitcode == 0
        with server.client() as client:
            assert client.get("from") == b"child"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))
    told.close()
    told.join_thread()
