"""redis-py's asyncio clients against one node of a cluster and one standalone server.

Usage: with_asyncio.py CLUSTER STANDALONE (each host:port).
"""

import asyncio
import sys
from typing import Any

import redis
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ResponseError

KEY_COUNT = 1000
CONNECTION_COUNT = 50


async def data(client: Any, another: Any) -> None:
    """What both kinds of server must do."""

    async def part(first: int) -> None:
        for number in range(first, KEY_COUNT, CONNECTION_COUNT):
            await client.set(f"key:{number}", number)
            assert await client.get(f"key:{number}") == str(number)

    await asyncio.gather(*map(part, range(CONNECTION_COUNT)))

    await client.mset({"{tag}a": 1, "{tag}b": 2})
    assert await client.mget("{tag}a", "{tag}b") == ["1", "2"]
    refusal: Any = (await asyncio.gather(client.lpush("{tag}a", "x"), return_exceptions=True))[0]
    assert isinstance(refusal, ResponseError), refusal
    assert str(refusal).startswith("WRONGTYPE"), refusal

    pipe = client.pipeline(transaction=False)
    for number in range(KEY_COUNT):
        pipe.incr(f"key:{number}")
    assert await pipe.execute() == list(range(1, KEY_COUNT + 1))

    await client.set("brief", "x", px=40)
    assert await client.pttl("brief") > 0
    async with asyncio.timeout(5):
        while await client.exists("brief"):
            pass

    popper = asyncio.create_task(another.blpop("queue", 10))
    await asyncio.sleep(0)
    await client.rpush("queue", "job")
    assert list(await popper) == ["queue", "job"]


async def cluster(host: str, port: int, protocol: int) -> None:
    """The cluster through its own client."""
    options: dict[str, Any] = {"host": host, "port": port, "protocol": protocol, "decode_responses": True}
    async with RedisCluster(**options) as client, RedisCluster(**options) as another:
        await data(client, another)
        assert len(client.get_primaries()) == 3
        assert len({key async for key in client.scan_iter("key:*", count=100)}) == KEY_COUNT
        await client.flushall(target_nodes="primaries")


async def standalone(host: str, port: int, protocol: int) -> None:
    """One server, with channels and transactions."""
    options: dict[str, Any] = {"host": host, "port": port, "protocol": protocol, "decode_responses": True}
    async with Redis(**options) as client, Redis(**options) as another:
        await data(client, another)
        async with another.pubsub(ignore_subscribe_messages=True) as subscriber:
            await subscriber.subscribe("news")
            while await client.publish("news", "hello") != 1:
                pass
            async with asyncio.timeout(5):
                while (message := await subscriber.get_message(timeout=1)) is None:
                    pass
            assert message["data"] == "hello"
        async with client.pipeline(transaction=True) as pipe:
            pipe.set("n", 5)
            pipe.incr("n")
            assert await pipe.execute() == [True, 6]
        await client.flushall()


async def main() -> None:
    """Run with both protocols."""
    addresses = [(host, int(port)) for host, port in (word.rsplit(":", 1) for word in sys.argv[1:3])]
    for protocol in (2, 3):
        await cluster(*addresses[0], protocol)
        await standalone(*addresses[1], protocol)
        print(f"ok redis-py asyncio {redis.__version__} RESP{protocol}")


asyncio.run(main())
