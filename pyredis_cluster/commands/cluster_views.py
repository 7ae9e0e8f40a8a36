"""Subcommands of CLUSTER that tell what this node knows."""

from __future__ import annotations

from pyredis_cluster.commands.cluster import as_text, cluster, cluster_node
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, LOADING, STALE
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import Reply, Verbatim
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot

_VARYING = ("nondeterministic_output",)


@cluster.command(
    "CLUSTER COUNT-FAILURE-REPORTS",
    arity=3,
    flags=ADMIN | STALE,
    since="3.0.0",
    tips=_VARYING,
    syntax="node-id",
    summary="Counts the nodes that report one as failing.",
    complexity="O(N) where N is the number of failure reports",
)
def count_failure_reports(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER COUNT-FAILURE-REPORTS node-id

    How many reports have not expired. Raises an error for an unknown node.
    """
    return cluster_node(call).failure_reports(as_text(argv[2]))


@cluster.command(
    "CLUSTER COUNTKEYSINSLOT",
    arity=3,
    flags=STALE,
    since="3.0.0",
    syntax="slot",
    summary="Counts the keys of a slot that are here.",
)
def countkeysinslot(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER COUNTKEYSINSLOT slot

    The number of keys. Raises an error for a bad slot.
    """
    cluster_node(call)
    slot = integer(argv[2])
    if not 0 <= slot < SLOT_COUNT:
        raise CommandError("ERR Invalid slot")
    return call.keyspace.databases[0].count_keys_in_slot(slot)


@cluster.command(
    "CLUSTER GETKEYSINSLOT",
    arity=4,
    flags=STALE,
    since="3.0.0",
    tips=_VARYING,
    syntax="slot count",
    summary="Lists keys of a slot that are here.",
    complexity="O(N) where N is the number of requested keys",
)
def getkeysinslot(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER GETKEYSINSLOT slot count

    At most `count` keys, as an array. Raises an error for a bad slot or count.
    """
    cluster_node(call)
    slot, count = integer(argv[2]), integer(argv[3])
    if not 0 <= slot < SLOT_COUNT or count < 0:
        raise CommandError("ERR Invalid slot or number of keys")
    return call.keyspace.databases[0].keys_in_slot(slot, count)


@cluster.command(
    "CLUSTER KEYSLOT",
    arity=3,
    flags=STALE,
    since="3.0.0",
    syntax="key",
    summary="Tells which slot a key belongs to.",
    complexity="O(N) where N is the number of bytes in the key",
)
def keyslot(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER KEYSLOT key

    The slot, 0 to 16383.
    """
    cluster_node(call)
    return key_slot(argv[2])


@cluster.command(
    "CLUSTER INFO",
    arity=2,
    flags=STALE,
    since="3.0.0",
    tips=_VARYING,
    summary="Tells the state of the cluster as this node sees it.",
)
def info(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER INFO

    Lines of `field:value`.
    """
    return Verbatim(cluster_node(call).info_text().encode("latin-1"))


@cluster.before("7.0.0", "CLUSTER INFO")
def info_without_links(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER INFO

    As later, but for what concerns the buffers of links.
    """
    text = cluster_node(call).info_text()
    return Verbatim(
        "".join([line for line in text.splitlines(True) if "_links_" not in line]).encode("latin-1")
    )


@cluster.command("CLUSTER MYID", arity=2, flags=STALE, since="3.0.0", summary="Tells this node's id.")
def myid(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER MYID

    40 characters.
    """
    return cluster_node(call).my_id.encode()


@cluster.command(
    "CLUSTER MYSHARDID",
    arity=2,
    flags=STALE,
    since="7.2.0",
    tips=_VARYING,
    summary="Tells the id of this node's shard.",
)
def myshardid(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER MYSHARDID

    40 characters.
    """
    return cluster_node(call).my_shard_id.encode()


@cluster.command(
    "CLUSTER NODES",
    arity=2,
    flags=STALE,
    since="3.0.0",
    tips=_VARYING,
    summary="Tells what this node knows of all nodes.",
    complexity="O(N) where N is the total number of Cluster nodes",
)
def nodes(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER NODES

    One line a node, in the form of nodes.conf.
    """
    return Verbatim(cluster_node(call).nodes_text(call.session).encode("latin-1"))


@cluster.command(
    "CLUSTER SLOTS",
    arity=2,
    flags=LOADING | STALE,
    since="3.0.0",
    tips=_VARYING,
    summary="Tells which nodes serve which slots.",
    complexity="O(N) where N is the total number of Cluster nodes",
    history=(("4.0.0", "Added node IDs."), ("7.0.0", "Added additional networking metadata field.")),
    deprecated_since="7.0.0",
    replaced_by="`CLUSTER SHARDS`",
)
def slots(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SLOTS

    For each run of slots: first, last, primary, replicas; a node is endpoint, port, id, further endpoints.
    """
    return cluster_node(call).slots_reply(call.session)


@cluster.before("7.0.0", "CLUSTER SLOTS")
def slots_without_metadata(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SLOTS

    As later, but that a node is endpoint, port and id only.
    """
    runs = cluster_node(call).slots_reply(call.session)
    return [[first, last, *(node[:3] for node in nodes)] for first, last, *nodes in runs]


@cluster.command(
    "CLUSTER SHARDS",
    arity=2,
    flags=LOADING | STALE,
    since="7.0.0",
    tips=_VARYING,
    summary="Tells the slots and nodes of each shard.",
    complexity="O(N) where N is the total number of cluster nodes",
)
def shards(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SHARDS

    For each shard a map: `slots` (first, last, ...) and `nodes` (a map each).
    """
    return cluster_node(call).shards_reply(call.session)


@cluster.command(
    "CLUSTER LINKS",
    arity=2,
    flags=STALE,
    since="7.0.0",
    tips=_VARYING,
    summary="Tells the bus connections to and from other nodes.",
    complexity="O(N) where N is the total number of Cluster nodes",
)
def links(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER LINKS

    A map for each connection.
    """
    return cluster_node(call).links_reply()


@cluster.command(
    "CLUSTER REPLICAS",
    arity=3,
    flags=ADMIN | STALE,
    since="5.0.0",
    tips=_VARYING,
    syntax="node-id",
    summary="Lists the replicas of a primary.",
    complexity="O(N) where N is the number of replicas.",
)
def replicas(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER REPLICAS node-id

    A line of CLUSTER NODES each. Raises an error for an unknown node or a replica.
    """
    return cluster_node(call).replicas_reply(call.session, as_text(argv[2]))


@cluster.command(
    "CLUSTER SLAVES",
    arity=3,
    flags=ADMIN | STALE,
    since="3.0.0",
    tips=_VARYING,
    syntax="node-id",
    summary="Lists the replicas of a primary.",
    complexity="O(N) where N is the number of replicas.",
    deprecated_since="5.0.0",
    replaced_by="`CLUSTER REPLICAS`",
)
def slaves(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SLAVES node-id

    As CLUSTER REPLICAS.
    """
    return replicas(call, argv)


cluster.before("7.2.0", "CLUSTER SLOTS", "CLUSTER SHARDS", drops=LOADING)
