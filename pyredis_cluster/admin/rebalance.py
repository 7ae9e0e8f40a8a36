"""`rebalance`: to each primary slots by its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.errors import AdminError
from pyredis_cluster.admin.joining import wait_until_up
from pyredis_cluster.admin.live import LiveCluster, loaded
from pyredis_cluster.admin.moving import MoveOptions, SlotMover
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.resharding import Balance, Transfer, plan_rebalance, plan_reshard
from pyredis_cluster.admin.topology import Node, Topology


@dataclass(frozen=True, slots=True)
class RebalanceRequest:
    """How to balance. `weights` are `beginning-of-id=number`; primaries without slots are left out unless
    asked for; `threshold` is the difference in percent that is left alone.
    """

    weights: tuple[str, ...] = ()
    uses_empty: bool = False
    threshold: float = 2.0
    simulates: bool = False
    is_verbose: bool = False


def rebalance(
    environment: Environment, address: Address, request: RebalanceRequest, options: MoveOptions
) -> Outcome:
    """Move slots until all have their share. Raises AdminError; what was moved stays moved."""
    console = environment.console
    with loaded(environment, address) as cluster:
        weights = _weights(cluster, request.weights)
        if check_cluster(environment, cluster, shows_nodes=False).errors:
            raise AdminError("*** Please fix your cluster problems before rebalancing")
        involved = [node for node in cluster.primaries if node.slots or request.uses_empty]
        balance = plan_rebalance(involved, weights, request.threshold)
        if not balance.surplus:
            console.warning(
                f"*** No rebalancing needed! All nodes are within the {request.threshold:.2f}% threshold."
            )
            return Outcome(details={"transfers": []})
        console.info(
            f">>> Rebalancing across {len(involved)} nodes. Total weight = {balance.total_weight:.2f}"
        )
        if request.is_verbose:
            for node, surplus in balance.surplus:
                console.write(f"{node} balance is {surplus} slots\n")
        _carry_out(environment, cluster, balance, request, options)
        return Outcome(details={"transfers": [_as_json(transfer) for transfer in balance.transfers]})


def _weights(cluster: Topology, words: Sequence[str]) -> dict[Node, float]:
    weights = {}
    for word in words:
        name, equals, number = word.partition("=")
        node = cluster.by_abbreviated_id(name)
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not equals or not 0 <= weight < float("inf"):
            raise AdminError(f"*** invalid input {word}")
        if node is None:
            raise AdminError(f"*** No such master node {name}")
        weights[node] = weight
    return weights


def _carry_out(
    environment: Environment,
    cluster: LiveCluster,
    balance: Balance,
    request: RebalanceRequest,
    options: MoveOptions,
) -> None:
    console = environment.console
    wait_until_up(environment, cluster)
    mover = SlotMover(environment, cluster, options)
    total = sum([transfer.slot_count for transfer in balance.transfers])
    with console.progress("Moving slots", total) as progress:
        for source, target, count in balance.transfers:
            console.write(f"Moving {count} slots from {source} to {target}\n")
            for slot, _ in plan_reshard([source], count):
                if not request.simulates:
                    mover.move(source, target, slot, quiet=True)
                console.write("#")
                progress.advance()
            console.write("\n")


def _as_json(transfer: Transfer) -> dict[str, object]:
    return {"from": transfer.source.node_id, "to": transfer.target.node_id, "slots": transfer.slot_count}
