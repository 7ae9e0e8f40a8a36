"""The cluster-* directives, as values the core reads. The shell keeps them in step with CONFIG SET."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pyredis_cluster.cluster.wire import BUS_PORT_OFFSET
from pyredis_cluster.config.announcing import AnnounceRule

NODE_TIMEOUT_MS_DEFAULT = 15_000


class EndpointType(Enum):
    """What redirections and CLUSTER SLOTS name a node by (`cluster-preferred-endpoint-type`)."""

    IP = "ip"
    HOSTNAME = "hostname"
    UNKNOWN = "unknown-endpoint"


@dataclass(slots=True)
class ClusterSettings:
    """One field per directive, with Redis's defaults; ports are 0 and texts "" where not set.

    `writable_delay_ms` is no directive: a primary that has just started stays `fail` that long, so that
    the cluster can tell it of a failover that happened meanwhile. Raising it lengthens every start,
    lowering it risks writes to slots that were taken over. `sends_extensions` is off where `redis-version` is
    6.2: nodes of that version drop a PING that ends in more than they know.
    """

    port: int = 6379
    tls_port: int = 0
    cluster_port: int = 0
    tls_cluster: bool = False
    node_timeout_ms: int = NODE_TIMEOUT_MS_DEFAULT
    ping_interval_ms: int = 0
    require_full_coverage: bool = True
    allow_reads_when_down: bool = False
    allow_pubsubshard_when_down: bool = True
    allow_replica_migration: bool = True
    migration_barrier: int = 1
    replica_no_failover: bool = False
    replica_validity_factor: int = 10
    repl_ping_period_s: int = 10
    announce_ip: str = ""
    announce_port: int = 0
    announce_tls_port: int = 0
    announce_bus_port: int = 0
    announce_hostname: str = ""
    announce_human_nodename: str = ""
    preferred_endpoint_type: EndpointType = EndpointType.IP
    announce_rules: tuple[AnnounceRule, ...] = ()
    writable_delay_ms: int = 2000
    sends_extensions: bool = True

    @property
    def listen_port(self) -> int:
        """The port the bus listens on; above 65535 where the client port leaves no room for it."""
        return self.cluster_port or self._client_port + BUS_PORT_OFFSET

    @property
    def announced_tcp_port(self) -> int:
        """Client port that other nodes are told, plaintext."""
        return self.announce_port or self.port

    @property
    def announced_tls_port(self) -> int:
        """Client port that other nodes are told, TLS."""
        return self.announce_tls_port or self.tls_port

    @property
    def announced_bus_port(self) -> int:
        """Bus port that other nodes are told."""
        return self.announce_bus_port or self.listen_port

    @property
    def _client_port(self) -> int:
        return self.tls_port if self.tls_cluster else self.port
