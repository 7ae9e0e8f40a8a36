"""Directives about replicas and about the cluster."""

from __future__ import annotations

from pyredis_cluster.config import checks
from pyredis_cluster.config.announcing import AnnounceRules
from pyredis_cluster.config.directive import Directive, choice, number, optional, size, special, text, yes_no
from pyredis_cluster.config.kinds import LLONG_MAX, ULLONG_MAX
from pyredis_cluster.config.specials import ReplicaOf
from pyredis_cluster.config.tables.data import REPLICATION_BACKLOG

_KEPT_PORT = 65535

REPLICATION: list[Directive] = [
    special(
        "replicaof",
        ReplicaOf(),
        None,
        "Primary to be a replica of.",
        alias="slaveof",
        immutable=True,
    ),
    optional("masterauth", "Password at the primary.", binary=True, sensitive=True),
    optional("masteruser", "User at the primary.", sensitive=True),
    yes_no(
        "replica-serve-stale-data",
        True,
        "Serve old data while the primary is away.",
        alias="slave-serve-stale-data",
    ),
    yes_no("replica-read-only", True, "Refuse writes to a replica.", alias="slave-read-only"),
    yes_no(
        "replica-ignore-maxmemory",
        True,
        "Leave evicting to the primary.",
        alias="slave-ignore-maxmemory",
    ),
    yes_no(
        "replica-lazy-flush",
        False,
        "Free the old data in the background when the primary's arrives.",
        alias="slave-lazy-flush",
        acts=False,
    ),
    number("replica-priority", 100, "Lower is promoted first; 0 never.", alias="slave-priority"),
    yes_no("replica-announced", True, "Let sentinels report this replica."),
    optional("replica-announce-ip", "Address told to the primary.", alias="slave-announce-ip"),
    number(
        "replica-announce-port",
        0,
        "Port told to the primary.",
        high=_KEPT_PORT,
        alias="slave-announce-port",
    ),
    yes_no(
        "replica-ignore-disk-write-errors", False, "Go on as replica though writing fails.", since="7.0.0"
    ),
    yes_no("repl-diskless-sync", True, "Send the data set without a file.", before=(("7.0.0", False),)),
    number("repl-diskless-sync-delay", 5, "Seconds to wait for more replicas."),
    number("repl-diskless-sync-max-replicas", 0, "Replicas at which waiting ends; 0 is any.", since="7.0.0"),
    choice(
        "repl-diskless-load",
        "disabled",
        ("disabled", "on-empty-db", "swapdb"),
        "Load the data set without a file.",
        not_while_loading=True,
    ),
    number(
        "repl-ping-replica-period",
        10,
        "Seconds between pings to replicas.",
        low=1,
        alias="repl-ping-slave-period",
    ),
    number("repl-timeout", 60, "Seconds of silence that end a replication link.", low=1),
    yes_no("repl-disable-tcp-nodelay", False, "Send to replicas in fewer packets."),
    *REPLICATION_BACKLOG,
    number(
        "min-replicas-to-write",
        0,
        "Replicas without which writes are refused.",
        alias="min-slaves-to-write",
    ),
    number(
        "min-replicas-max-lag",
        10,
        "Seconds after which one does not count.",
        alias="min-slaves-max-lag",
    ),
    choice(
        "propagation-error-behavior",
        "ignore",
        ("ignore", "panic", "panic-on-replicas"),
        "What to do when a replicated command fails.",
        since="7.0.0",
    ),
]

CLUSTER: list[Directive] = [
    yes_no("cluster-enabled", False, "Be a node of a cluster.", immutable=True),
    text(
        "cluster-config-file",
        "nodes.conf",
        "File in which the node keeps the cluster.",
        immutable=True,
        since="7.0.0",
    ),
    number(
        "cluster-node-timeout", 15000, "Milliseconds of silence after which a node fails.", high=LLONG_MAX
    ),
    number("cluster-ping-interval", 0, "Milliseconds between pings.", high=LLONG_MAX, hidden=True),
    number(
        "cluster-port",
        0,
        "Port of the bus; 0 is the clients' port + 10000.",
        high=65535,
        immutable=True,
        since="7.0.0",
    ),
    optional("cluster-announce-ip", "Address told to the other nodes."),
    optional(
        "cluster-announce-hostname",
        "Host name told to nodes and clients.",
        check=checks.hostname,
        since="7.0.0",
    ),
    optional(
        "cluster-announce-human-nodename",
        "Name that logs show for this node.",
        check=checks.human_nodename,
        since="7.2.0",
    ),
    number("cluster-announce-port", 0, "Clients' port told to the other nodes.", high=65535),
    number("cluster-announce-tls-port", 0, "TLS port told to the other nodes.", high=65535),
    number("cluster-announce-bus-port", 0, "Bus port told to the other nodes.", high=65535),
    choice(
        "cluster-preferred-endpoint-type",
        "ip",
        ("ip", "hostname", "unknown-endpoint"),
        "How clients are told where a node is.",
        since="7.0.0",
    ),
    special(
        "cluster-announce-to-clients",
        AnnounceRules(),
        (),
        "By which addresses clients are told of nodes, depending on how they came. Redis does not have it.",
        hidden=True,
    ),
    yes_no("cluster-require-full-coverage", True, "Serve only while every slot is served."),
    yes_no("cluster-allow-reads-when-down", False, "Serve reads though the cluster is down."),
    yes_no(
        "cluster-allow-pubsubshard-when-down", True, "Serve sharded pub/sub though it is down.", since="7.0.0"
    ),
    size(
        "cluster-link-sendbuf-limit",
        0,
        "Bytes waiting for a node at most; 0 is no limit.",
        high=ULLONG_MAX,
        since="7.0.0",
    ),
    yes_no(
        "cluster-replica-no-failover",
        False,
        "Do not replace a failed primary.",
        alias="cluster-slave-no-failover",
    ),
    number(
        "cluster-replica-validity-factor",
        10,
        "How old a replica's data may be, in node timeouts, to replace its primary; 0 any age.",
        alias="cluster-slave-validity-factor",
    ),
    yes_no("cluster-allow-replica-migration", True, "Let replicas move to primaries without."),
    number("cluster-migration-barrier", 1, "Replicas that a primary keeps."),
]
