"""What must hold at every moment of a cluster's life, and what in the end."""

from __future__ import annotations

import asyncio
import re

from pyredis_cluster.keyspace.digest import keyspace_digest
from tests.simulation.cluster import SimulatedCluster, core_of

SAMPLE_S = 0.02
"""How often clusters are looked at between steps."""

_MARKED = re.compile(r"Marking node (\w+) .*as failing")
_VOTE = re.compile(r"Failover auth granted to (\w+) .*for epoch (\d+)")


class InvariantError(AssertionError):
    """Something that must never happen did."""


class Invariants:
    """Looked at all the time, by `watch`, and after every step.

    `longest_delay_s` is how late a message may be run: None where links fail, which hold them for any time.
    """

    def __init__(self, cluster: SimulatedCluster, longest_delay_s: float | None) -> None:
        self._cluster = cluster
        self._suspicions: dict[tuple[str, str], float] = {}
        """(address of who suspects, node) → when it last did."""
        self._suspicion_window_s = (
            None if longest_delay_s is None else longest_delay_s + 2 * cluster.node_timeout_ms / 1000
        )
        self._failure: InvariantError | None = None
        self._owners: dict[int, list[tuple[str, int]]] = {}
        """Config epoch → nodes that served under it, with the slots as bits of an integer."""
        self._votes: dict[tuple[str, int], str] = {}
        self._epochs: dict[str, tuple[int, int]] = {}
        self._seen_events = 0

    async def watch(self) -> None:
        """Look at the cluster for as long as the task lives; `check` raises what this finds."""
        while True:
            try:
                self._look()
            except InvariantError as error:
                self._failure = self._failure or error
            await asyncio.sleep(SAMPLE_S)

    def check(self) -> None:
        """Raises InvariantError."""
        self._look()
        if self._failure is not None:
            raise self._failure
        self._check_streams()

    def _look(self) -> None:
        for host in self._cluster.up:
            assert host.server is not None
            if host.server.cluster is None or host.server.loading.is_active:
                continue
            state = core_of(host).state
            me = state.myself
            if me.is_primary and me.slot_count:
                self._check_owner(me.config_epoch, me.node_id, int.from_bytes(me.slots, "little"))
            self._check_epochs(host.address, state.current_epoch, state.last_vote_epoch)
            for node in state.nodes.values():
                if node.is_suspected or node.is_failed:
                    self._suspicions[me.node_id, node.node_id] = self._cluster.world.now_s
        self._check_events()

    def _check_owner(self, epoch: int, node_id: str, slots: int) -> None:
        """At most one primary for each slot and epoch."""
        known = self._owners.setdefault(epoch, [])
        for number, (other, served) in enumerate(known):
            if other == node_id:
                known[number] = (node_id, served | slots)
            elif served & slots:
                raise InvariantError(f"{other} and {node_id} both served slots under epoch {epoch}")
        if all(other != node_id for other, _ in known):
            known.append((node_id, slots))

    def _check_epochs(self, address: str, current: int, voted: int) -> None:
        """Epochs never go back, not by a restart either."""
        last_current, last_voted = self._epochs.get(address, (0, 0))
        if current < last_current:
            raise InvariantError(f"{address} went from epoch {last_current} back to {current}")
        if voted < last_voted:
            raise InvariantError(f"{address} had voted in epoch {last_voted}, now says {voted}")
        self._epochs[address] = (current, voted)

    def _check_events(self) -> None:
        world = self._cluster.world
        fresh = world.events_since(self._seen_events)
        self._seen_events = world.event_count
        for time_s, address, what in fresh:
            if vote := _VOTE.search(what):
                self._check_vote(address, vote[1], int(vote[2]))
            if marked := _MARKED.search(what):
                self._check_marked(time_s, address, marked[1])

    def _check_vote(self, address: str, candidate: str, epoch: int) -> None:
        """No node votes twice in an epoch, not after a restart either."""
        if (address, epoch) in self._votes:
            raise InvariantError(f"{address} voted twice in epoch {epoch}")
        self._votes[address, epoch] = candidate

    def _check_marked(self, time_s: float, address: str, node_id: str) -> None:
        """A node is found to have failed only where a majority of the primaries suspects it or just did."""
        host = next(host for host in self._cluster.hosts if host.address == address)
        if self._suspicion_window_s is None or not host.is_up:
            return
        state = core_of(host).state
        since_s = time_s - self._suspicion_window_s - SAMPLE_S
        suspecting = [
            node.node_id
            for node in state.nodes.values()
            if node.is_primary
            and node.slot_count
            and (node is state.myself or self._suspicions.get((node.node_id, node_id), -1.0) >= since_s)
        ]
        if len(suspecting) < state.size // 2 + 1:
            raise InvariantError(f"{address} found {node_id} failed, suspected by {suspecting} alone")

    def _check_streams(self) -> None:
        """Who is of the same history has the same bytes of it; a replica never has more than its primary."""
        servers = [host.server for host in self._cluster.up if host.server is not None]
        for one in servers:
            for other in servers:
                mine, theirs = one.state.replication, other.state.replication
                if (
                    one is other
                    or mine.replid != theirs.replid
                    or mine.backlog is None
                    or theirs.backlog is None
                ):
                    continue
                end = min(mine.backlog.end_offset, theirs.backlog.end_offset)
                start = max(mine.backlog.first_offset, theirs.backlog.first_offset)
                if end < start:
                    continue
                count = end - start + 1
                ours = b"".join(mine.backlog.since(start) or [])[:count]
                its = b"".join(theirs.backlog.since(start) or [])[:count]
                if ours != its:
                    raise InvariantError(f"two streams of history {mine.replid} differ after byte {start}")

    def check_end(self) -> None:
        """Once all is well: tables are whole, and a replica holds what its primary does."""
        for host in self._cluster.hosts:
            core_of(host).state.check()
            me = core_of(host).state.myself
            if me.is_primary or me.primary is None:
                continue
            primary = self._cluster.host_of(me.primary.node_id)
            assert primary is not None
            assert primary.server is not None
            assert host.server is not None
            if keyspace_digest(host.server.state.keyspace) != keyspace_digest(primary.server.state.keyspace):
                raise InvariantError(f"{host.address} holds other data than its primary {primary.address}")
