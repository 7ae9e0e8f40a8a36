"""Sentinel cores, servers that are but their INFO, a network in memory, and time that a test moves."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from pyredis_cluster.config.config import SentinelLine
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.words import split_words
from pyredis_cluster.sentinel.core import SentinelCore
from pyredis_cluster.sentinel.ready import (
    Connect,
    Disconnect,
    ErrorReply,
    Event,
    Exit,
    KillScript,
    Log,
    Send,
    StartScript,
    Step,
)
from pyredis_cluster.sentinel.settings import SentinelSettings

START_MS = 1_700_000_000_000
LATENCY_MS = 1
RETRY_MS = 200
IP = "127.0.0.1"
MASTER = 6390

Argv = tuple[bytes, ...]


@dataclass(eq=False)
class Pipe:
    """One connection of a sentinel. What is under way waits while the network is cut."""

    owner: Sentinel
    link_id: int
    port: int
    is_up: bool = False
    is_closed: bool = False
    to_peer: deque[Argv] = field(default_factory=deque)
    to_owner: deque[object] = field(default_factory=deque)
    transaction: list[Argv] | None = None
    is_authenticated: bool = False


class Peer:
    """What listens on a port: a server or a sentinel."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.port = port
        self.up = False
        # A process that is stopped: connections are there, and nobody reads them.
        self.frozen = False
        self.pipes: list[Pipe] = []
        world.peers[port] = self

    def stop(self) -> None:
        """As a process that is killed: all connections are reset."""
        self.up = False
        for pipe in list(self.pipes):
            self.world.close(pipe)

    def answer(self, pipe: Pipe, argv: Argv) -> object:
        raise NotImplementedError

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False
        for pipe in list(self.pipes):
            self.world.pump(pipe)


