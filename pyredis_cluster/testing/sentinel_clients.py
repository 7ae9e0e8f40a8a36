"""Clients of redis-py that ask sentinels for the primary, and close what they asked with."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelConnectionPool
from redis.sentinel import SentinelConnectionPool


class PrimaryClient(redis.Redis):
    """Made by `redis.sentinel.Sentinel.master_for`."""

    def close(self) -> None:
        """See redis-py; the clients of the sentinels are closed too."""
        super().close()
        pool = self.connection_pool
        if isinstance(pool, SentinelConnectionPool):
            for sentinel in pool.sentinel_manager.sentinels:
                sentinel.close()


class AsyncPrimaryClient(redis.asyncio.Redis):
    """Made by `redis.asyncio.sentinel.Sentinel.master_for`."""

    async def aclose(self, close_connection_pool: bool | None = None) -> Any:
        """See redis-py; the clients of the sentinels are closed too."""
        await super().aclose(close_connection_pool)
        pool = self.connection_pool
        if isinstance(pool, AsyncSentinelConnectionPool):
            for sentinel in pool.sentinel_manager.sentinels:
                await sentinel.aclose()
