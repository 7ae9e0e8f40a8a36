"""Subcommands of CLUSTER that change the cluster as this node sees it."""

from __future__ import annotations

from pyredis_cluster.commands.cluster import as_text, cluster, cluster_node
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, NO_ASYNC_LOADING, NOSCRIPT, STALE
from pyredis_cluster.execution.personality import reworded
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError, subcommand_syntax, wrong_arity
from pyredis_cluster.protocol.numbers import integer, integer_or_none
from pyredis_cluster.protocol.reply import OK, Reply, Status
from pyredis_cluster.protocol.slots import SLOT_COUNT

_BUS_PORT_OFFSET = 10000
_CHANGES = NO_ASYNC_LOADING | ADMIN | STALE
_BAD_SLOT = CommandError("ERR Invalid or out of range slot")


def _slot(argument: bytes) -> int:
    slot = integer_or_none(argument)
    if slot is None or not 0 <= slot < SLOT_COUNT:
        raise _BAD_SLOT
    return slot


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
    node = cluster_node(call)
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
    node = cluster_node(call)
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
    node = cluster_node(call)
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
    node = cluster_node(call)
    node.delete_slots(_ranges(argv))
    return OK


def _ranges(argv: list[bytes]) -> list[tuple[int, int]]:
    if len(argv) % 2:
        raise wrong_arity("cluster|" + as_text(argv[1]).lower())
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
    node = cluster_node(call)
    if call.keyspace.databases[0].values:
        raise CommandError("ERR DB must be empty to perform CLUSTER FLUSHSLOTS.")
    node.flush_slots()
    return OK


@cluster.command(
    "CLUSTER BUMPEPOCH",
    arity=2,
    flags=_CHANGES,
    since="3.0.0",
    tips=("nondeterministic_output",),
    summary="Gives this node the greatest config epoch.",
)
def bumpepoch(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER BUMPEPOCH

    `BUMPED <epoch>`, or `STILL <epoch>` where it had the greatest already.
    """
    bumped, epoch = cluster_node(call).bump_epoch()
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
    node = cluster_node(call)
    node.set_config_epoch(integer(argv[2]))
    return OK


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
    node = cluster_node(call)
    if len(argv) > 5:
        raise subcommand_syntax(argv)
    port = integer_or_none(argv[3])
    if port is None:
        raise CommandError(b"ERR Invalid base port specified: " + argv[3])
    bus_port = integer_or_none(argv[4]) if len(argv) == 5 else port + _BUS_PORT_OFFSET
    if bus_port is None:
        raise CommandError(b"ERR Invalid bus port specified: " + argv[4])
    if not node.meet(as_text(argv[2]), port, bus_port):
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
    cluster_node(call).forget(as_text(argv[2]))
    return OK


@cluster.command(
    "CLUSTER REPLICATE",
    arity=3,
    flags=_CHANGES,
    since="3.0.0",
    syntax="node-id",
    summary="Makes this node a replica of a primary.",
)
def replicate(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER REPLICATE node-id

    `OK`: copying the primary's data begins. Raises an error for an unknown node, a replica, this node, or
    where this is a primary with slots or keys.
    """
    cluster_node(call).replicate(as_text(argv[2]))
    return OK


@cluster.command(
    "CLUSTER SETSLOT",
    arity=-4,
    flags=_CHANGES,
    since="3.0.0",
    syntax="slot subcommand=<IMPORTING importing~node-id | MIGRATING migrating~node-id | NODE node~node-id | "
    "STABLE>",
    summary="Says where a slot goes, or whose it is.",
)
def setslot(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER SETSLOT slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>

    `OK`. Raises an error on a replica, for an unknown node or a replica, for a slot that is not this node's
    (MIGRATING) or is (IMPORTING), and where a slot is given away that has keys here (NODE).
    """
    node = cluster_node(call)
    if node.is_replica:
        raise CommandError("ERR Please use SETSLOT only with masters.")
    slot = _slot(argv[2])
    match argv[3].lower(), [as_text(argument) for argument in argv[4:]]:
        case b"migrating", [node_id]:
            node.mark_migrating(slot, node_id)
        case b"importing", [node_id]:
            node.mark_importing(slot, node_id)
        case b"stable", []:
            node.mark_stable(slot)
        case b"node", [node_id]:
            node.assign_slot(slot, node_id)
        case _:
            raise CommandError("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")
    return OK


@cluster.command(
    "CLUSTER FAILOVER",
    arity=-2,
    flags=_CHANGES,
    since="3.0.0",
    syntax="[FORCE | TAKEOVER]",
    summary="Makes this replica take the place of its primary.",
)
def failover(call: Call, argv: list[bytes]) -> Reply:
    """CLUSTER FAILOVER [FORCE | TAKEOVER]

    `OK`: it has begun, and with TAKEOVER is done. Raises an error on a primary, and without an option where
    the primary is down.
    """
    node = cluster_node(call)
    if len(argv) > 3:
        raise subcommand_syntax(argv)
    option = argv[2].lower() if len(argv) == 3 else b""
    if option not in (b"", b"force", b"takeover") or (len(argv) == 3 and not option):
        raise SYNTAX_ERROR
    node.fail_over(force=option == b"force", takeover=option == b"takeover")
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
    node = cluster_node(call)
    if len(argv) > 3:
        raise subcommand_syntax(argv)
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
    node = cluster_node(call)
    try:
        node.save_config()
    except OSError as error:
        raise CommandError(f"ERR error saving the cluster node config: {error.strerror}") from None
    return OK


cluster.before("7.2.0", "CLUSTER MEET", wrap=reworded("Invalid (base|bus) port", r"Invalid TCP \1 port"))
