"""A cluster in the test's own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot
from pyredis_cluster.server.local_cluster import LocalCluster
from pyredis_cluster.testing.blocking import BlockingCluster
from pyredis_cluster.testing.hosted import Hosted
from pyredis_cluster.testing.loop_thread import SHARED
from pyredis_cluster.testing.node import Node, Surroundings, until
from pyredis_cluster.testing.settings import DirectiveValue

if TYPE_CHECKING:
    from redis.asyncio import RedisCluster

    from pyredis_cluster.cluster.core import ClusterCore


class ClusterNode(Node):
    """A node of a cluster; see `Node`."""

    @property
    def core(self) -> ClusterCore:
        """The cluster as this node sees it."""
        assert self.server.cluster is not None
        return self.server.cluster.core

    @property
    def node_id(self) -> str:
        """Its id."""
        return self.core.my_id

    @property
    def is_replica(self) -> bool:
        """Whether it is a replica, as it sees itself; False while it does not run."""
        return self.is_up and self.core.is_replica

    @property
    def primary_id(self) -> str:
        """Id of the node that it replicates, "" for a primary."""
        primary = self.core.state.myself.primary
        return primary.node_id if primary is not None else ""


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
        super().__init__(primaries * (1 + replicas_per_primary), ports=ports, seed=seed, with_bus=True)
        self._primary_count = primaries
        self._directives: dict[str, DirectiveValue] = {
            "cluster-enabled": True,
            "cluster-node-timeout": node_timeout_ms,
            "databases": 1,
            # Replicas of one process come all at once or not at all: there is nothing to wait for.
            "repl-diskless-sync-delay": 0,
            **(config or {}),
        }

    async def _make(self, surroundings: Surroundings, ports: Sequence[int]) -> None:
        self.nodes = [ClusterNode(surroundings, port, self._directives) for port in ports]
        local = LocalCluster([node.prepare() for node in self.nodes], primaries=self._primary_count)
        await local.start()
        await local.wait_until_ready()

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
        slot = key if isinstance(key, int) else key_slot(key.encode() if isinstance(key, str) else key)
        owners = [node for node in self.primaries if node.core.state.slots[slot] is node.core.state.myself]
        if not owners:
            raise LookupError(f"no running node owns slot {slot}")
        # After a partition there may be two for a while: the newer claim counts.
        return max(owners, key=lambda node: node.core.state.myself.config_epoch)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every node, for clients of any kind."""
        return [(node.host, node.port) for node in self.nodes]

    @property
    def url(self) -> str:
        """The URL of the first node."""
        return self.nodes[0].url

    def client(self, **options: Any) -> RedisCluster:
        """A redis-py client of the cluster, asynchronous; `options` are those of `RedisCluster`."""
        from redis.asyncio import RedisCluster
        from redis.asyncio.cluster import ClusterNode as StartupNode

        startup_nodes = [StartupNode(host, port) for host, port in self.addresses]
        return RedisCluster(startup_nodes=startup_nodes, **options)

    async def wait_ready(self, limit_s: float = 60.0) -> None:
        """Wait until all nodes that run agree, serve every slot, and have replicas in sync.

        Raises TimeoutError.
        """
        await until(self._is_ready, limit_s, "the cluster is ready")

    def _is_ready(self) -> bool:
        nodes = [node for node in self.nodes if node.is_up]
        views = {
            tuple(sorted((each.node_id, bytes(each.slots)) for each in node.core.state.nodes.values()))
            for node in nodes
        }
        # A node that is gone may not be missed yet: what counts is who is there.
        served = sum(node.core.state.myself.slot_count for node in nodes)
        return (
            served == SLOT_COUNT
            and len(views) == 1
            and all(node.core.ok and _is_in_sync(node) for node in nodes)
        )


def _is_in_sync(node: ClusterNode) -> bool:
    roles = node.server.state.replication_roles
    return not node.is_replica or (roles is not None and roles.is_link_up)
