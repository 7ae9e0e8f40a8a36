"""A client of redis-py's asyncio form that does what it is told: see `README.md`.

Usage: remote_asyncio.py asyncio|uvloop HOST:PORT...
"""

import asyncio
import importlib
import itertools
import sys
from typing import Any, cast

import redis
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode

OPTIONS: dict[str, Any] = {"decode_responses": True, "socket_timeout": 0.5}


class Writer:
    """Sets keys of its own, one after the other, until it is to end."""

    run_count = itertools.count()

    def __init__(self, client: RedisCluster) -> None:
        self.client = client
        self.prefix = f"written:{next(self.run_count)}"
        self.acknowledged: list[int] = []
        self.refused = self.streak = 0
        self.ending = False
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        """Write."""
        for number in itertools.count():
            if self.ending:
                return
            try:
                await self.client.set(f"{self.prefix}:{number}", number)
                self.acknowledged.append(number)
                self.streak += 1
            except redis.RedisError:
                self.refused += 1
                self.streak = 0
            await asyncio.sleep(0.002)

    async def stop(self) -> str:
        """End, and see what is there of all that was acknowledged."""
        self.ending = True
        await self.task
        got = [await self.client.get(f"{self.prefix}:{number}") for number in self.acknowledged]
        lost = sum(value != str(number) for value, number in zip(got, self.acknowledged, strict=True))
        return f"{len(self.acknowledged)} {self.refused} {lost}"


class Remote:
    """The instructions."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.writer: Writer | None = None

    async def execute(self, name: str, *words: str) -> object:
        """Do what one line asks for."""
        match name:
            case "get":
                return await self.client.get(*words)
            case "set":
                return "OK" if await self.client.set(*words) else None
            case "mget":
                return " ".join(await self.client.mget(*words))
            case "call":
                host, port = words[0].split(":")
                async with Redis(host=host, port=int(port), **OPTIONS) as node:
                    return await cast(Any, node).execute_command(*words[1:])
            case "write":
                self.writer = Writer(self.client)
                return "writing"
        assert self.writer is not None
        if name == "stop":
            return await self.writer.stop()
        return f"{len(self.writer.acknowledged)} {self.writer.refused} {self.writer.streak}"


async def main() -> None:
    """Answer each line."""
    nodes = [ClusterNode(host, int(port)) for host, port in (word.split(":") for word in sys.argv[2:])]
    async with RedisCluster(startup_nodes=nodes, **OPTIONS) as client:
        remote = Remote(client)
        print("redis-py", redis.__version__, f"on {sys.argv[1]}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                answer = str(await remote.execute(*line.rstrip("\n").split("\t")))
            except Exception as error:
                answer = f"! {type(error).__name__}: {error}".replace("\n", " ")
            print(answer, flush=True)


with asyncio.Runner(loop_factory=importlib.import_module(sys.argv[1]).new_event_loop) as runner:
    runner.run(main())
