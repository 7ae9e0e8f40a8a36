"""A cluster of whole servers in a simulated world, made quickly."""

from __future__ import annotations

from pyredis_cluster.cluster.core import ClusterCore
from pyredis_cluster.cluster.founding import Founder, even_ranges, found
from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET
from pyredis_cluster.testing.simulation.client import SimulatedClient
from pyredis_cluster.testing.simulation.world import SimulatedHost, SimulatedWorld

PORT = 7000


def core_of(host: SimulatedHost) -> ClusterCore:
    """The cluster's view of a running node."""
    assert host.server is not None
    assert host.server.cluster is not None
    return host.server.cluster.core


class SimulatedCluster:
    """Hosts that are one cluster: primaries first, then their replicas."""

    def __init__(
        self, world: SimulatedWorld, *, primaries: int, replicas: int, node_timeout_ms: int, **directives: str
    ) -> None:
        self.world = world
        self.primaries = primaries
        self.node_timeout_ms = node_timeout_ms
        self.hosts = [
            world.host(
                port=PORT,
                cluster_enabled=True,
                cluster_node_timeout=node_timeout_ms,
                repl_diskless_sync_delay=0,
                repl_ping_replica_period=1,
                appendonly=True,
                appendfsync="always",
                loglevel="verbose",
                **directives,
            )
            for _ in range(primaries * (1 + replicas))
        ]

    @property
    def up(self) -> list[SimulatedHost]:
        """The hosts whose servers run."""
        return [host for host in self.hosts if host.is_up]

    async def form(self, *, by_meeting: bool) -> None:
        """Start all nodes as one cluster that serves, and wait until it is well. Raises TimeoutError.

        With `by_meeting` they are introduced and told their slots as administrators do it; otherwise they
        start from files in which all this has happened.
        """
        if not by_meeting:
            self._found()
        for host in self.hosts:
            server = await host.start()
            assert server.cluster is not None
            # A node that starts waits to hear of a failover that it may have missed; here was none.
            server.cluster.settings.writable_delay_ms = 0
        if by_meeting:
            await self._introduce()
        await self.world.until(self.is_well, 60)

    def _found(self) -> None:
        founders = [Founder(host.address, PORT, PORT + BUS_PORT_OFFSET) for host in self.hosts]
        for host, text in zip(self.hosts, found(founders, self.primaries, self.world.random), strict=True):
            with host.disk.create("/nodes.conf") as file:
                file.write(text.encode())
                file.sync()
            host.disk.sync_directory("/")

    async def _introduce(self) -> None:
        world = self.world
        clients = [await world.connect(host) for host in self.hosts]
        for number, (client, (first, last)) in enumerate(
            zip(clients[: self.primaries], even_ranges(self.primaries), strict=True)
        ):
            await self._ok(client, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await self._ok(client, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for number, client in enumerate(clients):
            for host in self.hosts[number + 1 :]:
                await self._ok(client, "CLUSTER", "MEET", host.address, PORT)
        await world.until(self._all_connected, 30)
        for number, client in enumerate(clients[self.primaries :]):
            primary = core_of(self.hosts[number % self.primaries]).state.myself.node_id
            await self._ok(client, "CLUSTER", "REPLICATE", primary)
        for client in clients:
            client.close()

    async def _ok(self, client: SimulatedClient, *words: str | int) -> None:
        reply = await client.call(*words, timeout_s=5)
        assert reply == b"OK", (words, reply)

    def _all_connected(self) -> bool:
        everyone = {core_of(host).state.myself.node_id for host in self.hosts}
        return all(
            everyone == set(core_of(host).state.nodes)
            and all(
                node.link is not None and node.link.connected
                for node in core_of(host).state.nodes.values()
                if node is not core_of(host).state.myself
            )
            for host in self.hosts
        )

    def is_well(self) -> bool:
        """Whether all nodes run, agree on the owner of each slot, and each replica is in sync."""
        return self.is_serving() and all(self.is_in_sync(host) for host in self.hosts)

    def is_serving(self) -> bool:
        """Whether all nodes run and agree on the owner of each slot."""
        if len(self.up) < len(self.hosts) or not all(core_of(host).state.ok for host in self.hosts):
            return False
        return len({self.view(host) for host in self.hosts}) == 1

    async def wait_for_successor(self, primary: SimulatedHost) -> None:
        """Wait until a replica of this primary, dead or asleep, has its place for the others that run.

        Raises TimeoutError after a minute.
        """
        number = self.hosts.index(primary)
        replicas = self.hosts[number + self.primaries :: self.primaries]
        others = [host for host in self.up if host is not primary]

        def is_replaced() -> bool:
            return any(core_of(each).state.myself.is_primary for each in replicas) and all(
                core_of(host).state.ok for host in others
            )

        await self.world.until(is_replaced, 60)

    def is_in_sync(self, host: SimulatedHost) -> bool:
        """Whether a node is a primary, or a replica that has all its primary has written."""
        me = core_of(host).state.myself
        if me.is_primary:
            return True
        primary = self.primary_of(host)
        if primary is None or not core_of(primary).state.myself.is_primary:
            return False
        assert host.server is not None
        assert primary.server is not None
        mine, theirs = host.server.state.replication, primary.server.state.replication
        return mine.replid == theirs.replid and mine.offset == theirs.offset

    def host_of(self, node_id: str) -> SimulatedHost | None:
        """The running host with a node id."""
        for host in self.up:
            if core_of(host).state.myself.node_id == node_id:
                return host
        return None

    def primary_of(self, host: SimulatedHost) -> SimulatedHost | None:
        """The running host that a running replica follows, as far as it knows."""
        primary = core_of(host).state.myself.primary
        return None if primary is None else self.host_of(primary.node_id)

    def owner_of(self, slot: int) -> SimulatedHost:
        """Who owns a slot, once all agree on it."""
        owner = core_of(self.hosts[0]).state.slots[slot]
        assert owner is not None
        host = self.host_of(owner.node_id)
        assert host is not None
        return host

    def slots_with_keys(self, host: SimulatedHost) -> list[int]:
        """The slots of which a running node holds keys."""
        assert host.server is not None
        return host.server.state.keyspace.databases[0].occupied_slots()

    def view(self, host: SimulatedHost) -> tuple[tuple[str, bytes], ...]:
        """Who owns which slots, as a node sees it."""
        nodes = core_of(host).state.nodes.values()
        return tuple(sorted((node.node_id, bytes(node.slots)) for node in nodes if node.slot_count))
