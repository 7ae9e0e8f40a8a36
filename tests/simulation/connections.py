"""A client's connections to the nodes of a simulated cluster, made when they are needed."""

from __future__ import annotations

from typing import Any

from pyredis_cluster.testing.simulation.client import SimulatedClient
from tests.simulation.cluster import PORT, SimulatedCluster


class Connections:
    """One connection to each node; one whose node does not answer in time is given up."""

    def __init__(self, cluster: SimulatedCluster, machine: int, timeout_s: float) -> None:
        self._network = cluster.world.client_network(machine)
        self._timeout_s = timeout_s
        self._clients: dict[str, SimulatedClient] = {}

    async def call(self, address: str, *words: bytes | str | int, is_asking: bool = False) -> Any:
        """Send a request, after ASKING where `is_asking`. Raises OSError and TimeoutError."""
        client = self._clients.get(address)
        if client is None or not client.is_connected:
            client = await SimulatedClient.connect(self._network, address, PORT, self._timeout_s)
            self._clients[address] = client
        try:
            if is_asking:
                await client.call("ASKING", timeout_s=self._timeout_s)
            return await client.call(*words, timeout_s=self._timeout_s)
        except TimeoutError:
            client.close()
            del self._clients[address]
            raise

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
