"""Three servers that replicate from each other over links that fail at random: in the end all agree."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.inloop import TestServer
from tests.support.virtual import VirtualPeer, World, run, until
from tests.support.wire import Arg

STEPS = 40
NAMES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


class Trio:
    """Servers, clients of them, and what happens to them."""

    def __init__(self, world: World, servers: list[TestServer], clients: list[VirtualPeer]) -> None:
        self.world = world
        self.servers = servers
        self.clients = clients
        self.primary = 0
        self.rng = world.random

    @classmethod
    async def start(cls, world: World) -> Trio:
        """All started; the second and the third follow the first."""
        rng = world.random
        servers = [
            await world.serve(
                name,
                repl_diskless_sync_delay=0,
                repl_timeout=5,
                repl_ping_replica_period=1,
                repl_backlog_size=rng.choice((16384, 1 << 20)),
                repl_diskless_sync=rng.choice((True, False)),
                repl_diskless_load=rng.choice(("disabled", "on-empty-db", "swapdb")),
                appendonly=rng.random() < 0.3,
            )
            for name in NAMES
        ]
        trio = cls(world, servers, [await world.peer(server) for server in servers])
        await trio.arrange(0)
        return trio

    async def call(self, index: int, *words: Arg) -> bytes:
        """The reply of one of them."""
        return await self.clients[index].call(*words)

    async def arrange(self, primary: int) -> None:
        """Make one of them the primary; the others follow it, or each other in a chain."""
        self.primary = primary
        assert (await self.call(primary, "REPLICAOF", "NO", "ONE")).startswith((b"+OK", b"-LOADING"))
        others = [index for index in range(3) if index != primary]
        self.rng.shuffle(others)
        followed = [primary, self.rng.choice((primary, others[0]))]
        for index, target in zip(others, followed, strict=True):
            await self.call(index, "REPLICAOF", NAMES[target], 6379)

    async def write(self, count: int) -> None:
        """Some commands of the kinds that streams are made of."""
        rng, client = self.rng, self.clients[self.primary]
        for _ in range(count):
            key = f"k{rng.randrange(20)}"
            command: tuple[Arg, ...] = rng.choice(
                (
                    ("SET", key, rng.randrange(1000)),
                    ("SET", key, "x" * rng.randrange(3000)),
                    ("SET", key, 1, "PX", rng.randrange(1, 3000)),
                    ("INCR", "counter"),
                    ("DEL", key),
                    ("RPUSH", "list", "a", "b"),
                    ("LPOP", "list"),
                    ("SADD", "set", rng.randrange(50)),
                    ("SPOP", "set"),
                    ("SELECT", rng.randrange(3)),
                    ("MULTI",),
                    ("EXEC",),
                )
            )
            client.send(*command)
        client.send("EXEC")
        await client.call("ECHO", "end")
        await asyncio.sleep(0.01)
        client.data.clear()

    async def trouble(self) -> None:
        """Something goes wrong, or is changed."""
        rng, network = self.rng, self.world.network
        one, other = rng.sample(NAMES, 2)
        match rng.randrange(8):
            case 0:
                network.partition([one], [name for name in NAMES if name != one])
            case 1:
                network.cut(one, other)
            case 2 | 3:
                network.heal()
            case 4:
                await self.call(rng.randrange(3), "CLIENT", "KILL", "TYPE", "master")
            case 5:
                await self.call(rng.randrange(3), "CLIENT", "KILL", "TYPE", "replica")
            case 6:
                index = rng.randrange(3)
                await self.call(index, "DEBUG", "SLEEP", rng.choice((1, 4, 8)))
            case 7:
                await self.arrange(rng.randrange(3))

    async def settle(self) -> None:
        """All is well again, and everybody catches up."""
        self.world.network.heal()
        links = [server.replication_roles for server in self.servers]
        await until(lambda: all(link.primary is None or link.is_link_up for link in links))
        await asyncio.sleep(4)
        await until(lambda: len({server.state.replication.offset for server in self.servers}) == 1)


async def scenario(world: World) -> None:
    trio = await Trio.start(world)
    for _ in range(STEPS):
        await trio.write(trio.rng.randrange(30))
        await trio.trouble()
        await asyncio.sleep(trio.rng.choice((0.01, 0.5, 3, 10)))
    await trio.settle()
    assert [server.replication_roles.primary is None for server in trio.servers].count(True) == 1
    assert len({server.state.replication.replid for server in trio.servers}) == 1
    digests = [await trio.call(index, "DEBUG", "DIGEST") for index in range(3)]
    assert len(set(digests)) == 1
    assert not [line for server in trio.servers for line in server.logged() if "CRITICAL" in line]
    full = sum(server.state.statistics.sync_full for server in trio.servers)
    partial = sum(server.state.statistics.sync_partial_ok for server in trio.servers)
    assert full
    assert partial


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_all_have_the_same_in_the_end(seed: int) -> None:
    run(scenario, seed)
