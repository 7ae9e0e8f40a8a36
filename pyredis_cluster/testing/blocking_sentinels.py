"""Sentinel groups for tests without a running loop; see `blocking`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyredis_cluster.testing.blocking import BlockingNode
from pyredis_cluster.testing.remote_clock import BlockingClock
from pyredis_cluster.testing.remote_sentinels import RemoteSentinelGroup

if TYPE_CHECKING:
    from redis import Redis
    from redis.sentinel import Sentinel

    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.sentinel_group import SentinelGroup
    from pyredis_cluster.testing.snapshot import Data


class BlockingSentinelGroup(RemoteSentinelGroup[BlockingNode]):
    """See `SentinelGroup`; made by `with SentinelGroup(…) as group`."""

    def __init__(self, group: SentinelGroup, thread: LoopThread) -> None:
        super().__init__(group, thread, BlockingNode)

    @property
    def clock(self) -> BlockingClock:
        """See `SentinelGroup`."""
        return self.nodes[0].clock

    def client(self, **options: Any) -> Redis:
        """A redis-py client of whoever is primary; `options` are those of `redis.Redis`."""
        from pyredis_cluster.testing.sentinel_clients import PrimaryClient

        sentinel = self.sentinel_client()
        client: Redis = sentinel.master_for(  # type: ignore[no-untyped-call]
            self.master_name, redis_class=PrimaryClient, **options
        )
        return client

    def sentinel_client(self, **options: Any) -> Sentinel:
        """The `Sentinel` of redis-py, with its options: for `slave_for` and the like."""
        from redis.sentinel import Sentinel

        return Sentinel(self.sentinel_addresses, **options)  # type: ignore[no-untyped-call]

    def fail_over(self, limit_s: float = 60.0) -> None:
        """See `SentinelGroup`."""
        self._thread.run(self._group.fail_over(limit_s))

    def restore(self, snapshot: Data) -> None:
        """See `SentinelGroup`."""
        self._thread.run(self._group.restore(snapshot))

    def reset(self) -> None:
        """See `SentinelGroup`."""
        self._thread.run(self._group.reset())

    def wait_ready(self, limit_s: float = 60.0) -> None:
        """See `SentinelGroup`."""
        self._thread.run(self._group.wait_ready(limit_s))
