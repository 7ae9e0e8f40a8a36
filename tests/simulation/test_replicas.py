"""Three servers that replicate, in a star or a chain, while everything about it is changed all the time.

Roles, append-only files, how snapshots travel, cut links, servers that sleep longer than the timeout, and
disks that are full for a while. In the end all hold the same data, and so do their append-only files.
"""

from __future__ import annotations

import asyncio
import errno
import os
from random import Random
from typing import Any

import pytest

from pyredis_cluster.testing.simulation.client import SimulatedClient
from pyredis_cluster.testing.simulation.world import SimulatedHost, SimulatedWorld
from tests.simulation.playing import play

pytestmark = pytest.mark.slow

_SEEDS = int(os.environ.get("PYREDIS_TEST_SEEDS", "500")) // 20
_PER_TEST = 10
_STEPS = 60
_KEYS = 60
_SETTLE_S = 60.0
_PATIENCE_S = 30.0
_FULL = OSError(errno.ENOSPC, "No space left on device")
_PERSISTENCE = ("no", "everysec", "always")
_LOADING = ("disabled", "swapdb", "on-empty-db")


class Trio:
    """A primary and two replicas, each with a client."""

    def __init__(self, world: SimulatedWorld, random: Random) -> None:
        self._world = world
        self._random = random
        self._is_chain = random.random() < 0.5
        self._written = 0
        self._clients: dict[SimulatedHost, SimulatedClient] = {}
        self.hosts = [self._host() for _ in range(3)]

    def _host(self) -> SimulatedHost:
        random = self._random
        return self._world.host(
            enable_debug_command=True,
            appendonly=random.random() < 0.6,
            appendfsync=random.choice(_PERSISTENCE),
            auto_aof_rewrite_min_size=500,
            save=random.choice(("", "1 1")),
            repl_diskless_sync=random.random() < 0.6,
            repl_diskless_sync_delay=0,
            repl_diskless_load=random.choice(_LOADING),
            repl_backlog_size="16kb",
            repl_timeout=5,
            rdb_key_save_delay=random.choice((0, 2000)),
            key_load_delay=random.choice((0, 2000)),
            rdb_del_sync_files=random.random() < 0.5,
        )

    async def call(self, host: SimulatedHost, *words: str | int) -> Any:
        """Send a request to a server. Raises OSError and TimeoutError."""
        client = self._clients.get(host)
        if client is None or not client.is_connected:
            client = self._clients[host] = await self._world.connect(host)
        return await client.call(*words, timeout_s=_PATIENCE_S)

    async def link(self) -> None:
        """Have the second and third server follow the first one, or each other in a row."""
        primary, second, third = self.hosts
        await self.call(primary, "REPLICAOF", "NO", "ONE")
        await self.call(second, "REPLICAOF", primary.address, primary.port)
        above = second if self._is_chain else primary
        await self.call(third, "REPLICAOF", above.address, above.port)

    async def step(self) -> None:
        """Have something happen."""
        random = self._random
        primary, *replicas = self.hosts
        host, replica = random.choice(self.hosts), random.choice(replicas)
        what = random.choices(
            ("write", "set", "link", "do", "sleep", "full disk"), weights=(40, 17, 12, 25, 3, 3)
        )[0]
        if what == "write":
            for _ in range(random.randrange(30)):
                await self.call(primary, *self._write())
        elif what == "set":
            await self.call(host, "CONFIG", "SET", *random.choice(self._settings()))
        elif what == "link":
            await self.link()
        elif what == "do":
            await self.call(*random.choice(self._deeds(host, replica)))
        elif what == "sleep":
            primary.pause(7)
        else:
            replica.disk.error = _FULL
            await asyncio.sleep(random.uniform(0, 3))
            replica.disk.error = None

    def _write(self) -> tuple[str | int, ...]:
        random = self._random
        self._written += 1
        number, key = self._written, str(random.randrange(_KEYS))
        writes: tuple[tuple[str | int, ...], ...] = (
            ("SET", f"s{key}", f"{number}" + "y" * random.choice((0, 400))),
            ("RPUSH", f"l{key}", number),
            ("SADD", "set", number),
            ("SPOP", "set"),
            ("SELECT", random.randrange(3)),
            ("PEXPIRE", f"s{key}", random.choice((5, 50, 5000))),
            ("XADD", f"x{key}", "*", "field", number),
            ("INCR", "counter"),
        )
        return random.choices(writes, weights=(50, 10, 10, 5, 5, 5, 5, 10))[0]

    def _settings(self) -> list[tuple[str, str]]:
        choose = self._random.choice
        return [
            ("appendonly", choose(("yes", "no"))),
            ("appendfsync", choose(_PERSISTENCE)),
            ("repl-diskless-load", choose(_LOADING)),
        ]

    def _deeds(self, host: SimulatedHost, replica: SimulatedHost) -> list[Any]:
        primary = self.hosts[0]
        return [
            (host, "BGREWRITEAOF"),
            (host, "BGSAVE"),
            (replica, "REPLICAOF", "NO", "ONE"),
            (replica, "REPLICAOF", primary.address, primary.port),
            (host, "CLIENT", "KILL", "TYPE", self._random.choice(("replica", "master"))),
            (host, "CLIENT", "PAUSE", 300, self._random.choice(("WRITE", "ALL"))),
            (primary, "FLUSHALL"),
        ]

    async def digests(self) -> list[bytes]:
        """What DEBUG DIGEST says of each."""
        return [await self.call(host, "DEBUG", "DIGEST") for host in self.hosts]

    async def reload(self, host: SimulatedHost) -> None:
        """Have a server forget its data and read its append-only file."""
        await self.call(host, "CONFIG", "SET", "appendonly", "yes")
        await asyncio.sleep(_SETTLE_S)
        assert b"aof_enabled:1" in await self.call(host, "INFO", "persistence")
        assert await self.call(host, "DEBUG", "LOADAOF") == b"OK"


async def _live(world: SimulatedWorld, random: Random) -> None:
    trio = Trio(world, random)
    for host in trio.hosts:
        await host.start()
    await trio.link()
    for _ in range(_STEPS):
        await trio.step()
        await asyncio.sleep(random.choice((0, 0.01, 0.3, 2)))
        if not all(host.is_up for host in trio.hosts):
            # Under `always` a server ends where it cannot write.
            return
    await trio.link()
    await trio.call(trio.hosts[0], "SET", "final", 1)
    await asyncio.sleep(_SETTLE_S)
    digests = await trio.digests()
    assert len(set(digests)) == 1, digests
    for host in reversed(trio.hosts):
        await trio.reload(host)
    assert await trio.digests() == digests, "after the append-only files were read"


@pytest.mark.parametrize("first", range(0, _SEEDS, _PER_TEST))
def test_replicas_agree_in_the_end(first: int) -> None:
    for seed in range(first, min(first + _PER_TEST, _SEEDS)):
        play(seed, _live)
