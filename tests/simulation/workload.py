"""Clients that write while things go wrong, and remember what they were promised."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from random import Random

import hiredis

from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.protocol.slots import key_slot
from tests.simulation.cluster import SimulatedCluster
from tests.simulation.connections import Connections
from tests.simulation.rules import AcknowledgedWritesStay, ViolationError

_TIMEOUT_S = 0.3
_REDIRECTIONS = 3


@dataclass(slots=True)
class Key:
    """A set to which one client alone adds ever larger numbers.

    A set, because a request that was given up may be run late, after others of the same client.
    """

    name: str
    slot: int
    attempted: int = 0
    acknowledged: list[tuple[float, int]] = field(default_factory=list)


class Writer:
    """One client: writes its keys one after the other, follows redirections, gives up nothing.

    Two keys share a slot, so that some of its keys may have moved to another node when others have not.
    """

    def __init__(
        self, cluster: SimulatedCluster, random: Random, number: int, *, keys: int, pause_s: float
    ) -> None:
        self._cluster = cluster
        self._pause_s = pause_s
        self._random = random
        names = [f"{{{number}:{at // 2}}}:{at}" for at in range(keys)]
        self.keys = [Key(name, key_slot(name.encode())) for name in names]
        self._connections = Connections(cluster, number, _TIMEOUT_S)
        self._owners: dict[int, str] = {}
        self.is_stopping = False

    async def run(self) -> None:
        """Write until told to stop."""
        for key in itertools.cycle(self.keys):
            await self._write(key)
            await asyncio.sleep(self._pause_s)
            if self.is_stopping:
                break
        self._connections.close()

    async def _write(self, key: Key) -> None:
        key.attempted += 1
        address = self._owners.get(key.slot) or self._random.choice(self._cluster.hosts).address
        is_asking = False
        for _ in range(_REDIRECTIONS):
            try:
                reply = await self._connections.call(
                    address, "SADD", key.name, key.attempted, is_asking=is_asking
                )
            except (OSError, TimeoutError):
                break
            if isinstance(reply, int):
                if not is_asking:
                    self._owners[key.slot] = address
                key.acknowledged.append((self._cluster.world.now_s, key.attempted))
                return
            error = str(reply)
            if not (isinstance(reply, hiredis.ReplyError) and error.startswith(("MOVED", "ASK "))):
                break
            is_asking = error.startswith("ASK ")
            address = error.split()[2].rpartition(":")[0]
        self._owners.pop(key.slot, None)


def check_writes(
    cluster: SimulatedCluster,
    writers: list[Writer],
    moved_s: dict[int, list[float]],
    rule: AcknowledgedWritesStay,
) -> None:
    """Hold what is there in the end against what was promised; `moved_s` says when slots were on the move.

    Raises ViolationError.
    """
    for key in (key for writer in writers for key in writer.keys):
        server = cluster.owner_of(key.slot).server
        assert server is not None
        value = server.state.keyspace.databases[0].values.get(key.name.encode())
        there = set(map(int, value.members)) if isinstance(value, Set) else set()
        if not there <= set(range(1, key.attempted + 1)):
            raise ViolationError(f"{key.name} holds what nobody has written")
        for written_s, number in key.acknowledged:
            if number not in there:
                rule.is_gone(f"{number} of {key.name}", written_s, moved_s.get(key.slot, ()))
