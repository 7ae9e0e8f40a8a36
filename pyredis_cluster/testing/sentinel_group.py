"""A primary, its replicas and the sentinels that watch them, in the test's own process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyredis_cluster.sentinel.founding import known_lines
from pyredis_cluster.sentinel.instance import DOWN, FailoverState
from pyredis_cluster.server.neighbourhood import cut
from pyredis_cluster.testing.blocking_sentinels import BlockingSentinelGroup
from pyredis_cluster.testing.configured_node import ConfiguredNode, SentinelNode
from pyredis_cluster.testing.hosted import Hosted
from pyredis_cluster.testing.loop_thread import SHARED
from pyredis_cluster.testing.node import HOST, Node, Surroundings, until
from pyredis_cluster.testing.settings import DirectiveValue, directive_text

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.sentinel import Sentinel

    from pyredis_cluster.sentinel.instance import Master
    from pyredis_cluster.testing.snapshot import Data

_READY_S = 60.0
_PACE_MS = 200
_ID_COUNT = 16**40
_OF_MASTER = {
    "down-after-milliseconds",
    "failover-timeout",
    "parallel-syncs",
    "notification-script",
    "client-reconfig-script",
    "auth-pass",
    "auth-user",
    "master-reboot-down-after-period",
}
_OF_ALL = {
    "announce-ip",
    "announce-port",
    "deny-scripts-reconfig",
    "sentinel-user",
    "sentinel-pass",
    "resolve-hostnames",
    "announce-hostnames",
}


class SentinelGroup(Hosted[Node]):
    """A primary with replicas in sync, and sentinels that agree on it, when the block begins.

        async with SentinelGroup(replicas=2, sentinels=3, quorum=2) as group:
            client = group.client()
            group.primary.kill()
            await group.wait_ready()

    Outside a running loop it is `with`, `group` is a `BlockingSentinelGroup`, and nothing is awaited.

    `config` has directives for the servers, `sentinel_config` those for sentinels, and options of their
    `sentinel` lines (`parallel-syncs`). `nodes` and `ports` have the primary first, then its replicas, then
    the sentinels. These look and ask at least five times a second, so that a failover is over soon after
    `down_after_ms`; real ones do that once a second, and more rarely.
    """

    def __init__(
        self,
        *,
        replicas: int = 2,
        sentinels: int = 3,
        quorum: int = 2,
        master_name: str = "mymaster",
        down_after_ms: int = 1000,
        config: Mapping[str, DirectiveValue] | None = None,
        sentinel_config: Mapping[str, DirectiveValue] | None = None,
        ports: Sequence[int] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(1 + replicas + sentinels, ports=ports, seed=seed)
        self.master_name = master_name
        self._replica_count = replicas
        self._sentinel_count = sentinels
        self._quorum = quorum
        if "dir" in {**(config or {}), **(sentinel_config or {})}:
            raise ValueError("the files of servers with sentinels are in memory: there is no `dir` to set")
        self._directives: dict[str, DirectiveValue] = {"repl-diskless-sync-delay": 0, **(config or {})}
        self._pace_ms = min(down_after_ms, _PACE_MS)
        self._sentinel_directives: dict[str, DirectiveValue] = {}
        self._sentinel_options: dict[str, DirectiveValue] = {
            "down-after-milliseconds": down_after_ms,
            "failover-timeout": 10 * down_after_ms,
        }
        for name, value in (sentinel_config or {}).items():
            option = name.replace("_", "-")
            is_option = option in _OF_MASTER or option in _OF_ALL
            (self._sentinel_options if is_option else self._sentinel_directives)[option] = value
        self.servers: list[ConfiguredNode] = []
        """The primary and the replicas, in the order in which they were made, running or not."""
        self.sentinels: list[SentinelNode] = []
        """The sentinels, running or not."""

    async def _make(self, surroundings: Surroundings, ports: Sequence[int]) -> None:
        server_ports, sentinel_ports = ports[: 1 + self._replica_count], ports[1 + self._replica_count :]
        primary_port = server_ports[0]
        self.servers = [ConfiguredNode(surroundings, primary_port, self._directives)]
        for port in server_ports[1:]:
            directives = {**self._directives, "replicaof": f"127.0.0.1 {primary_port}"}
            self.servers.append(ConfiguredNode(surroundings, port, directives))
        ids = [f"{surroundings.random.randrange(_ID_COUNT):040x}" for _ in sentinel_ports]
        self.sentinels = []
        for port, my_id in zip(sentinel_ports, ids, strict=True):
            others = [pair for pair in zip(ids, sentinel_ports, strict=True) if pair[0] != my_id]
            lines = known_lines(
                self.master_name, HOST, primary_port, self._quorum, server_ports[1:], others, my_id
            )
            lines += self._option_lines()
            self.sentinels.append(
                SentinelNode(surroundings, port, self._sentinel_directives, lines, pace_ms=self._pace_ms)
            )
        self.nodes = [*self.servers, *self.sentinels]
        await self._begin()

    def _option_lines(self) -> list[str]:
        return [
            f"sentinel {name} {self.master_name + ' ' if name in _OF_MASTER else ''}{directive_text(value)}"
            for name, value in self._sentinel_options.items()
        ]

    async def _begin(self) -> None:
        """Start all that there are, as they are at first."""
        for server in self.servers:
            await server.start()
        # Before that sentinels would find replicas cut off, and not look again for a while.
        primary, *replicas = self.servers
        await until(
            lambda: all(_follows(each, primary) for each in replicas), _READY_S, "the replicas are in sync"
        )
        for sentinel in self.sentinels:
            await sentinel.start()
        await self.wait_ready()

    async def reset(self) -> None:
        """Be as at first: all nodes run, in their first roles, without data.

        Takes some milliseconds where roles are the first ones; else all are started again.
        """
        self.heal()
        if self._is_as_at_first():
            for server in self.servers:
                server.clear()
            await until(self._are_caught_up, _READY_S, "the replicas have caught up")
        else:
            for node in self.nodes:
                node.forget()
            self.surroundings.set_time_back()
            await self._begin()
        self.surroundings.timeline.begin()

    def snapshot(self) -> Data:
        """What the primary holds: see `Node.snapshot`. Roles are no part of it."""
        return self.primary.snapshot()

    async def restore(self, snapshot: Data) -> None:
        """Have the primary, and all replicas that run, hold what was held then: see `Node.restore`."""
        self.primary.restore(snapshot)
        await until(self._are_caught_up, _READY_S, "the replicas have caught up")

    def _is_as_at_first(self) -> bool:
        return (
            all(node.is_up for node in self.nodes)
            and not self.surroundings.is_time_moved
            and self._is_ready()
            and self.primary is self.servers[0]
            and not any(sentinel.view.current_epoch for sentinel in self.sentinels)
            and not any(sentinel.faults.active for sentinel in self.sentinels)
        )

    async def __aenter__(self) -> SentinelGroup:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def __enter__(self) -> BlockingSentinelGroup:
        SHARED.start(self)
        return BlockingSentinelGroup(self, SHARED)

    def __exit__(self, *error: object) -> None:
        SHARED.stop(self)

    @property
    def primary(self) -> ConfiguredNode:
        """The primary that runs; of two, after a partition, the one that more sentinels tell clients of.

        Raises LookupError where there is none.
        """
        primaries = [server for server in self.servers if server.is_up and not server.is_replica]
        if not primaries:
            raise LookupError("no primary is running")
        ports = [self._master(sentinel).current_address.port for sentinel in self._awake(self.sentinels)]
        return max(primaries, key=lambda server: ports.count(server.port))

    @property
    def replicas(self) -> list[ConfiguredNode]:
        """The servers that run and are replicas."""
        return [server for server in self.servers if server.is_replica]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of the primary and the replicas."""
        return [(server.host, server.port) for server in self.servers]

    @property
    def sentinel_addresses(self) -> list[tuple[str, int]]:
        """Host and port of the sentinels, as clients want them."""
        return [(sentinel.host, sentinel.port) for sentinel in self.sentinels]

    def client(self, **options: Any) -> Redis:
        """A redis-py client of whoever is primary, with options of `redis.asyncio.Redis`."""
        from pyredis_cluster.testing.sentinel_clients import AsyncPrimaryClient

        sentinel = self.sentinel_client()
        client: Redis = sentinel.master_for(self.master_name, redis_class=AsyncPrimaryClient, **options)
        return client

    def sentinel_client(self, **options: Any) -> Sentinel:
        """The asynchronous `Sentinel` of redis-py, with its options: for `slave_for` and the like."""
        from redis.asyncio.sentinel import Sentinel

        return Sentinel(self.sentinel_addresses, **options)  # type: ignore[no-untyped-call]

    def partition(self, some: Iterable[Node], others: Iterable[Node], *, one_way: bool = False) -> None:
        """Let nothing pass between nodes, sentinels or servers; `one_way`: from `some` to `others`.

        Clients reach all of them. See `Cluster.partition`.
        """
        cut(list(some), list(others), one_way=one_way)

    async def fail_over(self, limit_s: float = 60.0) -> None:
        """Have a sentinel make a replica the primary (SENTINEL FAILOVER), and wait until all follow it.

        Raises `hiredis.ReplyError` where that cannot be, and TimeoutError.
        """
        old = self.primary
        self._awake(self.sentinels)[0].run("SENTINEL", "FAILOVER", self.master_name)
        is_done = lambda: self._is_ready() and self.primary is not old  # noqa: E731
        await until(is_done, limit_s, "the sentinels have made another server primary")

    async def wait_ready(self, limit_s: float = 60.0) -> None:
        """Wait until all sentinels that run agree on a primary, whom all servers that run follow, in sync.

        Raises TimeoutError.
        """
        await until(self._is_ready, limit_s, "the sentinels agree, and the replicas are in sync")

    def _is_ready(self) -> bool:
        servers, sentinels = self._awake(self.servers), self._awake(self.sentinels)
        primaries = [server for server in servers if not server.is_replica]
        if len(primaries) != 1 or not sentinels or not all(_follows(each, primaries[0]) for each in servers):
            return False
        others = [server.port for server in servers if server is not primaries[0]]
        return all(
            _knows(self._master(sentinel), primaries[0].port, others, len(sentinels) - 1)
            for sentinel in sentinels
        )

    def _master(self, sentinel: SentinelNode) -> Master:
        return sentinel.view.masters[self.master_name.encode()]

    def _are_caught_up(self) -> bool:
        offset = self.primary.server.state.replication.offset
        return all(replica.server.replication_roles.processed_offset == offset for replica in self.replicas)

    @staticmethod
    def _awake(nodes: Iterable[Any]) -> list[Any]:
        return [node for node in nodes if node.is_up and not node.is_paused]


def _follows(server: Node, primary: Node) -> bool:
    """Whether a server that runs is the primary, or its replica, in sync."""
    roles = server.server.replication_roles
    return server is primary or (roles.is_link_up and roles.primary == (primary.host, primary.port))


def _knows(master: Master, primary_port: int, replica_ports: list[int], sentinel_count: int) -> bool:
    """Whether a sentinel is done with all failovers and finds everybody where they are."""
    replicas = {
        replica.address.port
        for replica in master.replicas.values()
        if replica.info_ms and replica.master_link_up and not replica.flags & DOWN
    }
    sentinels = [
        each for each in master.sentinels.values() if not each.link.is_disconnected and not each.flags & DOWN
    ]
    return (
        master.address.port == primary_port
        and master.failover_state == FailoverState.NONE
        and master.info_ms != 0
        and not master.flags & DOWN
        and replicas.issuperset(replica_ports)
        and len(sentinels) >= sentinel_count
    )
