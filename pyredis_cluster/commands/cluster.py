"""CLUSTER and its subcommands, READONLY, READWRITE, ASKING."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    ADMIN,
    FAST,
    LOADING,
    NO_ASYNC_LOADING,
    NOSCRIPT,
    STALE,
    Category,
    Group,
)
from pyredis_cluster.execution.help import help_lines
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError, wrong_arity
from pyredis_cluster.protocol.numbers import integer, integer_or_none
from pyredis_cluster.protocol.reply import OK, Reply, Status, Verbatim
from pyredis_cluster.protocol.slots import SLOT_COUNT, key_slot

if TYPE_CHECKING:
    from pyredis_cluster.execution.cluster import Cluster

_BUS_PORT_OFFSET: Final = 10000
_CHANGES: Final = NO_ASYNC_LOADING | ADMIN | STALE
_DISABLED: Final = CommandError("ERR This instance has cluster support disabled")
_BAD_SLOT: Final = CommandError("ERR Invalid or out of range slot")
_VARYING: Final = ("nondeterministic_output",)

cluster = Group("cluster")
cluster.container("CLUSTER", since="3.0.0", summary="A container for commands about the cluster.")

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
RESET [HARD|SOFT]
    Reset current node (default: soft).
SET-CONFIG-EPOCH <epoch>
    Set config epoch of current node.
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


def _cluster(call: Call) -> Cluster:
    """The cluster. Raises CommandError where this server is not a node of one."""
    node = call.server.cluster
    if node is None:
        raise _DISABLED
    return node


def _text(argument: bytes) -> str:
    return argument.decode("utf-8", "surrogateescape")


def _slot(argument: bytes) -> int:
    slot = integer_or_none(argument)
    if slot is None or not 0 <= slot < SLOT_COUNT:
        raise _BAD_SLOT
    return slot


def _syntax_error(argv: list[bytes]) -> CommandError:
    return CommandError(
        b"ERR unknown subcommand or wrong number of arguments for '%b'. Try CLUSTER HELP." % argv[1][:128]
    )


@cluster.command(
    "CLUSTER ADDSLOTS",
    arity=-3,
    flags=_CHANGES,
    since="3.0.0",
    syntax="slot [slot ...]",
    summary="Takes slots that no node has.",
    complexity="O(N) where N is the total number of hash slot arguments",
)
def addslots(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER ADDSLOTS slot [slot ...]

    `OK`. Raises an error, and takes none, where a slot is bad, assigned, or given twice.
    """
    node = _cluster(call)
    slots = [_slot(argument) for argument in argv[2:]]
    node.add_slots([(slot, slot) for slot in slots])
    return OK


