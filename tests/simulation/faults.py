"""What goes wrong with a cluster: faults chosen by chance, each of which ends when the world heals."""

from __future__ import annotations

from random import Random

from pyredis_cluster.testing.simulation.network import LinkQuality
from pyredis_cluster.testing.simulation.world import SimulatedHost
from tests.simulation.cluster import SimulatedCluster

MAX_DOWN = 2
"""So many servers may be down at once."""


class Faults:
    """Disturbs a cluster, one fault at a time; without `links` only servers fail, and the network is well."""

    def __init__(self, cluster: SimulatedCluster, random: Random, *, links: bool) -> None:
        self._cluster = cluster
        self._world = cluster.world
        self._random = random
        self._choices = 10 if links else 6
        self.longest_pause_s = 3 * cluster.node_timeout_ms / 1000

    async def next(self) -> str:
        """Have something happen, and say what."""
        random, hosts = self._random, self._cluster.hosts
        down = [host for host in hosts if not host.is_up]
        up = self._cluster.up
        choice = random.randrange(self._choices)
        if choice < 3 and len(down) < MAX_DOWN:
            host = random.choice(up)
            if random.random() < 0.3:
                host.lose_power()
                return f"{host.address} lost power"
            host.kill()
            return f"{host.address} was killed"
        if choice < 5 and down:
            host = random.choice(down)
            await host.start()
            return f"{host.address} came back"
        if choice == 5:
            host = random.choice(up)
            seconds = random.uniform(0.05, self.longest_pause_s)
            host.pause(seconds)
            return f"{host.address} paused for {seconds:.2f} s"
        if choice == 6:
            return self._partition(random.sample(hosts, random.randrange(1, len(hosts) // 2 + 1)))
        if choice == 7:
            one, other = random.sample(hosts, 2)
            self._world.network.cut(one.address, other.address)
            return f"nothing gets from {one.address} to {other.address}"
        if choice == 8:
            one, other = random.sample(hosts, 2)
            quality = LinkQuality(
                latency_s=random.uniform(0, 0.3), jitter_s=0.1, loss=random.choice((0.0, 0.2))
            )
            self._world.network.set_quality(one.address, other.address, quality)
            return f"the link from {one.address} to {other.address} is bad"
        self._world.network.heal()
        return "cut links healed"

    def _partition(self, some: list[SimulatedHost]) -> str:
        here = [host.address for host in some]
        others = [host.address for host in self._cluster.hosts if host not in some]
        self._world.network.partition(here, others)
        return f"{', '.join(here)} cut off"

    async def end(self) -> None:
        """Heal everything and start every server."""
        network = self._world.network
        network.heal()
        for one in self._cluster.hosts:
            for other in self._cluster.hosts:
                network.set_quality(one.address, other.address, None)
        for host in self._cluster.hosts:
            if not host.is_up:
                await host.start()
