"""`reshard`: slots from some primaries to one."""

from __future__ import annotations

from dataclasses import dataclass

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.console import Console, ask, require_yes
from pyredis_cluster.admin.describe import describe_node
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError, UsageError
from pyredis_cluster.admin.joining import wait_until_up
from pyredis_cluster.admin.live import loaded
from pyredis_cluster.admin.moving import MoveOptions, SlotMover
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.resharding import SlotMove, plan_reshard
from pyredis_cluster.admin.topology import Node, Topology
from pyredis_cluster.protocol.slots import SLOT_COUNT

_ALL = "all"


@dataclass(frozen=True, slots=True)
class ReshardRequest:
    """What to move; what is missing is asked for. `sources` are ids, or `all`."""

    slots: int | None = None
    target: str | None = None
    sources: tuple[str, ...] | None = None
    assumes_yes: bool = False


def reshard(
    environment: Environment, address: Address, request: ReshardRequest, options: MoveOptions
) -> Outcome:
    """Move slots with their keys. Raises AdminError; what was moved stays moved."""
    console = environment.console
    with loaded(environment, address) as cluster:
        if check_cluster(environment, cluster).errors:
            raise UsageError("*** Please fix your cluster problems before resharding")
        wanted = request.slots or _ask_slots(console)
        target = _primary(cluster, request.target or _ask_target(console))
        sources = _sources(console, cluster, target, request.sources)
        if not sources:
            raise UsageError("*** No source nodes given, operation aborted.")
        plan = plan_reshard(sources, wanted)
        _show(console, wanted, sources, target, plan)
        if not request.assumes_yes:
            require_yes(console, "Do you want to proceed with the proposed reshard plan (yes/no)? ")
        wait_until_up(environment, cluster)
        mover = SlotMover(environment, cluster, options)
        keys = 0
        with console.progress("Moving slots", len(plan)) as progress:
            for slot, source in plan:
                keys += mover.move(source, target, slot)
                progress.advance()
        moves = [{"slot": slot, "from": source.node_id, "to": target.node_id} for slot, source in plan]
        return Outcome(details={"moved": moves, "keys": keys})


def _ask_slots(console: Console) -> int:
    while True:
        answer = ask(console, f"How many slots do you want to move (from 1 to {SLOT_COUNT})? ")
        if answer.isdecimal() and 1 <= int(answer) <= SLOT_COUNT:
            return int(answer)


def _ask_target(console: Console) -> str:
    while True:
        if answer := ask(console, "What is the receiving node ID? "):
            return answer


def _primary(cluster: Topology, node_id: str) -> Node:
    node = cluster.by_id(node_id)
    if node is None or node.is_replica:
        raise AdminError(f"*** The specified node ({node_id}) is not known or not a master, please retry.")
    return node


def _sources(console: Console, cluster: Topology, target: Node, given: tuple[str, ...] | None) -> list[Node]:
    if given is None:
        return _ask_sources(console, cluster, target)
    if _ALL in given:
        return _all_but(cluster, target)
    found: list[Node] = []
    for word in given:
        if word:
            _add_source(console, found, _primary(cluster, word), target)
    return found


def _ask_sources(console: Console, cluster: Topology, target: Node) -> list[Node]:
    console.write(
        "Please enter all the source node IDs.\n"
        "  Type 'all' to use all the nodes as source nodes for the hash slots.\n"
        "  Type 'done' once you entered all the source nodes IDs.\n"
    )
    found: list[Node] = []
    while True:
        match ask(console, f"Source node #{len(found) + 1}: "):
            case "done":
                return found
            case "all":
                return _all_but(cluster, target)
            case node_id:
                _add_source(console, found, _primary(cluster, node_id), target)


def _add_source(console: Console, found: list[Node], node: Node, target: Node) -> None:
    if node is target:
        console.error("*** It is not possible to use the target node as source node.")
    elif node not in found:
        found.append(node)


def _all_but(cluster: Topology, target: Node) -> list[Node]:
    return [node for node in cluster.primaries if node is not target]


def _show(console: Console, wanted: int, sources: list[Node], target: Node, plan: list[SlotMove]) -> None:
    lines = [f"\nReady to move {wanted} slots.", "  Source nodes:"]
    lines += [describe_node(node, 4) for node in sources]
    lines += ["  Destination node:", describe_node(target, 4), "  Resharding plan:"]
    lines += [f"    Moving slot {slot} from {source.node_id}" for slot, source in plan]
    console.write("\n".join(lines) + "\n")
