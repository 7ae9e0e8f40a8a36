"""One life of a primary, its replicas and the sentinels that watch them, from its seed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from pyredis_cluster.sentinel.instance import DOWN, FAILOVER_IN_PROGRESS
from pyredis_cluster.testing.simulation.network import LinkQuality
from pyredis_cluster.testing.simulation.world import ConfiguredHost, SimulatedWorld
from tests.simulation.rules import OneVotePerEpoch, ViolationError

if TYPE_CHECKING:
    from pyredis_cluster.execution.replication_roles import ReplicationRoles
    from pyredis_cluster.sentinel.instance import Master
    from pyredis_cluster.sentinel.state import SentinelState

PORT = 6379
SENTINEL_PORT = 26379

_NAME = b"mymaster"
_START_S = 20.0
_HEAL_S = 90.0
"""Within so many virtual seconds after the last fault all must agree: a failover that came to nothing is
tried again after two failover timeouts, and votes may be split."""
_POLL_S = 0.1
_AFTER_VOTE_S = 0.0001
_DEATHS_AFTER_VOTES = 0.3

_UNWELL = DOWN | FAILOVER_IN_PROGRESS

_VOTE = re.compile(r"\+vote-for-leader (\w+) (\d+)")
_EPOCH = re.compile(r"\+new-epoch (\d+)")
_ELECTED = re.compile(r"\+elected-leader master ")
_SWITCHED = re.compile(r"\+switch-master ")


@dataclass(slots=True)
class OneLeaderPerEpoch:
    """No two sentinels lead under one epoch."""

    _leaders: dict[int, str] = field(default_factory=dict)

    def elected(self, address: str, epoch: int) -> None:
        """A sentinel says that it was elected."""
        leader = self._leaders.setdefault(epoch, address)
        if leader != address:
            raise ViolationError(f"{leader} and {address} were both elected in epoch {epoch}")


@dataclass(slots=True)
class EpochsRise:
    """A sentinel that has told of an epoch never tells of that one or an earlier one as new."""

    _told: dict[str, int] = field(default_factory=dict)

    def told(self, address: str, epoch: int) -> None:
        """A sentinel tells of a new epoch."""
        before = self._told.get(address, 0)
        if epoch <= before:
            raise ViolationError(f"{address} was in epoch {before}, then told of epoch {epoch} as new")
        self._told[address] = epoch


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    sentinels: int = 0
    servers: int = 0
    votes: int = 0
    elections: int = 0
    switches: int = 0
    healed_s: float = 0.0
    virtual_s: float = 0.0


class Watched:
    """The programs, and what is said of them. The first of `servers` is the primary at first."""

    def __init__(self, world: SimulatedWorld, random: Random) -> None:
        self.world = world
        self.random = random
        self.down_after_s = random.choice((1.5, 1.5, 3.0))
        self.outcome = Outcome(sentinels=random.choice((3, 3, 3, 4, 5)), servers=random.choice((3, 3, 4)))
        self.servers: list[ConfiguredHost] = []
        for _ in range(self.outcome.servers):
            self.servers.append(self._server())
        self.sentinels = [self._sentinel() for _ in range(self.outcome.sentinels)]
        self._violation: ViolationError | None = None
        self._votes = OneVotePerEpoch()
        self._leaders = OneLeaderPerEpoch()
        self._epochs = EpochsRise()
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_healing = False
        world.observers.append(self._observe)

    def _server(self) -> ConfiguredHost:
        text = f'port {PORT}\nbind *\nprotected-mode no\nsave ""\nrepl-diskless-sync-delay 0\n'
        text += "repl-ping-replica-period 1\nrepl-timeout 5\n"
        if self.servers:
            text += f"replicaof {self.servers[0].address} {PORT}\n"
        return self.world.configured_host(text)

    def _sentinel(self) -> ConfiguredHost:
        quorum = self.outcome.sentinels // 2 + 1
        text = f"port {SENTINEL_PORT}\nbind *\n"
        text += f"sentinel monitor mymaster {self.servers[0].address} {PORT} {quorum}\n"
        text += f"sentinel down-after-milliseconds mymaster {self.down_after_s * 1000:.0f}\n"
        text += f"sentinel failover-timeout mymaster {self.random.choice((3000, 6000))}\n"
        return self.world.configured_host(text, sentinel=True)

    @property
    def hosts(self) -> list[ConfiguredHost]:
        """All machines."""
        return self.servers + self.sentinels

    # What is listened to

    def _observe(self, time_s: float, address: str, what: str) -> None:
        del time_s
        if "+" not in what or self._violation is not None:
            return
        try:
            self._judge(address, what)
        except ViolationError as error:
            self._violation = error

    def _judge(self, address: str, what: str) -> None:
        if vote := _VOTE.search(what):
            self.outcome.votes += 1
            self._votes.voted(address, int(vote[2]), vote[1])
            if not self.is_healing and self.random.random() < _DEATHS_AFTER_VOTES:
                self._later(self._die_after_vote(address))
        elif epoch := _EPOCH.search(what):
            self._epochs.told(address, int(epoch[1]))
        elif _ELECTED.search(what):
            self.outcome.elections += 1
            self._leaders.elected(address, self._master_of(self._host(address)).failover_epoch)
        elif _SWITCHED.search(what):
            self.outcome.switches += 1

    def check(self) -> None:
        """Raises ViolationError."""
        if self._violation is not None:
            raise self._violation

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _die_after_vote(self, address: str) -> None:
        """End the process as soon as its vote has left, and start it again at once."""
        host = self._host(address)
        await asyncio.sleep(_AFTER_VOTE_S)
        if not host.is_up:
            return
        end(host, self.random)
        await asyncio.sleep(_AFTER_VOTE_S)
        # Somebody else may have started it meanwhile.
        if host.server is None:
            await host.start()

    def _host(self, address: str) -> ConfiguredHost:
        return next(host for host in self.hosts if host.address == address)

    # What is looked at

    @staticmethod
    def state_of(host: ConfiguredHost) -> SentinelState:
        """What a running sentinel knows."""
        assert host.server is not None
        node = host.server.sentinel
        assert node is not None
        return node.core.state

    def _master_of(self, host: ConfiguredHost) -> Master:
        return self.state_of(host).masters[_NAME]

    def is_known(self) -> bool:
        """Whether every sentinel knows all replicas and all others."""
        return all(
            len(master.replicas) == len(self.servers) - 1 and len(master.sentinels) == len(self.sentinels) - 1
            for master in map(self._master_of, self.sentinels)
        )

    def is_well(self) -> bool:
        """Whether all run, all sentinels have the same primary, and all other servers are in sync with it."""
        if not all(host.is_up for host in self.hosts) or not self.is_known():
            return False
        masters = [self._master_of(host) for host in self.sentinels]
        if any(master.flags & _UNWELL for master in masters):
            return False
        [primary, *others] = {(master.address.ip.decode(), master.config_epoch) for master in masters}
        return not others and all(self._is_right(host, primary[0]) for host in self.servers)

    @staticmethod
    def _is_right(host: ConfiguredHost, primary: str) -> bool:
        """Whether a server is the primary, or follows it."""
        roles = roles_of(host)
        if host.address == primary:
            return roles.primary is None
        return roles.primary == (primary, PORT) and roles.is_link_up


class Faults:
    """What goes wrong, one at a time; all of it ends when the world heals."""

    def __init__(self, watched: Watched, random: Random) -> None:
        self._watched = watched
        self._world = watched.world
        self._random = random
        self._longest_pause_s = 2 * watched.down_after_s

    async def next(self) -> str:
        """Have something happen, and say what."""
        random, hosts = self._random, self._watched.hosts
        down = [host for host in hosts if not host.is_up]
        choice = random.randrange(13)
        if choice < 4:
            return self._end(self._primary())
        if choice < 6 and len(down) < len(hosts) // 2:
            return self._end(random.choice([host for host in hosts if host.is_up]))
        if choice < 8 and down:
            host = random.choice(down)
            await host.start()
            return f"{host.address} came back"
        if choice < 10:
            host = self._primary() if choice == 8 else random.choice(hosts)
            seconds = random.uniform(0.5, self._longest_pause_s)
            host.pause(seconds)
            return f"{host.address} paused for {seconds:.2f} s"
        return self._disturb_links(choice)

    def _primary(self) -> ConfiguredHost:
        """One that thinks it is a primary."""
        servers = self._watched.servers
        found = [host for host in servers if host.is_up and roles_of(host).primary is None]
        return self._random.choice(found or servers)

    def _end(self, host: ConfiguredHost) -> str:
        end(host, self._random)
        return f"{host.address} is gone"

    def _disturb_links(self, choice: int) -> str:
        random, hosts, network = self._random, self._watched.hosts, self._world.network
        if choice == 10:
            some = random.sample(hosts, random.randrange(1, len(hosts) // 2 + 1))
            here = [host.address for host in some]
            network.partition(here, [host.address for host in hosts if host not in some])
            return f"{', '.join(here)} cut off"
        one, other = random.sample(hosts, 2)
        if choice == 11:
            network.cut(one.address, other.address)
            return f"nothing gets from {one.address} to {other.address}"
        quality = LinkQuality(latency_s=random.uniform(0, 0.3), jitter_s=0.1, loss=random.choice((0.0, 0.2)))
        network.set_quality(one.address, other.address, quality)
        return f"the link from {one.address} to {other.address} is bad"

    async def end(self) -> None:
        """Heal everything and start all programs."""
        network = self._world.network
        network.heal()
        for one in self._watched.hosts:
            for other in self._watched.hosts:
                network.set_quality(one.address, other.address, None)
        for host in self._watched.hosts:
            if not host.is_up:
                await host.start()


def roles_of(host: ConfiguredHost) -> ReplicationRoles:
    """What a running server says of its role."""
    assert host.server is not None
    assert host.server.state.replication_roles is not None
    return host.server.state.replication_roles


def end(host: ConfiguredHost, random: Random) -> None:
    """End a program, or the machine under it."""
    if random.random() < 0.3:
        host.lose_power()
    else:
        host.kill()


def live(seed: int, *, steps: int = 9) -> Outcome:
    """Raises AssertionError, with seed and latest events, where something is not as it must be."""
    random = Random(seed)
    with SimulatedWorld(seed) as world:
        watched = Watched(world, random)
        world.network.quality.jitter_s = random.choice((0.0, 0.002))
        try:
            world.run(_live(watched, random, steps))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{world.story()}") from error
        watched.outcome.virtual_s = world.now_s
        return watched.outcome


async def _live(watched: Watched, random: Random, steps: int) -> None:
    world = watched.world
    for host in watched.hosts:
        await host.start()
    await world.until(watched.is_well, _START_S, _POLL_S)
    faults = Faults(watched, random)
    for _ in range(steps):
        world.note("", "-- " + await faults.next())
        await asyncio.sleep(random.choice((0.02, 0.2, 0.5, 1.0)) * (watched.down_after_s + 1))
        watched.check()
    world.note("", "-- all is healed")
    watched.is_healing = True
    await faults.end()
    healed_s = world.now_s
    await world.until(watched.is_well, _HEAL_S, _POLL_S)
    watched.outcome.healed_s = world.now_s - healed_s
    watched.check()
