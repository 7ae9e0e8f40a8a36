"""`create`: empty nodes become a cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from pyredis_cluster.admin.address import Address
from pyredis_cluster.admin.affinity import BESIDE_PRIMARY, affinity_score, optimize_affinity
from pyredis_cluster.admin.allocation import Allocation, allocate
from pyredis_cluster.admin.checking import check_cluster
from pyredis_cluster.admin.console import confirm
from pyredis_cluster.admin.describe import describe_node
from pyredis_cluster.admin.environment import Environment
from pyredis_cluster.admin.joining import meet_words, wait_until_joined
from pyredis_cluster.admin.link import Word
from pyredis_cluster.admin.live import LiveCluster, connect_node, loaded, require_empty
from pyredis_cluster.admin.outcome import Outcome
from pyredis_cluster.admin.topology import Node


def create(
    environment: Environment, addresses: Sequence[Address], *, replicas: int, assumes_yes: bool
) -> Outcome:
    """Make a cluster with so many replicas for each primary. Raises AdminError; what is done stays."""
    console = environment.console
    with contextlib.closing(LiveCluster()) as cluster:
        for address in addresses:
            node, link = connect_node(environment, address)
            cluster.add(node, link)
            require_empty(link, address)
        allocation = allocate(cluster.nodes, replicas)
        console.info(f">>> Performing hash slots allocation on {len(cluster.nodes)} nodes...")
        _say_allocation(environment, allocation)
        primary_of = allocation.primary_by_replica()
        _spread(environment, primary_of, cluster.nodes)
        _show(environment, cluster, allocation, primary_of)
        if not assumes_yes and not confirm(console, "Can I set the above configuration?"):
            return Outcome(ok=False)
        _configure(environment, cluster, allocation)
        wait_until_joined(environment, cluster, primary_of)
        for replica, primary in primary_of.items():
            cluster.call(replica, "CLUSTER", "REPLICATE", primary.node_id)
    with loaded(environment, addresses[0]) as cluster:
        findings = check_cluster(environment, cluster)
    return Outcome(ok=True, details=findings.as_json())


def _say_allocation(environment: Environment, allocation: Allocation) -> None:
    console = environment.console
    for rank, (_, slots) in enumerate(allocation.primaries):
        console.write(f"Master[{rank}] -> Slots {slots[0]} - {slots[-1]}\n")
    for replica, primary in allocation.replicas:
        console.write(f"Adding replica {replica} to {primary}\n")
    if allocation.extra:
        console.write("Adding extra replicas...\n")
    for replica, primary in allocation.extra:
        console.write(f"Adding replica {replica} to {primary}\n")


def _spread(environment: Environment, primary_of: dict[Node, Node], nodes: Sequence[Node]) -> None:
    console = environment.console
    score, _ = affinity_score(primary_of, nodes)
    if not score:
        return
    console.info(">>> Trying to optimize slaves allocation for anti-affinity")
    score = optimize_affinity(primary_of, nodes, environment.random)
    if not score:
        console.success("[OK] Perfect anti-affinity obtained!")
    elif score >= BESIDE_PRIMARY:
        console.warning("[WARNING] Some slaves are in the same host as their master")
    else:
        console.warning("[WARNING] Some slaves of the same master are in the same host")


def _show(
    environment: Environment, cluster: LiveCluster, allocation: Allocation, primary_of: dict[Node, Node]
) -> None:
    slots = dict(allocation.primaries)
    for node in cluster.nodes:
        primary = primary_of.get(node)
        planned = replace(
            node,
            slots=set(slots.get(node, ())),
            primary_id=None if primary is None else primary.node_id,
        )
        text = describe_node(planned, will_be_replica=primary is not None)
        environment.console.write(text + "\n")


def _configure(environment: Environment, cluster: LiveCluster, allocation: Allocation) -> None:
    """Slots, epochs that never collide, and a first meeting."""
    console = environment.console
    for primary, slots in allocation.primaries:
        cluster.call(primary, "CLUSTER", "ADDSLOTS", *slots)
    console.info(">>> Nodes configuration updated")
    console.info(">>> Assign a different config epoch to each node")
    for epoch, node in enumerate(cluster.nodes, 1):
        # Nodes that have been in a cluster before have an epoch: they settle collisions among themselves.
        cluster.call_all(node, [("CLUSTER", "SET-CONFIG-EPOCH", epoch)])
    console.info(">>> Sending CLUSTER MEET messages to join the cluster")
    words: list[Word] = meet_words(cluster.first)
    for node in cluster.nodes[1:]:
        cluster.call(node, *words)