class Server(Peer):
    """A Redis server to its sentinels. `odd` are replies to commands that it answers otherwise."""

    def __init__(self, world: World, port: int, follows: int = 0) -> None:
        super().__init__(world, port)
        self.follows = follows
        self.offset = 0
        self.priority = 100
        self.announced = True
        self.password = b""
        self.life = 0
        self.lost_ms = 0
        self.odd: dict[bytes, object] = {}
        self.asked: list[Argv] = []
        self.subscribers: list[Pipe] = []
        self.start()

    def start(self) -> None:
        self.up = True
        self.life += 1

    def stop(self) -> None:
        super().stop()
        self.subscribers.clear()

    @property
    def run_id(self) -> bytes:
        return b"%020d%020d" % (self.life, self.port)

    @property
    def primary(self) -> Server | None:
        peer = self.world.peers.get(self.follows)
        return peer if isinstance(peer, Server) and peer.up and not peer.frozen else None

    def replicate(self) -> None:
        primary = self.primary
        if primary is not None and not self.world.is_cut(self.port, primary.port):
            self.offset, self.lost_ms = primary.offset, 0
        elif self.follows and not self.lost_ms:
            self.lost_ms = self.world.now_ms

    def answer(self, pipe: Pipe, argv: Argv) -> object:
        self.asked.append(argv)
        name = argv[0].upper()
        if name in self.odd:
            return self.odd[name]
        if self.password and not pipe.is_authenticated and name != b"AUTH":
            return ErrorReply(b"NOAUTH Authentication required.")
        if pipe.transaction is not None and name != b"EXEC":
            pipe.transaction.append(argv)
            return b"QUEUED"
        return getattr(self, f"_{name.decode().lower()}")(pipe, argv)

    def _auth(self, pipe: Pipe, argv: Argv) -> object:
        pipe.is_authenticated = argv[-1] == self.password
        return b"OK" if pipe.is_authenticated else ErrorReply(b"WRONGPASS")

    def _client(self, pipe: Pipe, argv: Argv) -> object:
        return b"OK"

    _config = _client
    _script = _client

    def _ping(self, pipe: Pipe, argv: Argv) -> object:
        return b"PONG"

    def _subscribe(self, pipe: Pipe, argv: Argv) -> object:
        self.subscribers.append(pipe)
        return [b"subscribe", argv[1], 1]

    def _publish(self, pipe: Pipe, argv: Argv) -> object:
        for subscriber in list(self.subscribers):
            self.world.reply(subscriber, [b"message", argv[1], argv[2]])
        return len(self.subscribers)

    def _multi(self, pipe: Pipe, argv: Argv) -> object:
        pipe.transaction = []
        return b"OK"

    def _exec(self, pipe: Pipe, argv: Argv) -> object:
        for each in pipe.transaction or ():
            if each[0] == b"SLAVEOF":
                self.follows = 0 if each[1] == b"NO" else int(each[2])
                self.lost_ms = 0
                self.replicate()
        pipe.transaction = None
        return [b"OK"]

    def _info(self, pipe: Pipe, argv: Argv) -> object:
        lines = [b"# Server", b"run_id:" + self.run_id]
        if self.follows:
            lines += [
                b"role:slave",
                b"master_host:" + IP.encode(),
                b"master_port:%d" % self.follows,
                b"master_link_status:" + (b"down" if self.lost_ms else b"up"),
                b"slave_repl_offset:%d" % self.offset,
                b"slave_priority:%d" % self.priority,
                b"replica_announced:%d" % self.announced,
            ]
            if self.lost_ms:
                lines.append(
                    b"master_link_down_since_seconds:%d" % ((self.world.now_ms - self.lost_ms) // 1000)
                )
        else:
            lines.append(b"role:master")
        followers = [
            peer
            for peer in self.world.servers
            if peer.follows == self.port and peer.up and not self.world.is_cut(peer.port, self.port)
        ]
        lines += [
            b"slave%d:ip=127.0.0.1,port=%d,state=online,offset=%d,lag=0" % (index, peer.port, peer.offset)
            for index, peer in enumerate(followers)
        ]
        return b"\r\n".join([*lines, b""])


class Sentinel(Peer):
    """One core with what its shell would hold; `disk` is its sentinel.conf."""

    core: SentinelCore

    def __init__(self, world: World, port: int, disk: list[bytes]) -> None:
        super().__init__(world, port)
        self.disk = disk
        self.saves = 0
        self.events: list[Event] = []
        self.logs: list[str] = []
        self.steps: list[Step] = []
        self.exits: list[int] = []
        self.by_link: dict[int, Pipe] = {}
        self.settings = SentinelSettings(port=port)
        self.start()

    def start(self) -> None:
        world = self.world
        self.core = SentinelCore(
            self.settings,
            random.Random(world.seed * 1000 + self.port),
            now_ms=world.now_ms,
            resolve=world.resolve,
        )
        self.core.load([line_of(text, number) for number, text in enumerate(self.disk, 1)])
        self.up = True
        self.core.start(world.now_ms)
        self.flush()
        world.at(0, partial(self._tick, self.core))

    def stop(self) -> None:
        super().stop()
        for pipe in list(self.by_link.values()):
            pipe.is_closed = True
            self.world.forget(pipe)

    def thaw(self) -> None:
        super().thaw()
        for pipe in list(self.by_link.values()):
            self.world.pump(pipe)

    @property
    def master(self) -> int:
        """The port of the master as clients are told it."""
        return int(self.core.master_address(b"mymaster")[1])

    def types(self) -> list[str]:
        return [event.type.decode() for event in self.events if event.publish]

    def told(self, type: str) -> list[str]:
        return [event.payload.decode() for event in self.events if event.type.decode() == type]

    def answer(self, pipe: Pipe, argv: Argv) -> object:
        now_ms = self.world.now_ms
        try:
            match argv:
                case (b"PING",):
                    return b"PONG"
                case (b"PUBLISH", b"__sentinel__:hello", hello):
                    self.core.hello_received(hello, now_ms)
                    return 1
                case (b"SENTINEL", b"is-master-down-by-addr", ip, port, epoch, run_id):
                    return self.core.is_master_down(ip, port, epoch, run_id, now_ms)
                case (b"CLIENT", *_) | (b"AUTH", *_):
                    return b"OK"
        except CommandError as error:
            return ErrorReply(error.message)
        finally:
            self.flush()
        raise AssertionError(argv)

    def flush(self) -> None:
        ready = self.core.ready()
        if ready.rewrite:
            self.saves += 1
            self.disk = [line.text for line in self.core.config_lines() if line.always]
        self.steps += ready.steps
        for step in ready.steps:
            self._carry_out(step)

    def _carry_out(self, step: Step) -> None:
        world = self.world
        match step:
            case Event():
                self.events.append(step)
            case Log():
                self.logs.append(step.text)
            case Connect():
                assert step.ip == IP
                pipe = self.by_link[step.link_id] = Pipe(self, step.link_id, step.port)
                world.at(LATENCY_MS, partial(world.establish, pipe))
            case Send():
                pipe = self.by_link[step.link_id]
                assert all(isinstance(word, bytes) for word in step.argv)
                pipe.to_peer.append(step.argv)
                world.at(LATENCY_MS, partial(world.pump, pipe))
            case Disconnect():
                pipe = self.by_link[step.link_id]
                pipe.is_closed = True
                world.forget(pipe)
            case Exit():
                self.exits.append(step.code)
                self.stop()
            case StartScript() | KillScript():
                pass

    def _tick(self, core: SentinelCore) -> None:
        if not self.up or core is not self.core:
            return
        if not self.frozen:
            core.tick(self.world.now_ms)
            self.flush()
        self.world.at(core.tick_interval_ms(), partial(self._tick, core))


class World:
    """Everything, from one seed. `cut` has pairs of ports between which nothing gets through."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.now_ms = START_MS
        self.peers: dict[int, Peer] = {}
        self.cut: set[frozenset[int]] = set()
        self.names: dict[str, str] = {}
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self.at(0, self._replicate)

    @property
    def servers(self) -> list[Server]:
        return [peer for peer in self.peers.values() if isinstance(peer, Server)]

    @property
    def sentinels(self) -> list[Sentinel]:
        return [peer for peer in self.peers.values() if isinstance(peer, Sentinel)]

    def group(self, replicas: int = 2, sentinels: int = 3, *options: bytes) -> tuple[Server, list[Server]]:
        """A master, replicas, and sentinels that monitor it as `mymaster`; quorum 2, of one alone 1.

        `options` are further lines of sentinel.conf.
        """
        master = Server(self, MASTER)
        followers = [Server(self, MASTER + 1 + index, MASTER) for index in range(replicas)]
        quorum = min(2, sentinels)
        lines = [
            b"sentinel monitor mymaster 127.0.0.1 %d %d" % (MASTER, quorum),
            b"sentinel down-after-milliseconds mymaster 5000",
            *options,
        ]
        for index in range(sentinels):
            Sentinel(self, 5000 + index, list(lines))
        return master, followers

    def is_cut(self, one: int, other: int) -> bool:
        return frozenset((one, other)) in self.cut

    def isolate(self, *ports: int) -> None:
        """Cut these off from all others."""
        self.cut |= {frozenset((port, other)) for port in ports for other in self.peers if other not in ports}

    def resolve(self, host: str, by_name: bool) -> str | None:
        if host in self.names:
            return self.names[host] if by_name else None
        return host if host.replace(".", "").isdigit() and host.count(".") == 3 else None

    # Time

    def at(self, delay_ms: int, work: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now_ms + delay_ms, next(self._order), work))

    def run(self, duration_ms: int) -> None:
        end_ms = self.now_ms + duration_ms
        while self._queue[0][0] <= end_ms:
            self._step()
        self.now_ms = end_ms

    def run_until(self, condition: Callable[[], bool], limit_ms: int = 60_000) -> int:
        """Let time pass until `condition` holds; how long that took."""
        start_ms = self.now_ms
        while not condition():
            assert self.now_ms - start_ms <= limit_ms, "it did not happen"
            self._step()
        return self.now_ms - start_ms

    def _step(self) -> None:
        when_ms, _, work = heapq.heappop(self._queue)
        self.now_ms = max(self.now_ms, when_ms)
        work()

    def _replicate(self) -> None:
        for server in self.servers:
            if server.up:
                server.replicate()
        self.at(100, self._replicate)

    # Connections

    def establish(self, pipe: Pipe) -> None:
        if pipe.is_closed:
            return
        peer = self.peers.get(pipe.port)
        if self.is_cut(pipe.owner.port, pipe.port):
            self.at(RETRY_MS, partial(self.establish, pipe))
        elif peer is None or not peer.up:
            self.close(pipe)
        else:
            pipe.is_up = True
            peer.pipes.append(pipe)
            pipe.owner.core.link_connected(pipe.link_id, IP, self.now_ms)
            pipe.owner.flush()
            self.pump(pipe)

    def pump(self, pipe: Pipe) -> None:
        """Move what can move."""
        if pipe.is_closed or not pipe.is_up:
            return
        if self.is_cut(pipe.owner.port, pipe.port):
            self.at(RETRY_MS, partial(self.pump, pipe))
            return
        peer = self.peers[pipe.port]
        while pipe.to_peer and not pipe.is_closed and not peer.frozen:
            self.reply(pipe, peer.answer(pipe, pipe.to_peer.popleft()))
        while pipe.to_owner and not pipe.is_closed and not pipe.owner.frozen:
            pipe.owner.core.replied(pipe.link_id, pipe.to_owner.popleft(), self.now_ms)
            pipe.owner.flush()

    def reply(self, pipe: Pipe, reply: object) -> None:
        pipe.to_owner.append(reply)
        self.at(LATENCY_MS, partial(self.pump, pipe))

    def close(self, pipe: Pipe) -> None:
        """A connection is reset, or refused."""
        if pipe.is_closed:
            return
        pipe.is_closed = True
        self.forget(pipe)
        pipe.owner.core.link_closed(pipe.link_id, "Connection refused", self.now_ms)
        pipe.owner.flush()

    def forget(self, pipe: Pipe) -> None:
        pipe.owner.by_link.pop(pipe.link_id, None)
        peer = self.peers.get(pipe.port)
        if peer is not None and pipe in peer.pipes:
            peer.pipes.remove(pipe)
        if isinstance(peer, Server) and pipe in peer.subscribers:
            peer.subscribers.remove(pipe)


def line_of(text: bytes, number: int = 1) -> SentinelLine:
    """A line of sentinel.conf as the loader hands it over."""
    return SentinelLine(tuple(split_words(text)[1:]), number, text)
