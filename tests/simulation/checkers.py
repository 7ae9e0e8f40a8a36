"""What must hold at every moment of a cluster's life, and what in the end."""

from __future__ import annotations

import re

from pyredis_cluster.keyspace.digest import keyspace_digest
from tests.simulation.cluster import SimulatedCluster, core_of

_VOTE = re.compile(r"Failover auth granted to (\w+) .*for epoch (\d+)")


class InvariantError(AssertionError):
    """Something that must never happen did."""


class Invariants:
    """Looked at after every step."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster
        self._owners: dict[int, list[tuple[str, int]]] = {}
        """Config epoch → nodes that served under it, with the slots as bits of an integer."""
        self._votes: dict[tuple[str, int], str] = {}
        self._epochs: dict[str, tuple[int, int]] = {}
        self._seen_events = 0

    def check(self) -> None:
        """Raises InvariantError."""
        for host in self._cluster.up:
            assert host.server is not None
            if host.server.cluster is None or host.server.loading.is_active:
                continue
            state = core_of(host).state
            me = state.myself
            if me.is_primary and me.slot_count:
                self._check_owner(me.config_epoch, me.node_id, int.from_bytes(me.slots, "little"))
            self._check_epochs(host.address, state.current_epoch, state.last_vote_epoch)
        self._check_votes()
        self._check_streams()

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

    def _check_votes(self) -> None:
        """No node votes twice in an epoch, not after a restart either."""
        world = self._cluster.world
        fresh = world.events_since(self._seen_events)
        self._seen_events = world.event_count
        for _, address, what in fresh:
            vote = _VOTE.search(what)
            if vote is None:
                continue
            candidate, epoch = vote[1], int(vote[2])
            if (address, epoch) in self._votes:
                raise InvariantError(f"{address} voted twice in epoch {epoch}")
            self._votes[address, epoch] = candidate

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
