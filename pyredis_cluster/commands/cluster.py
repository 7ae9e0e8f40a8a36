"""CLUSTER itself; READONLY, READWRITE and ASKING, by which clients say how they use a cluster.

The subcommands are in `cluster_changes` and `cluster_views`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, FAST, LOADING, STALE, Category, Group
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import OK, Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.cluster import Cluster

_DISABLED: Final = CommandError("ERR This instance has cluster support disabled")

cluster = Group("cluster")
cluster.container("CLUSTER", since="3.0.0", summary="A container for commands about the cluster.")
cluster.before(
    "7.0.0",
    "CLUSTER",
    adds=ADMIN | STALE,
    categories=Category.ADMIN | Category.SLOW | Category.DANGEROUS,
    tips=("nondeterministic_output",),
)


def cluster_node(call: Call) -> Cluster:
    """The cluster. Raises CommandError where this server is not a node of one."""
    node = call.server.cluster
    if node is None:
        raise _DISABLED
    return node


def as_text(argument: bytes) -> str:
    """An argument as text, whatever its bytes."""
    return argument.decode("utf-8", "surrogateescape")


@cluster.command(
    "CLUSTER HELP", arity=2, flags=LOADING | STALE, since="5.0.0", summary="Describes the subcommands."
)
def help_(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER HELP

    Lines of text.
    """
    cluster_node(call)
    return help_lines(argv[0], _HELP)


@cluster.command(
    "READONLY",
    arity=1,
    flags=FAST | LOADING | STALE,
    categories=Category.CONNECTION,
    since="3.0.0",
    summary="Lets a replica serve reads of its primary's slots to this client.",
)
def readonly(call: Call, argv: list[bytes]) -> Reply:
    """READONLY

    `OK`.
    """
    cluster_node(call)
    call.session.is_readonly = True
    return OK


@cluster.command(
    "READWRITE",
    arity=1,
    flags=FAST | LOADING | STALE,
    categories=Category.CONNECTION,
    since="3.0.0",
    summary="Undoes READONLY.",
)
def readwrite(call: Call, argv: list[bytes]) -> Reply:
    """READWRITE

    `OK`.
    """
    cluster_node(call)
    call.session.is_readonly = False
    return OK


@cluster.before("7.0.0", "READWRITE")
def readwrite_anywhere(call: Call, argv: list[bytes]) -> Reply:
    """READWRITE

    `OK`, in a cluster or not.
    """
    call.session.is_readonly = False
    return OK


@cluster.command(
    "ASKING",
    arity=1,
    flags=FAST,
    categories=Category.CONNECTION,
    since="3.0.0",
    summary="Lets the next command use a slot that is being imported.",
)
def asking(call: Call, argv: list[bytes]) -> Reply:
    """ASKING

    `OK`; concerns the next command alone.
    """
    cluster_node(call)
    call.session.is_asking = True
    call.session.set_gate(gate.GATE_ASKING, True)
    return OK


cluster.before("7.0.0", "READONLY", "READWRITE", drops=LOADING | STALE)
cluster.before("7.0.0", "READONLY", "READWRITE", "ASKING", categories=Category.KEYSPACE | Category.FAST)

_HELP: Final = """
ADDSLOTS <slot> [<slot> ...]
    Assign slots to current node.
ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]
    Assign slots which are between <start-slot> and <end-slot> to current node.
BUMPEPOCH
    Advance the cluster config epoch.
COUNT-FAILURE-REPORTS <node-id>
    Return number of failure reports for <node-id>.
COUNTKEYSINSLOT <slot>
    Return the number of keys in <slot>.
DELSLOTS <slot> [<slot> ...]
    Delete slots information from current node.
DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]
    Delete slots information which are between <start-slot> and <end-slot> from current node.
FAILOVER [FORCE|TAKEOVER]
    Promote current replica node to being a master.
FORGET <node-id>
    Remove a node from the cluster.
GETKEYSINSLOT <slot> <count>
    Return key names stored by current node in a slot.
FLUSHSLOTS
    Delete current node own slots information.
INFO
    Return information about the cluster.
KEYSLOT <key>
    Return the hash slot for <key>.
MEET <ip> <port> [<bus-port>]
    Connect nodes into a working cluster.
MYID
    Return the node id.
MYSHARDID
    Return the node's shard id.
NODES
    Return cluster configuration seen by node. Output format:
    <id> <ip:port@bus-port[,hostname]> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...
REPLICATE <node-id>
    Configure current node as replica to <node-id>.
RESET [HARD|SOFT]
    Reset current node (default: soft).
SET-CONFIG-EPOCH <epoch>
    Set config epoch of current node.
SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)
    Set slot state.
REPLICAS <node-id>
    Return <node-id> replicas.
SAVECONFIG
    Force saving cluster configuration on disk.
SLOTS
    Return information about slots range mappings. Each range is made of:
    start, end, master and replicas IP addresses, ports and ids
SHARDS
    Return information about slot range mappings and the nodes associated with them.
LINKS
    Return information about all network links between this node and its peers.
    Output format is an array where each array element is a map containing attributes of a link
"""
