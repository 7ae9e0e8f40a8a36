"""A cluster in the test's own process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyredis_cluster.cluster.founding import Founder, found
from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET
from pyredis_cluster.server.local_cluster import LocalCluster
from pyredis_cluster.server.neighbourhood import cut
from pyredis_cluster.testing.blocking import BlockingCluster
from pyredis_cluster.testing.cluster_node import ClusterNode, slot_of, view_of
from pyredis_cluster.testing.hosted import Hosted
from pyredis_cluster.testing.loop_thread import SHARED
from pyredis_cluster.testing.node import Surroundings, until
from pyredis_cluster.testing.obstacles import obstacles
from pyredis_cluster.testing.settings import DirectiveValue
from pyredis_cluster.testing.slot_migration import SlotMigration
from pyredis_cluster.testing.snapshot import ClusterSnapshot, has_same_owners

if TYPE_CHECKING:
    from redis.asyncio import RedisCluster
    from redis.asyncio.cluster import ClusterNode as StartupNode

_NOT_TO_SET = {
    "dir": "its files are in memory",
    "port": "there is `ports` for them",
    "cluster-enabled": "it is one",
}
_ACQUAINTED_S = 30.0
_COMPLAINTS_SHOWN = 10
_FAIL_OVER_S = 6.0
"""For as long as one attempt goes on; then it has been given up."""
_CAUGHT_UP_S = 30.0


class Cluster(Hosted[ClusterNode]):
    """Primaries that share all slots, each with as many replicas, ready when the block begins.

        async with Cluster(primaries=3, replicas_per_primary=1) as cluster:
            client = cluster.client()
            cluster.primaries[0].kill()
            await cluster.wait_ready()

    Outside a running loop it is `with`, `cluster` is a `BlockingCluster`, and nothing is awaited.

    `config` has directives for all nodes. `nodes` and `ports` begin with the primaries; their replicas
    follow in turn.
    """

    def __init__(
        self,
        *,
        primaries: int = 3,
        replicas_per_primary: int = 1,
        node_timeout_ms: int = 15_000,
        config: Mapping[str, DirectiveValue] | None = None,
        ports: Sequence[int] | None = None,
        seed: int | None = None,
    ) -> None:
        if primaries < 1 or replicas_per_primary < 0:
            raise ValueError("a cluster has a primary at least, and no less than 0 replicas for each")
        for name, reason in _NOT_TO_SET.items():
            if config and name in config:
                raise ValueError(f"{name} of a cluster cannot be set: {reason}")
        super().__init__(primaries * (1 + replicas_per_primary), ports=ports, seed=seed, with_bus=True)
        self._primary_count = primaries
        self._ports_had: set[int] = set()
        self._nodes_conf: list[str] = []
        self._first_view: frozenset[tuple[str, str, bytes]] = frozenset()
        self._directives: dict[str, DirectiveValue] = {
            "cluster-enabled": True,
            "cluster-node-timeout": node_timeout_ms,
            "databases": 1,
            # Replicas of one process come all at once or not at all: there is nothing to wait for.
            "repl-diskless-sync-delay": 0,
            **(config or {}),
        }
        if "requirepass" in self._directives:
            # Replicas are clients of their primaries.
            self._directives.setdefault("masterauth", self._directives["requirepass"])

    async def _make(self, surroundings: Surroundings, ports: Sequence[int]) -> None:
        self._ports_had.update(ports)
        self.nodes = [ClusterNode(surroundings, port, self._directives) for port in ports]
        self._nodes_conf = found(
            [Founder(node.host, node.port, node.port + BUS_PORT_OFFSET) for node in self.nodes],
            self._primary_count,
            surroundings.random,
        )
        await self._begin(self._nodes_conf)
        self._first_view = view_of(self.nodes[0])

    async def _begin(self, nodes_conf: Sequence[str]) -> None:
        """Start all nodes as the cluster of these files."""
        local = LocalCluster([node.prepare() for node in self.nodes], nodes_conf=nodes_conf)
        await local.start()
        try:
            await local.wait_until_ready()
        except TimeoutError as error:
            # Most likely the configuration keeps replicas from their primaries, of which they complain.
            complaints = [line for line in self.surroundings.log if " # " in line][-_COMPLAINTS_SHOWN:]
            raise TimeoutError("\n".join(["the cluster was not ready in time", *complaints])) from error

    async def reset(self) -> None:
        """Be as at first: all nodes run, with their first roles and slots and without data.

        Takes a millisecond or two, where roles and slots are the first ones still (the configuration may have
        changed) and time was not moved; else all nodes are started again. Clients' connections last in the
        first case only.
        """
        for node in self.nodes[self._count :]:
            node.kill()
        del self.nodes[self._count :]
        self.heal()
        if self._is_as_at_first():
            for node in self.nodes:
                node.clear()
            await until(self._is_caught_up, _CAUGHT_UP_S, "the replicas have caught up")
        else:
            for node in self.nodes:
                node.forget()
            self.surroundings.set_time_back()
            await self._begin(self._nodes_conf)
        self.surroundings.timeline.begin()

    def snapshot(self) -> ClusterSnapshot:
        """All data, with the time that each key has to live, and which node has which role and slots.

        O(data). Raises RuntimeError unless all nodes run, and agree (see `wait_ready`).
        """
        if not all(node.is_up for node in self.nodes) or not self._is_ready():
            raise RuntimeError("there is no snapshot of a cluster that is not whole: wait until it is ready")
        return ClusterSnapshot(
            tuple(node.port for node in self.nodes),
            tuple(node.core.config_text() for node in self.nodes),
            tuple(None if node.is_replica else node.snapshot() for node in self.nodes),
        )

    async def restore(self, snapshot: ClusterSnapshot) -> None:
        """Have the data, roles and slots of then, no faults, and all replicas in sync. O(data).

        Quickest where roles and slots are still those of then; else all nodes are started again, which ends
        clients' connections. The snapshot may be that of another cluster, of as many nodes. Directives stay
        as they are, and so does the time. Raises ValueError for one of another number of nodes.
        """
        self.heal()
        if not self._is_as_of(snapshot):
            self._take_nodes_of(snapshot)
            for node in self.nodes:
                node.forget()
            await self._begin(snapshot.nodes_conf_at([node.port for node in self.nodes]))
        for node, data in zip(self.nodes, snapshot.data, strict=True):
            if data is not None:
                node.restore(data)
        await until(self._is_caught_up, _CAUGHT_UP_S, "the replicas have caught up")

    def _is_as_of(self, snapshot: ClusterSnapshot) -> bool:
        return (
            tuple(node.port for node in self.nodes) == snapshot.ports
            and all(node.is_up for node in self.nodes)
            and self._is_ready()
            and all(
                has_same_owners(node.core.config_text(), text)
                for node, text in zip(self.nodes, snapshot.nodes_conf, strict=True)
            )
        )

    def _take_nodes_of(self, snapshot: ClusterSnapshot) -> None:
        """Have nodes on the ports of the snapshot; or, if it is of another cluster, as many as that had."""
        known = {node.port: node for node in self.nodes}
        if not self._ports_had.issuperset(snapshot.ports):
            if len(known) != len(snapshot.ports):
                raise ValueError(f"a cluster of {len(snapshot.ports)} nodes cannot be had on {len(known)}")
            return
        for node in self.nodes:
            node.kill()
        self.nodes = [
            known.get(port) or ClusterNode(self.surroundings, port, self._directives)
            for port in snapshot.ports
        ]

    def _is_as_at_first(self) -> bool:
        return (
            not self.surroundings.is_time_moved
            and self._is_ready()
            and all(
                node.is_up
                and view_of(node) == self._first_view
                and not (node.core.state.migrating_to or node.core.state.importing_from)
                for node in self.nodes
            )
        )

    def _is_caught_up(self) -> bool:
        offsets = {node.node_id: node.server.state.replication.offset for node in self.nodes}
        return all(
            node.server.replication_roles.processed_offset == offsets[node.primary_id]
            for node in self.replicas
        )

    async def __aenter__(self) -> Cluster:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def __enter__(self) -> BlockingCluster:
        SHARED.start(self)
        return BlockingCluster(self, SHARED)

    def __exit__(self, *error: object) -> None:
        SHARED.stop(self)

    @property
    def primaries(self) -> list[ClusterNode]:
        """The nodes that run and are primaries, as each sees itself."""
        return [node for node in self.nodes if node.is_up and not node.is_replica]

    @property
    def replicas(self) -> list[ClusterNode]:
        """The nodes that run and are replicas, as each sees itself."""
        return [node for node in self.nodes if node.is_replica]

    def node_for(self, key: str | bytes | int) -> ClusterNode:
        """The primary that owns the slot of a key, or a slot given by its number. Raises LookupError."""
        slot = slot_of(key)
        owners = [node for node in self.primaries if node.core.state.slots[slot] is node.core.state.myself]
        if not owners:
            raise LookupError(f"no running node owns slot {slot}")
        # After a partition there may be two for a while: the newer claim counts.
        return max(owners, key=lambda node: node.core.state.myself.config_epoch)

    def replicas_for(self, key: str | bytes | int) -> list[ClusterNode]:
        """The replicas that run of the primary that owns the slot of a key. Raises LookupError."""
        primary_id = self.node_for(key).node_id
        return [node for node in self.replicas if node.primary_id == primary_id]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every node, for clients of any kind."""
        return [(node.host, node.port) for node in self.nodes]

    @property
    def url(self) -> str:
        """The URL of the first node."""
        return self.nodes[0].url

    @property
    def startup_nodes(self) -> list[StartupNode]:
        """All nodes as the asynchronous `RedisCluster` of redis-py takes them."""
        from redis.asyncio.cluster import ClusterNode as StartupNode

        return [StartupNode(host, port) for host, port in self.addresses]

    def client(self, **options: Any) -> RedisCluster:
        """A redis-py client of the cluster, asynchronous; `options` are those of `RedisCluster`."""
        from redis.asyncio import RedisCluster

        options = dict(self.nodes[0].client_options(options))
        return RedisCluster(startup_nodes=self.startup_nodes, **options)

    async def add_node(self, *, replica_of: ClusterNode | None = None) -> ClusterNode:
        """Start one more node and introduce it: a primary without slots, or a replica.

        Returns when all nodes that run know of it; a replica may still be copying (see `wait_ready`).
        Raises StartError, and TimeoutError.
        """
        node = ClusterNode(self.surroundings, self._free_ports(1)[0], self._directives)
        self._ports_had.add(node.port)
        self.nodes.append(node)
        await node.start()
        # It has been in no cluster yet, so there is no failover that it may have missed.
        node.cluster.settings.writable_delay_ms = 0
        others = [other for other in self.nodes if other.is_up and other is not node]
        for other in others:
            node.cluster.meet(other.host, other.port, other.port + BUS_PORT_OFFSET)
        everyone = {each.node_id for each in (node, *others)}
        await until(
            lambda: all(everyone <= set(each.core.state.nodes) for each in (node, *others)),
            _ACQUAINTED_S,
            "the nodes know each other",
        )
        # Nor has it been in a minority, though it was alone at first.
        node.core.state.minority_ms = 0
        await until(lambda: node.core.ok, _ACQUAINTED_S, "the new node finds the cluster ok")
        if replica_of is not None:
            node.cluster.replicate(replica_of.node_id)
            node.cluster.announce()
        return node

    async def move_slots(self, slots: Iterable[int], to: ClusterNode) -> None:
        """Move slots with their keys to another primary, as resharding does; open ones are finished.

        Raises LookupError for a slot that no running node has.
        """
        for slot in slots:
            source = self.node_for(slot)
            if source is not to:
                migration = SlotMigration(slot, source, to)
                migration.open()
                await migration.finish(self.primaries)

    async def half_migrate(
        self, slot: str | bytes | int, to: ClusterNode | None = None, *, moved: float = 0.5
    ) -> SlotMigration:
        """Begin to move a slot, or that of a key, and stop where a part of its keys, in order, has moved.

        Clients of the source are told ASK for keys that are not there (any more), and TRYAGAIN for requests
        of several keys that are not all there. Without `to` it is the next primary. Raises LookupError.
        """
        number = slot_of(slot)
        source = self.node_for(number)
        if to is None:
            primaries = self.primaries
            to = primaries[(primaries.index(source) + 1) % len(primaries)]
        migration = SlotMigration(number, source, to)
        migration.open()
        await migration.move_keys(moved)
        return migration

    def partition(
        self, some: Iterable[ClusterNode], others: Iterable[ClusterNode], *, one_way: bool = False
    ) -> None:
        """Let nothing pass between nodes on the bus and in replication; `one_way`: from `some` to `others`.

        As in a network that loses every packet: connections stay, and what was sent comes when it heals.
        Clients reach all of them.
        """
        cut(list(some), list(others), one_way=one_way)

    async def fail_over(self, replica: ClusterNode, *, force: bool = False, limit_s: float = 60.0) -> None:
        """Have a replica take the place of its primary (CLUSTER FAILOVER), and wait until it has.

        With `force` the primary is not asked. Raises CommandError, and TimeoutError.
        """
        attempts = max(1, round(limit_s / _FAIL_OVER_S))
        for left in reversed(range(attempts)):
            replica.cluster.fail_over(force=force, takeover=False)
            try:
                await until(
                    lambda: replica.is_up and not replica.is_replica,
                    limit_s / attempts,
                    "the replica is a primary",
                )
                return
            except TimeoutError:
                # It is given up by itself where votes come too late, as on a busy machine.
                if not left:
                    raise

    async def wait_ready(self, limit_s: float = 60.0) -> None:
        """Wait until all nodes that run, unpaused, agree, serve every slot, and have replicas in sync.

        Raises TimeoutError.
        """
        try:
            await until(self._is_ready, limit_s, "the cluster is ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; {'; '.join(self._obstacles())}") from None

    def _is_ready(self) -> bool:
        return next(self._obstacles(), None) is None

    def _obstacles(self) -> Iterator[str]:
        return obstacles([node for node in self.nodes if node.is_up and not node.is_paused])
