"""Clients that write while things go wrong, and remember what they were promised."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass, field

import hiredis

from pyredis_cluster.keyspace.types.set import Set
from pyredis_cluster.protocol.slots import key_slot
from pyredis_cluster.testing.simulation.client import SimulatedClient
from pyredis_cluster.testing.simulation.world import SimulatedHost
from tests.simulation.cluster import SimulatedCluster, core_of

_PAUSE_S = 0.05
_TIMEOUT_S = 0.3
_PROMOTED = re.compile(
    r"Failover election won|Taking over the master|configEpoch updated after successful failover"
)


@dataclass(slots=True)
class Key:
    """A set to which one client alone adds ever larger numbers.

    A set, because a request that was given up may be run late, after others of the same client.
    """

    name: str
    attempted: int = 0
    acknowledged: list[tuple[float, int]] = field(default_factory=list)


class Writer:
    """One client: writes its keys one after the other, follows redirections, gives up nothing."""

    def __init__(self, cluster: SimulatedCluster, number: int, keys: int) -> None:
        self._cluster = cluster
        self._number = number
        self.keys = [Key(f"key:{number}:{at}") for at in range(keys)]
        self._clients: dict[str, SimulatedClient] = {}
        self._owners: dict[int, str] = {}
        self._random = cluster.world.random
        self.is_stopping = False

    async def run(self) -> None:
        """Write until told to stop."""
        for key in itertools.cycle(self.keys):
            await self._write(key)
            await asyncio.sleep(_PAUSE_S)
            if self.is_stopping:
                break
        for client in self._clients.values():
            client.close()

    async def _write(self, key: Key) -> None:
        key.attempted += 1
        slot = key_slot(key.name.encode())
        address = self._owners.get(slot) or self._random.choice(self._cluster.hosts).address
        for _ in range(3):
            try:
                reply = await self._call(address, "SADD", key.name, key.attempted)
            except (OSError, TimeoutError):
                self._owners.pop(slot, None)
                return
            if isinstance(reply, int):
                self._owners[slot] = address
                key.acknowledged.append((self._cluster.world.now_s, key.attempted))
                return
            if isinstance(reply, hiredis.ReplyError) and str(reply).startswith(("MOVED", "ASK")):
                address = str(reply).split()[2].rpartition(":")[0]
                self._owners[slot] = address
                continue
            self._owners.pop(slot, None)
            return

    async def _call(self, address: str, *words: str | int) -> object:
        client = self._clients.get(address)
        if client is None or not client.is_connected:
            network = self._cluster.world.client_network(self._number)
            client = await SimulatedClient.connect(network, address, self._port, _TIMEOUT_S)
            self._clients[address] = client
        try:
            return await client.call(*words, timeout_s=_TIMEOUT_S)
        except TimeoutError:
            client.close()
            del self._clients[address]
            raise

    @property
    def _port(self) -> int:
        return self._cluster.hosts[0].port


class LostWriteError(AssertionError):
    """A write was acknowledged and is gone, and no failover explains it."""


class Promotions:
    """When which replicas took over, learned from what they logged."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._seen_events = 0
        self.times_s: list[float] = []

    def look(self) -> None:
        """Take in what was logged since the last time."""
        world = self._cluster.world
        fresh = world.events_since(self._seen_events)
        self._seen_events = world.event_count
        for time_s, _, what in fresh:
            if _PROMOTED.search(what):
                self.times_s.append(time_s)

    def explain(self, written_s: float, window_s: float) -> bool:
        """Whether a write of that time may have been lost to a failover."""
        return any(promoted_s - window_s <= written_s <= promoted_s + window_s for promoted_s in self.times_s)


def check_writes(
    cluster: SimulatedCluster, writers: list[Writer], promotions: Promotions, window_s: float
) -> int:
    """Hold what is there against what was promised; the number of writes that failovers have cost.

    Raises LostWriteError.
    """
    owners = {slot: host for host in cluster.hosts for slot in _served(host)}
    lost = 0
    for writer in writers:
        for key in writer.keys:
            name = key.name.encode()
            server = owners[key_slot(name)].server
            assert server is not None
            value = server.state.keyspace.databases[0].values.get(name)
            there = set(map(int, value.members)) if isinstance(value, Set) else set()
            if not there <= set(range(1, key.attempted + 1)):
                raise LostWriteError(f"{key.name} holds what nobody has written")
            for written_s, number in key.acknowledged:
                if number in there:
                    continue
                lost += 1
                if not promotions.explain(written_s, window_s):
                    raise LostWriteError(f"{number} of {key.name}, acknowledged at {written_s:.3f} s")
    return lost


def _served(host: SimulatedHost) -> list[int]:
    me = core_of(host).state.myself
    return [slot for slot in range(16384) if me.is_primary and me.owns(slot)]
