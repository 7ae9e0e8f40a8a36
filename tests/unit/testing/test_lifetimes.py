"""What servers of tests leave behind when they end: nothing, however they end."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pyredis_cluster import Cluster, SentinelGroup, Server
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.server import Server as RunningServer
from pyredis_cluster.testing.loop_thread import SHARED
from pyredis_cluster.testing.pool import Pool

pytestmark = pytest.mark.slow


@dataclass
class Census:
    """What there is in this process, and in its directory, which is the one for temporary files too."""

    descriptors: list[str]
    threads: set[threading.Thread]
    files: set[Path]
    servers: int
    work: list[object]


def work_of(loop: asyncio.AbstractEventLoop) -> list[object]:
    """What a loop has still to do, but for what asks."""
    timers = [handle for handle in getattr(loop, "_scheduled", ()) if not handle.cancelled()]
    return [*(task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task(loop)), *timers]


def census() -> Census:
    # What is held by nobody may only be found now; a warning of it fails the test.
    gc.collect()
    descriptors = Path("/proc/self/fd")
    return Census(
        sorted(os.readlink(each) for each in descriptors.iterdir() if each.exists())
        if descriptors.exists()
        else [],
        set(threading.enumerate()),
        set(Path().iterdir()),
        sum(isinstance(each, RunningServer) for each in gc.get_objects()),
        SHARED.call(lambda: work_of(SHARED.loop)),
    )


def server() -> None:
    with Server() as one, one.client() as client:
        assert client.ping()


def primaries() -> None:
    with Cluster(replicas_per_primary=0):
        pass


def cluster() -> None:
    with Cluster() as one, one.client() as client:
        assert client.set("key", "value")


def sentinels() -> None:
    with SentinelGroup(replicas=1) as one, one.client() as client:
        assert client.set("key", "value")


def failure_of_the_test() -> None:
    with pytest.raises(ZeroDivisionError), Cluster(primaries=2) as one:
        one.client().set("key", 1 // 0)


def failed_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError):
        Server(port=taken.getsockname()[1]).__enter__()


def bad_option() -> None:
    with pytest.raises(ValueError, match="no directive"):
        Cluster(config={"no-such": 1}).__enter__()


def faults() -> None:
    with Cluster(primaries=2) as one:
        lost, other, *_ = one.nodes
        lost.kill()
        lost.restart()
        other.pause()
        one.partition(one.primaries, one.replicas)
        one.replicas[0].kill()


async def asynchronous_server() -> None:
    async with Server() as one, one.client() as client:
        assert await client.ping()


async def asynchronous_cluster() -> None:
    async with Cluster(primaries=1) as one:
        one.nodes[0].kill()


async def cancelled_start() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005), Cluster(primaries=10):
            pass


BLOCKING: dict[Callable[[], None], int] = {
    server: 55,
    primaries: 20,
    cluster: 15,
    sentinels: 5,
    failure_of_the_test: 10,
    failed_start: 10,
    bad_option: 10,
    faults: 10,
}
ASYNCHRONOUS: dict[Callable[[], Coroutine[Any, Any, None]], int] = {
    asynchronous_server: 40,
    asynchronous_cluster: 20,
    cancelled_start: 5,
}


@pytest.fixture
def everything_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _redis_pool: Pool) -> Any:
    _redis_pool.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server()
    SHARED.hold()
    try:
        before = census()
        yield
        assert census() == before
    finally:
        SHARED.release()


@pytest.mark.usefixtures("everything_is_gone")
def test_two_hundred_starts() -> None:
    for life, times in BLOCKING.items():
        for _ in range(times):
            life()

    async def in_one_loop() -> None:
        for life, times in ASYNCHRONOUS.items():
            for _ in range(times):
                await life()
            await asyncio.sleep(0)
            assert not work_of(asyncio.get_running_loop())

    asyncio.run(in_one_loop())
