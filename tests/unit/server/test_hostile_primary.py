"""A primary that sends nonsense: it costs the link, never the server."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.virtual import World, run
from tests.support.virtual_primary import ADDRESS, MARK, REPLID, Primary, rdb
from tests.support.wire import encode

SEEDS = 10
COMMANDS = [f"SET k{number} {'v' * number}" for number in range(20)]
TALK = b"".join(
    (
        b"+PONG\r\n+OK\r\n+OK\r\n",
        b"+FULLRESYNC %b 10\r\n" % REPLID.encode(),
        b"\n$EOF:%b\r\n" % MARK,
        rdb(*COMMANDS, "RPUSH l a b c", "ZADD z 1 a 2 b", "HSET h f v"),
        MARK,
        encode(("SELECT", 1)),
        encode(("SET", "k", "v")),
        encode(("MULTI",)),
        encode(("INCR", "n")),
        encode(("EXEC",)),
        encode(("REPLCONF", "GETACK", "*")),
        b"\n",
    )
)


def mutated(rng: random.Random) -> bytes:
    """What a primary says, with something wrong."""
    data = bytearray(TALK)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                del data[place : place + rng.randrange(1, 50)]
            case 2:
                data[place:place] = rng.randbytes(rng.randrange(1, 20))
            case 3:
                data[place:place] = rng.choice(
                    (b"\r\n", b"-ERR x\r\n", b"*1\r\n", b"$99999999\r\n", b"+\r\n")
                )
            case 4:
                data[place:] = data[place : place + 30] * 5
    return bytes(data)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("where", ["disabled", "swapdb"])
def test_nonsense(seed: int, where: str) -> None:
    async def scenario(world: World) -> None:
        rng = world.random
        primary = Primary(world)
        server = await world.serve(repl_diskless_load=where, repl_timeout=5)
        client = await world.peer(server)
        await client.call("REPLICAOF", ADDRESS, 6379)
        for _ in range(5):
            link = await primary.accept()
            data = mutated(rng)
            while data and not link.is_closed:
                size = rng.choice((1, 7, 60, 2000, len(data)))
                link.transport.write(data[:size])
                data = data[size:]
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.1)
            link.cut()
        assert await client.call("PING") == b"+PONG\r\n"
        # A primary that is in order again is followed as ever.
        link = await primary.accept()
        await link.until_psync()
        link.full_resync(rdb("SET k v"), offset=1000)
        await link.acknowledges(1000)
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"

    run(scenario, seed)