@cluster.command(
    "CLUSTER DELSLOTS",
    arity=-3,
    flags=_CHANGES,
    since="3.0.0",
    syntax="slot [slot ...]",
    summary="Makes this node forget who has some slots.",
    complexity="O(N) where N is the total number of hash slot arguments",
)
def delslots(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER DELSLOTS slot [slot ...]

    `OK`. Raises an error, and changes nothing, where a slot is bad, not assigned, or given twice.
    """
    node = _cluster(call)
    slots = [_slot(argument) for argument in argv[2:]]
    node.delete_slots([(slot, slot) for slot in slots])
    return OK


@cluster.command(
    "CLUSTER ADDSLOTSRANGE",
    arity=-4,
    flags=_CHANGES,
    since="7.0.0",
    syntax="start-slot end-slot [start-slot end-slot ...]",
    summary="Takes ranges of slots that no node has.",
    complexity="O(N) where N is the total number of the slots between the start slot and end slot arguments.",
)
def addslotsrange(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER ADDSLOTSRANGE start-slot end-slot [start-slot end-slot ...]

    As CLUSTER ADDSLOTS; raises an error where a range begins after its end.
    """
    node = _cluster(call)
    node.add_slots(_ranges(argv))
    return OK


@cluster.command(
    "CLUSTER DELSLOTSRANGE",
    arity=-4,
    flags=_CHANGES,
    since="7.0.0",
    syntax="start-slot end-slot [start-slot end-slot ...]",
    summary="Makes this node forget who has ranges of slots.",
    complexity="O(N) where N is the total number of the slots between the start slot and end slot arguments.",
)
def delslotsrange(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER DELSLOTSRANGE start-slot end-slot [start-slot end-slot ...]

    As CLUSTER DELSLOTS; raises an error where a range begins after its end.
    """
    node = _cluster(call)
    node.delete_slots(_ranges(argv))
    return OK


def _ranges(argv: list[bytes]) -> list[tuple[int, int]]:
    if len(argv) % 2:
        raise wrong_arity("cluster|" + _text(argv[1]).lower())
    ranges = []
    for start, end in zip(argv[2::2], argv[3::2], strict=True):
        first, last = _slot(start), _slot(end)
        if first > last:
            raise CommandError(f"ERR start slot number {first} is greater than end slot number {last}")
        ranges.append((first, last))
    return ranges


@cluster.command(
    "CLUSTER FLUSHSLOTS",
    arity=2,
    flags=_CHANGES,
    since="3.0.0",
    summary="Makes this node give up all its slots.",
)
def flushslots(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER FLUSHSLOTS

    `OK`. Raises an error where there are keys.
    """
    node = _cluster(call)
    if call.keyspace.databases[0].values:
        raise CommandError("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.")
    node.flush_slots()
    return OK


@cluster.command(
    "CLUSTER BUMPEPOCH",
    arity=2,
    flags=_CHANGES,
    since="3.0.0",
    tips=_VARYING,
    summary="Gives this node the greatest config epoch.",
)
def bumpepoch(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER BUMPEPOCH

    `BUMPED <epoch>`, or `STILL <epoch>` where it had the greatest already.
    """
    bumped, epoch = _cluster(call).bump_epoch()
    return Status(b"%b %d" % (b"BUMPED" if bumped else b"STILL", epoch))


@cluster.command(
    "CLUSTER SET-CONFIG-EPOCH",
    arity=3,
    flags=_CHANGES,
    since="3.0.0",
    syntax="config-epoch",
    summary="Gives a fresh node its config epoch.",
)
def set_config_epoch(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SET-CONFIG-EPOCH config-epoch

    `OK`. Raises an error for a negative epoch, or where the node knows others or has an epoch.
    """
    node = _cluster(call)
    node.set_config_epoch(integer(argv[2]))
    return OK


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
    return _cluster(call).failure_reports(_text(argv[2]))


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
    _cluster(call)
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
    _cluster(call)
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
    _cluster(call)
    return key_slot(argv[2])


@cluster.command(
    "CLUSTER MEET",
    arity=-4,
    flags=_CHANGES,
    since="3.0.0",
    syntax="ip port [cluster-bus-port@4.0.0]",
    summary="Makes this node and another one know each other.",
    history=(("4.0.0", "Added the optional `cluster_bus_port` argument."),),
)
def meet(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER MEET ip port [cluster-bus-port]

    `OK`: the handshake has begun, or was under way. Raises an error for what is no address.
    """
    node = _cluster(call)
    if len(argv) > 5:
        raise _syntax_error(argv)
    port = integer_or_none(argv[3])
    if port is None:
        raise CommandError(b"ERR Invalid base port specified: " + argv[3])
    bus_port = integer_or_none(argv[4]) if len(argv) == 5 else port + _BUS_PORT_OFFSET
    if bus_port is None:
        raise CommandError(b"ERR Invalid bus port specified: " + argv[4])
    if not node.meet(_text(argv[2]), port, bus_port):
        raise CommandError(b"ERR Invalid node address specified: %b:%b" % (argv[2], argv[3]))
    return OK


@cluster.command(
    "CLUSTER FORGET",
    arity=3,
    flags=_CHANGES,
    since="3.0.0",
    syntax="node-id",
    summary="Removes a node from the table of nodes.",
)
def forget(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER FORGET node-id

    `OK`. Raises an error for an unknown node, this node, or its primary.
    """
    _cluster(call).forget(_text(argv[2]))
    return OK


@cluster.command(
    "CLUSTER RESET",
    arity=-2,
    flags=ADMIN | STALE | NOSCRIPT,
    since="3.0.0",
    syntax="[HARD | SOFT]",
    summary="Makes this node forget the cluster.",
    complexity=(
        "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect."
    ),
)
def reset(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER RESET [HARD | SOFT]

    `OK`. Raises an error for a primary with keys.
    """
    node = _cluster(call)
    if len(argv) > 3:
        raise _syntax_error(argv)
    mode = argv[2].lower() if len(argv) == 3 else b"soft"
    if mode not in (b"hard", b"soft"):
        raise SYNTAX_ERROR
    if not node.is_replica and call.keyspace.databases[0].values:
        raise CommandError("ERR CLUSTER RESET can't be called with master nodes containing keys")
    node.reset(hard=mode == b"hard")
    return OK


@cluster.command(
    "CLUSTER SAVECONFIG",
    arity=2,
    flags=_CHANGES,
    since="3.0.0",
    summary="Saves the cluster's configuration to disk.",
)
def saveconfig(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SAVECONFIG

    `OK`. Raises an error where that fails.
    """
    node = _cluster(call)
    try:
        node.save_config()
    except OSError as error:
        raise CommandError(f"ERR error saving the cluster node config: {error.strerror}") from None
    return OK


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
    return Verbatim(_cluster(call).info_text().encode("latin-1"))


@cluster.command("CLUSTER MYID", arity=2, flags=STALE, since="3.0.0", summary="Tells this node's id.")
def myid(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER MYID

    40 characters.
    """
    return _cluster(call).my_id.encode()


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
    return _cluster(call).my_shard_id.encode()


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
    return Verbatim(_cluster(call).nodes_text().encode("latin-1"))


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
    return _cluster(call).slots_reply()


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
    return _cluster(call).shards_reply()


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
    return _cluster(call).links_reply()


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
    return _cluster(call).replicas_reply(_text(argv[2]))


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


@cluster.command(
    "CLUSTER HELP", arity=2, flags=LOADING | STALE, since="5.0.0", summary="Describes the subcommands."
)
def help_(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER HELP

    Lines of text.
    """
    _cluster(call)
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
    _cluster(call)
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
    _cluster(call)
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
    _cluster(call)
    call.session.is_asking = True
    call.session.set_gate(gate.GATE_ASKING, True)
    return OK
