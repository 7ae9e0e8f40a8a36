"""A hundred nodes: they become a cluster by gossip, and agree again after the loss of a primary."""

from __future__ import annotations

import pytest

from pyredis_cluster.cluster.founding import even_ranges
from pyredis_cluster.testing.simulation.world import SimulatedHost, SimulatedWorld
from tests.simulation.cluster import PORT, SimulatedCluster, core_of

PRIMARIES, REPLICAS = 20, 4
NODE_TIMEOUT_MS = 5000
FORMED_S = 30
HEALED_S = 15


async def introduce(world: SimulatedWorld, cluster: SimulatedCluster) -> None:
    """Deal out slots and epochs, and have everybody meet the first, as redis-cli does; the rest is gossip."""
    hosts = cluster.hosts
    clients = [await world.connect(host) for host in hosts]
    for client, (first, last) in zip(clients, even_ranges(PRIMARIES), strict=False):
        assert await client.call("CLUSTER", "ADDSLOTSRANGE", first, last) == b"OK"
    for number, client in enumerate(clients):
        assert await client.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1) == b"OK"
        if number:
            assert await client.call("CLUSTER", "MEET", hosts[0].address, PORT) == b"OK"
    await world.until(lambda: all(knows_all(host, hosts) for host in hosts), FORMED_S)
    for number, client in enumerate(clients[PRIMARIES:]):
        assert await client.call("CLUSTER", "REPLICATE", core_of(hosts[number % PRIMARIES]).my_id) == b"OK"
    for client in clients:
        client.close()


def knows_all(host: SimulatedHost, hosts: list[SimulatedHost]) -> bool:
    nodes = core_of(host).state.nodes.values()
    return len(nodes) == len(hosts) and not any(node.in_handshake for node in nodes)


def agree_on_successor(hosts: list[SimulatedHost], lost_id: str) -> bool:
    """Whether all take that primary for failed, and the same replica for its successor, under one epoch."""
    successors = set()
    for host in hosts:
        state = core_of(host).state
        owner = state.slots[0]
        if not state.ok or not state.nodes[lost_id].is_failed or owner is None:
            return False
        successors.add((owner.node_id, owner.config_epoch))
    return len(successors) == 1 and lost_id not in {node_id for node_id, _ in successors}


@pytest.mark.slow
def test_a_hundred_nodes_form_a_cluster_and_get_over_the_loss_of_a_primary() -> None:
    with SimulatedWorld(seed=100) as world:
        cluster = SimulatedCluster(
            world, primaries=PRIMARIES, replicas=REPLICAS, node_timeout_ms=NODE_TIMEOUT_MS
        )

        async def life() -> None:
            for host in cluster.hosts:
                await host.start()
            await introduce(world, cluster)
            await world.until(cluster.is_well, FORMED_S)
            lost = cluster.hosts[0]
            lost_id = core_of(lost).my_id
            lost.kill()
            await world.until(lambda: agree_on_successor(cluster.up, lost_id), HEALED_S)

        world.run(life())
