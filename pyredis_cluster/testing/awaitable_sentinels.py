"""Sentinel groups for tests with a loop of their own, whichever; see `awaitable`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyredis_cluster.testing.awaitable import AwaitableNode
from pyredis_cluster.testing.remote_clock import AwaitableClock
from pyredis_cluster.testing.remote_sentinels import RemoteSentinelGroup

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.sentinel import Sentinel

    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.sentinel_group import SentinelGroup
    from pyredis_cluster.testing.snapshot import Data


class AwaitableSentinelGroup(RemoteSentinelGroup[AwaitableNode]):
    """See `SentinelGroup`."""

    def __init__(self, group: SentinelGroup, thread: LoopThread) -> None:
        super().__init__(group, thread, AwaitableNode)

    @property
    def clock(self) -> AwaitableClock:
        """See `SentinelGroup`."""
        return self.nodes[0].clock

    def client(self, **options: Any) -> Redis:
        """See `SentinelGroup`."""
        return self._group.client(**options)

    def sentinel_client(self, **options: Any) -> Sentinel:
        """See `SentinelGroup`."""
        return self._group.sentinel_client(**options)

    async def fail_over(self, limit_s: float = 60.0) -> None:
        """See `SentinelGroup`."""
        await self._thread.wait(self._group.fail_over(limit_s))

    async def restore(self, snapshot: Data) -> None:
        """See `SentinelGroup`."""
        await self._thread.wait(self._group.restore(snapshot))

    async def reset(self) -> None:
        """See `SentinelGroup`."""
        await self._thread.wait(self._group.reset())

    async def wait_ready(self, limit_s: float = 60.0) -> None:
        """See `SentinelGroup`."""
        await self._thread.wait(self._group.wait_ready(limit_s))
