"""A slot on its way from one primary to another, as resharding moves it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.testing.cluster_node import ClusterNode

_KEYS_AT_ONCE = 100
_TIMEOUT_MS = 10_000


class SlotMigration:
    """One slot, which `source` has and `target` is to get.

    The steps are those of `redis-cli --cluster reshard`, by the same commands; a test may stop after any.
    """

    def __init__(self, slot: int, source: ClusterNode, target: ClusterNode) -> None:
        self.slot = slot
        self.source = source
        self.target = target

    def open(self) -> None:
        """Mark the slot importing at the target and migrating at the source. Raises CommandError."""
        self.target.cluster.mark_importing(self.slot, self.source.node_id)
        self.source.cluster.mark_migrating(self.slot, self.target.node_id)

    async def move_keys(self, part: float = 1.0) -> list[bytes]:
        """Move that part of the keys that the source has, in the order of their names; returns them.

        Raises redis.ResponseError, and the errors of connections.
        """
        database = self.source.server.state.keyspace.databases[0]
        count = database.count_keys_in_slot(self.slot)
        keys = sorted(database.keys_in_slot(self.slot, count))[: math.ceil(count * part)]
        if not keys:
            return keys
        async with self.source.client() as client:
            for at in range(0, len(keys), _KEYS_AT_ONCE):
                await client.migrate(
                    self.target.host,
                    self.target.port,
                    keys[at : at + _KEYS_AT_ONCE],
                    destination_db=0,
                    timeout=_TIMEOUT_MS,
                    auth=self.target.password,
                )
        return keys

    async def finish(self, primaries: Iterable[ClusterNode] = ()) -> None:
        """Move what keys are left, make the target the owner, and tell other primaries at once."""
        while await self.move_keys():
            pass
        for node in (self.target, self.source, *primaries):
            node.cluster.assign_slot(self.slot, self.target.node_id)
