"""What goes wrong with a cluster: faults chosen by chance, each of which ends when the world heals."""

from __future__ import annotations

from random import Random

from pyredis_cluster.testing.simulation.client import SimulatedClient
from pyredis_cluster.testing.simulation.network import LinkQuality
from pyredis_cluster.testing.simulation.world import SimulatedHost
from tests.simulation.cluster import SimulatedCluster, core_of

MAX_DOWN = 2
"""So many servers may be down at once."""

_MACHINE = 101


_OF_SERVERS = ("end",) * 2 + ("start", "fail over") + ("pause",) * 4
_OF_ALL = ("end",) * 4 + ("start",) * 2 + ("fail over", "pause", "partition", "cut", "slow", "heal")


class Faults:
    """Disturbs a cluster, one fault at a time; without `links` only servers fail, and the network is well."""

    def __init__(self, cluster: SimulatedCluster, random: Random, *, links: bool) -> None:
        self._cluster = cluster
        self._world = cluster.world
        self._random = random
        self._choices = _OF_ALL if links else _OF_SERVERS
        self._most_down = MAX_DOWN if links else min(MAX_DOWN, (len(cluster.hosts) - 1) // 2)
        self._weak = None if links else random.choice(cluster.hosts)
        self.longest_pause_s = 3 * cluster.node_timeout_ms / 1000

    async def next(self) -> str:
        """Have something happen, and say what."""
        random = self._random
        down = [host for host in self._cluster.hosts if not host.is_up]
        choice = random.choice(self._choices)
        if choice == "end" and len(down) < self._most_down:
            return self._end(random.choice(self._cluster.up))
        if choice == "start" and down:
            host = random.choice(down)
            await host.start()
            return f"{host.address} came back"
        if choice == "fail over":
            return await self._fail_over(random.choice(self._cluster.up))
        if choice in ("partition", "cut", "slow", "heal"):
            return self._disturb_links(choice)
        # Where only servers fail, one of them sleeps more often than others.
        is_weak = self._weak is not None and self._weak.is_up and random.random() < 0.5
        host = self._weak if is_weak and self._weak is not None else random.choice(self._cluster.up)
        seconds = random.uniform(0.05, self.longest_pause_s)
        host.pause(seconds)
        return f"{host.address} paused for {seconds:.2f} s"

    def _end(self, host: SimulatedHost) -> str:
        if self._random.random() < 0.5:
            host.lose_power()
            return f"{host.address} lost power"
        host.kill()
        return f"{host.address} was killed"

    async def _fail_over(self, host: SimulatedHost) -> str:
        """An administrator's wish, where the node is a replica that hears of it."""
        if core_of(host).state.myself.is_primary:
            return f"nobody fails over to {host.address}, a primary"
        words = ["CLUSTER", "FAILOVER", *self._random.choice(([], [], ["FORCE"]))]
        try:
            client = await SimulatedClient.connect(
                self._world.client_network(_MACHINE), host.address, host.port, timeout_s=0.1
            )
            reply = await client.call(*words, timeout_s=0.1)
            client.close()
        except (OSError, TimeoutError) as error:
            reply = error
        return f"{host.address} was told {' '.join(words)}: {reply}"

    def _disturb_links(self, choice: str) -> str:
        random, hosts, network = self._random, self._cluster.hosts, self._world.network
        if choice == "partition":
            return self._partition(random.sample(hosts, random.randrange(1, len(hosts) // 2 + 1)))
        one, other = random.sample(hosts, 2)
        if choice == "cut":
            network.cut(one.address, other.address)
            return f"nothing gets from {one.address} to {other.address}"
        if choice == "slow":
            quality = LinkQuality(
                latency_s=random.uniform(0, 0.3), jitter_s=0.1, loss=random.choice((0.0, 0.2))
            )
            network.set_quality(one.address, other.address, quality)
            return f"the link from {one.address} to {other.address} is bad"
        network.heal()
        return "cut links healed"

    def _partition(self, some: list[SimulatedHost]) -> str:
        here = [host.address for host in some]
        others = [host.address for host in self._cluster.hosts if host not in some]
        self._world.network.partition(here, others)
        return f"{', '.join(here)} cut off"

    async def end(self) -> None:
        """Heal everything, wake every server that sleeps, and start those that do not run."""
        network = self._world.network
        network.heal()
        for one in self._cluster.hosts:
            for other in self._cluster.hosts:
                network.set_quality(one.address, other.address, None)
        for host in self._cluster.hosts:
            if host.is_up:
                host.resume()
            else:
                await host.start()
