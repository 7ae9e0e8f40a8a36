"""What `appendfsync always` promises: an acknowledged write is there after the next start, whatever happens.

Each seed is one machine with several servers in turn. Clients write, the append-only file is rewritten,
snapshots are taken, the disk fails now and then, and each server ends by a power failure, by kill -9 or in
order.
"""

from __future__ import annotations

import asyncio
import errno
import os
from random import Random

import pytest

from pyredis_cluster.testing.simulation.client import SimulatedClient
from pyredis_cluster.testing.simulation.world import SimulatedHost, SimulatedWorld
from tests.simulation.playing import play

pytestmark = pytest.mark.slow

_SEEDS = int(os.environ.get("PYREDIS_TEST_SEEDS", "500")) // 10
_PER_TEST = 10
_LIVES = 5
_WRITERS = 3
_KEYS_OF_WRITER = 30
_BROKEN = OSError(errno.EIO, "Input/output error")
_FULL = OSError(errno.ENOSPC, "No space left on device")


class Promises:
    """What each key has to hold: the last acknowledged value, or one that was written since."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, str] = {}
        self.attempted: dict[str, list[str]] = {}

    async def check(self, client: SimulatedClient) -> None:
        """Hold a server to them; what it has counts from now on."""
        for key in {**self.acknowledged, **self.attempted}:
            value = await client.call("GET", key)
            found = None if value is None else value.decode()
            allowed = [self.acknowledged.get(key), *self.attempted.get(key, [])]
            assert found in allowed, f"{key} holds {found!r:.20}, not one of {allowed!r:.200}"
            if found is not None:
                self.acknowledged[key] = found
        self.attempted.clear()


class Writer:
    """Writes its keys, some in transactions, until its connection is gone."""

    def __init__(self, promises: Promises, random: Random, number: int) -> None:
        self._promises = promises
        self._random = random
        self._number = number
        self._written = 0

    async def run(self, client: SimulatedClient) -> None:
        """Ends when the connection does."""
        random = self._random
        while True:
            self._written += 1
            key = f"{self._number}:{random.randrange(_KEYS_OF_WRITER)}"
            value = f"{self._number}-{self._written}-" + "x" * random.choice((0, 0, 5000))
            self._promises.attempted.setdefault(key, []).append(value)
            try:
                is_done = await self._write(client, key, value)
            except (OSError, TimeoutError):
                return
            if is_done:
                self._promises.acknowledged[key] = value
                self._promises.attempted[key] = []
            await asyncio.sleep(random.choice((0, 0.002, 0.02)))

    async def _write(self, client: SimulatedClient, key: str, value: str) -> bool:
        if self._random.random() < 0.8:
            return bool(await client.call("SET", key, value, timeout_s=10) == b"OK")
        for words in (("MULTI",), ("SET", key, value), ("INCR", "n")):
            await client.call(*words, timeout_s=10)
        return isinstance(await client.call("EXEC", timeout_s=10), list)


async def _disturb(host: SimulatedHost, client: SimulatedClient, random: Random) -> None:
    """Rewrites, snapshots and failures of the disk, until the server ends."""
    failures = host.disk.failures
    while True:
        await asyncio.sleep(random.uniform(0, 0.1))
        what = random.choices(
            ("BGREWRITEAOF", "BGSAVE", "files", "sync", "write", "heal", "sleep"), (30, 20, 10, 3, 3, 25, 5)
        )[0]
        try:
            if what == "files":
                failures[random.choice(("replace", "sync_directory", "open"))] = _FULL
            elif what == "sync":
                failures["sync"] = _BROKEN
            elif what == "write":
                failures["write"] = _FULL
                host.disk.short_bytes = random.choice((0, 3))
            elif what == "heal":
                failures.clear()
            elif what == "sleep":
                host.pause(0.05)
            else:
                await client.call(what, timeout_s=10)
        except (OSError, TimeoutError):
            return


async def _end(host: SimulatedHost, random: Random) -> None:
    host.disk.failures.clear()
    how = random.random()
    server = host.server
    assert server is not None
    if how < 0.5:
        host.lose_power()
    elif how < 0.8 or server.stopped.is_set():
        host.kill()
    else:
        server.shutdown(save=None, now=True, force=False)
        await asyncio.sleep(0.05)
        host.kill()


async def _live(world: SimulatedWorld, random: Random) -> None:
    host = world.host(
        appendonly=True,
        appendfsync="always",
        hz=100,
        auto_aof_rewrite_min_size=random.choice((100, 2000, 10**6)),
        auto_aof_rewrite_percentage=random.choice((10, 100)),
        aof_use_rdb_preamble=random.random() < 0.7,
        aof_timestamp_enabled=random.random() < 0.3,
        rdb_key_save_delay=random.choice((0, 0, 300)),
    )
    promises = Promises()
    writers = [Writer(promises, Random(random.random()), number) for number in range(_WRITERS)]
    for _ in range(_LIVES):
        host.disk.sync_s = random.choice((0.0001, 0.005, 0.05))
        await host.start()
        await promises.check(await world.connect(host))
        tasks = [asyncio.ensure_future(writer.run(await world.connect(host))) for writer in writers]
        tasks.append(asyncio.ensure_future(_disturb(host, await world.connect(host), random)))
        await asyncio.sleep(random.uniform(0, 2))
        await _end(host, random)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("first", range(0, _SEEDS, _PER_TEST))
def test_acknowledged_writes_are_there_after_each_start(first: int) -> None:
    for seed in range(first, min(first + _PER_TEST, _SEEDS)):
        play(seed, _live)
