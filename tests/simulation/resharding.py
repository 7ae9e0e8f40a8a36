"""An administrator who moves slots while things go wrong, may give up anywhere, and mends it all at last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import hiredis

from pyredis_cluster.protocol.slots import SLOT_COUNT
from tests.simulation.cluster import PORT, SimulatedCluster, core_of
from tests.simulation.connections import Connections
from tests.simulation.rules import ViolationError

_MACHINE = 100
_TIMEOUT_S = 1.0
_MIGRATE_TIMEOUT_MS = 500
_GIVES_UP = 0.02
"""The chance, with each request, that the administrator is heard of no more."""
_KEYS_AT_ONCE = 10
_ALL_KEYS = 100
_CLIENTS_SETTLE_S = 0.5
"""After so long no client follows an older redirection any more."""
_ATTEMPTS = 20


class _GivenUpError(Exception):
    """A step failed, or was not made: what was begun stays as it is."""


class Administrator:
    """Moves slots as redis-cli does, step by step; each of them may be the last."""

    def __init__(self, cluster: SimulatedCluster, random: Random, slots: list[int]) -> None:
        self._cluster = cluster
        self._random = random
        self._slots = slots
        self._connections = Connections(cluster, _MACHINE, _TIMEOUT_S)
        self._is_steadfast = False
        self.moved_s: dict[int, list[float]] = {}
        """Slot → when its keys were on the move."""
        self.moves = 0
        """How many slots have arrived."""

    async def run(self, pause_s: float) -> None:
        """Move one slot after the other for as long as the task lives."""
        while True:
            await asyncio.sleep(self._random.uniform(0, 2 * pause_s))
            try:
                if self._random.random() < 0.5 and (begun := self._begun()) is not None:
                    await self._carry_on(*begun)
                else:
                    await self._begin()
            except (_GivenUpError, OSError, TimeoutError) as error:
                self._note(f"gave up: {error!r}")
                # Whoever comes next has connections of its own.
                self._connections.close()

    def _note(self, what: str) -> None:
        self._cluster.world.note("admin", f"-- {what}")

    # One slot from node to node

    async def _begin(self) -> None:
        """Move any slot that no node has open."""
        slot = self._random.choice(self._slots)
        state = core_of(self._random.choice(self._cluster.up)).state
        owner = state.slots[slot]
        others = [
            node
            for node in state.nodes.values()
            if node.is_primary and node is not owner and not node.is_failed and node.slot_count
        ]
        if owner is None or not others or self._is_open(slot):
            return
        target = self._random.choice(others)
        self._note(f"moves slot {slot} from {owner.ip} to {target.ip}")
        await self._do(target.ip, "CLUSTER", "SETSLOT", slot, "IMPORTING", owner.node_id)
        await self._do(owner.ip, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.node_id)
        await self._move(slot, owner.ip, target.ip, target.node_id)

    def _is_open(self, slot: int) -> bool:
        states = [core_of(host).state for host in self._cluster.up]
        return any(slot in state.migrating_to or slot in state.importing_from for state in states)

    def _begun(self) -> tuple[int, str, str, str] | None:
        """A move that someone has begun, both nodes being ready for it: slot, source, target and its id."""
        for host in self._cluster.up:
            for slot, node in core_of(host).state.migrating_to.items():
                target = self._cluster.host_of(node.node_id)
                if target is not None and slot in core_of(target).state.importing_from:
                    return slot, host.address, target.address, node.node_id
        return None

    async def _carry_on(self, slot: int, source: str, target: str, target_id: str) -> None:
        self._note(f"carries on with slot {slot} from {source} to {target}")
        await self._move(slot, source, target, target_id)

    async def _move(self, slot: int, source: str, target: str, target_id: str) -> None:
        count = self._random.choice((1, _KEYS_AT_ONCE))
        while keys := await self._keys_of(slot, source, count):
            await self._migrate(slot, source, target, keys)
        self._is_moving(slot)
        await self._do(target, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
        self._is_moving(slot)
        self.moves += 1
        await self._do(source, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
        for host in self._cluster.up:
            if core_of(host).state.myself.is_primary and host.address not in (source, target):
                await self._do(host.address, "CLUSTER", "SETSLOT", slot, "NODE", target_id)

    async def _keys_of(self, slot: int, address: str, most: int) -> list[bytes]:
        keys = await self._do(address, "CLUSTER", "GETKEYSINSLOT", slot, most)
        assert isinstance(keys, list)
        return keys

    async def _migrate(self, slot: int, source: str, target: str, keys: list[bytes]) -> None:
        self._is_moving(slot)
        reply = await self._do(source, "MIGRATE", target, PORT, "", 0, _MIGRATE_TIMEOUT_MS, "KEYS", *keys)
        self._is_moving(slot)
        if reply not in (b"OK", b"NOKEY"):
            raise _GivenUpError(reply)

    def _is_moving(self, slot: int) -> None:
        self.moved_s.setdefault(slot, []).append(self._cluster.world.now_s)

    async def _do(self, address: str, *words: bytes | str | int, is_asking: bool = False) -> object:
        if not self._is_steadfast and self._random.random() < _GIVES_UP:
            raise _GivenUpError
        reply = await self._connections.call(address, *words, is_asking=is_asking)
        if isinstance(reply, hiredis.ReplyError):
            raise _GivenUpError(str(reply))
        return reply

    # Repair

    async def close_slots(self) -> None:
        """Let no slot be open: a node that imports a slot does not believe its owner.

        Raises AssertionError where that does not succeed.
        """
        await self._insist(self._close_slots)

    async def cover_slots(self) -> None:
        """Give slots that no node claims to one of them, if possible to one that has their keys.

        A slot that was moved on one side of a partition may be lost so: its new owner believes the other
        side, which has it with the former owner, who has given it up. Other slots without owner are errors.
        Raises AssertionError, also where it does not succeed.
        """
        await self._insist(self._cover_slots)

    async def _cover_slots(self) -> None:
        primaries = [host for host in self._cluster.up if core_of(host).state.myself.is_primary]
        claimed = 0
        for host in primaries:
            claimed |= int.from_bytes(core_of(host).state.myself.slots, "little")
        for slot in range(SLOT_COUNT):
            if claimed >> slot & 1:
                continue
            if slot not in self.moved_s:
                raise ViolationError(f"slot {slot} is nobody's, and was never moved")
            holders = [host for host in primaries if slot in self._cluster.slots_with_keys(host)]
            heir = (holders or primaries)[0]
            owner = heir.address
            self._note(f"gives slot {slot} to {owner}")
            if core_of(heir).state.slots[slot] is not None:
                await self._do(owner, "CLUSTER", "DELSLOTS", slot)
            await self._do(owner, "CLUSTER", "ADDSLOTS", slot)
            await self._do(owner, "CLUSTER", "BUMPEPOCH")

    async def bring_keys_home(self) -> None:
        """Bring all keys to the owners of their slots, which all nodes agree on.

        Raises AssertionError where that does not succeed.
        """
        await asyncio.sleep(_CLIENTS_SETTLE_S)
        await self._insist(self._bring_keys_home)
        self._connections.close()

    async def _insist(self, attempt: Callable[[], Awaitable[None]]) -> None:
        self._is_steadfast = True
        for _ in range(_ATTEMPTS):
            try:
                await attempt()
                return
            except (_GivenUpError, OSError, TimeoutError) as error:
                self._note(f"has to try again: {error!r}")
                self._connections.close()
                await asyncio.sleep(_CLIENTS_SETTLE_S)
        raise AssertionError("the cluster cannot be repaired")

    async def _close_slots(self) -> None:
        for host in self._cluster.up:
            state = core_of(host).state
            for slot in [*state.migrating_to, *state.importing_from]:
                self._note(f"closes slot {slot} of {host.address}")
                await self._do(host.address, "CLUSTER", "SETSLOT", slot, "STABLE")

    async def _bring_keys_home(self) -> None:
        await self._close_slots()
        for host in self._cluster.up:
            await self._bring_home(host.address)
        await self._close_slots()

    async def _bring_home(self, address: str) -> None:
        """Bring what this node holds of others' slots to their owners."""
        host = next(host for host in self._cluster.hosts if host.address == address)
        state = core_of(host).state
        if state.myself.is_replica:
            return
        for slot in self._cluster.slots_with_keys(host):
            owner = state.slots[slot]
            if owner is state.myself:
                continue
            if owner is None:
                raise _GivenUpError(f"slot {slot} has no owner")
            self._note(f"brings keys of slot {slot} from {address} home to {owner.ip}")
            await self._do(address, "CLUSTER", "SETSLOT", slot, "IMPORTING", owner.node_id)
            for key in await self._keys_of(slot, address, _ALL_KEYS):
                await self._bring_key_home(slot, key, address, owner.ip)

    async def _bring_key_home(self, slot: int, key: bytes, here: str, home: str) -> None:
        """Join what is here with what is there: both may have been written, where a failover came between."""
        self._is_moving(slot)
        members = await self._do(here, "SMEMBERS", key, is_asking=True)
        assert isinstance(members, list)
        if members:
            await self._do(home, "SADD", key, *members)
        await self._do(here, "DEL", key, is_asking=True)
        self._is_moving(slot)
