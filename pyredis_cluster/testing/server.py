"""One server in the test's own process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from pyredis_cluster.testing.blocking import BlockingNode
from pyredis_cluster.testing.hosted import Hosted
from pyredis_cluster.testing.loop_thread import SHARED
from pyredis_cluster.testing.node import Node, Surroundings
from pyredis_cluster.testing.settings import DirectiveValue


class Server(Hosted[Node]):
    """A server that accepts clients when the block begins; `server` is a `Node`.

        async with Server(config={"maxmemory": "10mb"}) as server:
            await server.client().set("key", "value")

    Outside a running loop it is `with`, `server` is a `BlockingNode`, and nothing is awaited.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, DirectiveValue] | None = None,
        port: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(1, ports=[port] if port else None, seed=seed)
        self._directives = dict(config or {})
        if "port" in self._directives:
            raise ValueError("there is `port` for the port of a server")
        directory = self._directives.get("dir")
        if directory is not None and not os.path.isdir(str(directory)):
            raise ValueError(f"dir {str(directory)!r}: no such directory")

    async def _make(self, surroundings: Surroundings, ports: Sequence[int]) -> None:
        self.nodes = [Node(surroundings, ports[0], self._directives)]
        await self.nodes[0].start()

    async def reset(self) -> None:
        """Be as at first: the server runs and is a primary, with the first configuration and no data."""
        node = self.nodes[0]
        if node.is_up:
            node.resume()
        if node.is_up and not node.is_replica and not self.surroundings.is_time_moved:
            node.clear()
        else:
            node.forget()
            self.surroundings.set_time_back()
            await node.start()
        self.surroundings.timeline.begin()

    async def __aenter__(self) -> Node:
        await self.start()
        return self.nodes[0]

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def __enter__(self) -> BlockingNode:
        SHARED.start(self)
        return BlockingNode(self.nodes[0], SHARED)

    def __exit__(self, *error: object) -> None:
        SHARED.stop(self)
