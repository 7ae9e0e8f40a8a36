"""Holds a living cluster to the rules: it is looked at all the time, and its logs are listened to."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from pyredis_cluster.cluster.wire import FAIL, PFAIL
from pyredis_cluster.keyspace.digest import keyspace_digest
from tests.simulation.cluster import SimulatedCluster, core_of
from tests.simulation.rules import (
    EpochsNeverGoBack,
    FailuresAreAgreedOn,
    HistoriesAgree,
    OnePrimaryPerEpoch,
    OneVotePerEpoch,
    ReplicasDoNotLead,
    ViolationError,
)

if TYPE_CHECKING:
    from pyredis_cluster.cluster.state import ClusterState
    from pyredis_cluster.server.server import Server
    from pyredis_cluster.testing.simulation.world import SimulatedHost

_SAMPLES_PER_TIMEOUT = 10
"""How often clusters are looked at between steps."""

_MARKED = re.compile(r"Marking node (\w+) .*as failing")
_REPORTED = re.compile(r"Node (\w+) .*reported node (\w+) .*as not reachable")
_VOTE = re.compile(r"Failover auth granted to (\w+) .*for epoch (\d+)")
_WON = re.compile(r"configEpoch set to (\d+) after successful failover")
_GIVEN = re.compile(r"New configEpoch set to (\d+)|configEpoch collision with node .* set to (\d+)")

_LATENCY_S = 0.05
_SUSPECTED = PFAIL | FAIL

_Seen = tuple[object, ...]


class Watch:
    """Looked at all the time, by `run`, and after every step, by `check`.

    With `links_fail` messages may be late by any time, so nothing is said of who suspected whom when.
    """

    def __init__(self, cluster: SimulatedCluster, *, links_fail: bool) -> None:
        self._cluster = cluster
        self._failure: ViolationError | None = None
        self._owners = OnePrimaryPerEpoch()
        self._epochs = EpochsNeverGoBack()
        self._votes = OneVotePerEpoch()
        self._histories = HistoriesAgree()
        self._replicas = ReplicasDoNotLead()
        self._sample_s = cluster.node_timeout_ms / 1000 / _SAMPLES_PER_TIMEOUT
        window_s = 2 * cluster.node_timeout_ms / 1000 + self._sample_s + _LATENCY_S
        self._agreement = None if links_fail else FailuresAreAgreedOn(window_s)
        self._sizes: dict[str, int] = {}
        """Address → how many voters it counted."""
        self._asleep: dict[str, float] = {}
        """Address of a server that is frozen → since when."""
        self._in_sync_s: dict[str, float] = {}
        self._seen: dict[str, _Seen] = {}
        self._slots: dict[str, bytes] = {}
        for host in cluster.hosts:
            me = core_of(host).state.myself
            if me.is_primary:
                self._owners.won(me.node_id, me.config_epoch)
        cluster.world.observers.append(self._observe)

    def data_age_s(self, address: str) -> float:
        """For how long the server at an address has not had all data of its primary."""
        return self._cluster.world.now_s - self._in_sync_s.get(address, 0.0)

    async def run(self) -> None:
        """Look at the cluster for as long as the task lives; `check` raises what this finds."""
        while self._failure is None:
            try:
                self._look()
            except ViolationError as error:
                self._failure = error
            await asyncio.sleep(self._sample_s)

    def check(self) -> None:
        """Raises ViolationError."""
        self._look()
        if self._failure is not None:
            raise self._failure
        self._check_histories()

    # What is looked at

    def _look(self) -> None:
        for host in self._cluster.hosts:
            server = host.server
            if server is None or server.cluster is None or server.loading.is_active:
                continue
            state = server.cluster.core.state
            self._look_at(host, server, state)
            if self._cluster.is_in_sync(host):
                self._in_sync_s[host.address] = self._cluster.world.now_s
            if self._agreement is not None:
                self._note_suspicions(self._agreement, state)
                self._note_sleep(self._agreement, host.address, server)
                self._sizes[host.address] = state.size

    def _note_suspicions(self, agreement: FailuresAreAgreedOn, state: ClusterState) -> None:
        now_s = self._cluster.world.now_s
        for node in state.nodes.values():
            if node.flags & _SUSPECTED:
                agreement.suspects(state.myself.node_id, node.node_id, now_s)

    def _note_sleep(self, agreement: FailuresAreAgreedOn, address: str, server: Server) -> None:
        now_s = self._cluster.world.now_s
        if server.is_frozen:
            self._asleep.setdefault(address, now_s - self._sample_s)
        elif (since_s := self._asleep.pop(address, None)) is not None:
            agreement.slept(self._id_of(address), since_s, now_s)

    def _look_at(self, host: SimulatedHost, server: Server, state: ClusterState) -> None:
        me = state.myself
        seen = (server, state.current_epoch, state.last_vote_epoch, me.config_epoch, me.flags)
        is_new = self._seen.get(host.address) != seen
        if not is_new and self._slots[host.address] == me.slots:
            return
        self._seen[host.address] = seen
        self._slots[host.address] = bytes(me.slots)
        serves = me.is_primary and me.slot_count > 0
        self._epochs.saw(
            host.address,
            host.disk.generation,
            state.current_epoch,
            state.last_vote_epoch,
            me.config_epoch if serves else None,
        )
        if serves:
            self._owners.serves(me.node_id, me.config_epoch, int.from_bytes(me.slots, "little"))

    # What is listened to

    def _observe(self, time_s: float, address: str, what: str) -> None:
        try:
            if vote := _VOTE.search(what):
                self._votes.voted(address, int(vote[2]), vote[1])
            elif won := _WON.search(what):
                self._owners.won(self._id_of(address), int(won[1]))
            elif given := _GIVEN.search(what):
                self._owners.gave_itself(self._id_of(address), int(given[1] or given[2]))
            elif self._agreement is not None and (marked := _MARKED.search(what)):
                self._check_marked(self._agreement, time_s, address, marked[1])
            elif self._agreement is not None and (reported := _REPORTED.search(what)):
                # A suspicion of a moment may lie between two looks, and is on its way all the same.
                self._agreement.suspects(reported[1], reported[2], time_s)
        except ViolationError as error:
            self._failure = self._failure or error

    def _id_of(self, address: str) -> str:
        return self._state_of(address).myself.node_id

    def _state_of(self, address: str) -> ClusterState:
        return core_of(next(host for host in self._cluster.hosts if host.address == address)).state

    def _check_marked(
        self, agreement: FailuresAreAgreedOn, time_s: float, address: str, node_id: str
    ) -> None:
        for host in self._cluster.up:
            assert host.server is not None
            self._note_suspicions(agreement, core_of(host).state)
            self._note_sleep(agreement, host.address, host.server)
        state = self._state_of(address)
        voters = [node.node_id for node in state.nodes.values() if node.is_primary and node.slot_count]
        # Log lines come after everything else of a step, which may have changed the size.
        size = min(state.size, self._sizes.get(address, state.size))
        agreement.found(state.myself.node_id, node_id, voters, size, time_s)

    # What is looked at after steps alone

    def _check_histories(self) -> None:
        for host in self._cluster.up:
            assert host.server is not None
            replication = host.server.state.replication
            backlog = replication.backlog
            if backlog is None:
                continue
            process, history = host.disk.generation, replication.replid
            first = max(backlog.first_offset, self._histories.next_offset(host.address, process, history))
            if first <= backlog.end_offset:
                data = b"".join(backlog.since(first) or [])
                self._histories.saw(host.address, process, history, first, data)
            primary = self._cluster.primary_of(host)
            if primary is None or primary.server is None:
                continue
            theirs = primary.server.state.replication
            if theirs.replid == history:
                self._replicas.saw(host.address, replication.offset, primary.address, theirs.offset)

    def check_end(self) -> None:
        """Once all is well: tables are whole, epochs unique, and a replica holds what its primary does."""
        states = [core_of(host).state for host in self._cluster.hosts]
        epochs = [state.myself.config_epoch for state in states if state.myself.is_primary]
        if len(set(epochs)) < len(epochs):
            raise ViolationError(f"there are primaries of the same config epoch: {sorted(epochs)}")
        for host, state in zip(self._cluster.hosts, states, strict=True):
            state.check()
            if state.migrating_to or state.importing_from:
                raise ViolationError(f"{host.address} still has open slots")
            assert host.server is not None
            primary = self._cluster.primary_of(host)
            if primary is None:
                self._check_keys(host, state)
                continue
            assert primary.server is not None
            if keyspace_digest(host.server.state.keyspace) != keyspace_digest(primary.server.state.keyspace):
                raise ViolationError(f"{host.address} holds other data than its primary {primary.address}")

    def _check_keys(self, host: SimulatedHost, state: ClusterState) -> None:
        for slot in self._cluster.slots_with_keys(host):
            if state.slots[slot] is not state.myself:
                raise ViolationError(f"{host.address} holds keys of slot {slot}, which it does not own")
