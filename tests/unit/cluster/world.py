"""Several cluster cores, a network in memory, and time that a test moves: whole clusters in milliseconds.

Every message crosses as bytes, through `Framer`, so that what the cores say is what a wire would carry.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from pyredis_cluster.cluster.core import ClusterCore
from pyredis_cluster.cluster.framer import Framer
from pyredis_cluster.cluster.ready import (
    DataDropped,
    Delivery,
    Event,
    FollowPrimary,
    PauseWrites,
    Ready,
    ResumeWrites,
    StopFollowing,
)
from pyredis_cluster.cluster.settings import ClusterSettings

START_MS = 1_700_000_000_000
LATENCY_MS = 1
RETRANSMIT_MS = 200


@dataclass
class Pipe:
    """Both ends of one connection: (node, link id) of the maker and of the taker."""

    maker: Node
    maker_link: int
    taker: Node
    taker_link: int
    # What is under way from the taker, and from the maker.
    queues: tuple[deque[bytes], deque[bytes]] = field(default_factory=lambda: (deque(), deque()))


@dataclass
class Node:
    """One core with what its shell would hold.

    Replication is but a copy of the primary's `offset`, with each tick that can reach the port it `follows`.
    """

    world: World
    settings: ClusterSettings
    seed: int
    config: str = ""
    keys: dict[int, int] = field(default_factory=dict)
    offset: int = 0
    follows: int = 0
    heard_ms: int = 0
    is_paused: bool = False
    core: ClusterCore = field(init=False)
    up: bool = False
    logs: list[str] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    pipes: dict[int, Pipe] = field(default_factory=dict)
    framers: dict[int, Framer] = field(default_factory=dict)
    waiting: dict[int, list[bytes]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def node_id(self) -> str:
        return self.core.my_id

    def start(self) -> None:
        self.core = ClusterCore(
            self.settings,
            random.Random(self.seed),
            now_ms=self.world.now_ms,
            config=self.config,
            keys_in_slot=lambda slot: self.keys.get(slot, 0),
            repl_offset=lambda: self.offset,
            repl_silence_ms=lambda: self.world.now_ms - self.heard_ms if self.heard_ms else None,
        )
        self.up = True
        self.follows = self.heard_ms = 0
        self.flush()
        self.world.at(0, partial(self._tick, self.core))

    def stop(self) -> None:
        """As a process that is killed: its connections are reset, what it saved stays."""
        self.up = False
        for pipe in list(self.pipes.values()):
            self.world.close(pipe)
        self.waiting.clear()
        self.framers.clear()

    def flush(self) -> None:
        self.perform(self.core.ready(self.world.now_ms))

    def perform(self, ready: Ready) -> None:
        if ready.config is not None:
            self.config = ready.config
        self.logs += [line.text for line in ready.logs]
        self.deliveries += ready.deliveries
        self.events += ready.events
        for event in ready.events:
            self._carry_out(event)
        for link_id, data in ready.sends:
            if link_id in self.pipes:
                self.world.send(self, link_id, data)
            elif link_id in self.waiting:
                self.waiting[link_id].append(data)
        for link_id in ready.disconnects:
            self.waiting.pop(link_id, None)
            if link_id in self.pipes:
                self.world.close(self.pipes[link_id])
        for connect in ready.connects:
            self.waiting[connect.link_id] = []
            self.world.connect(self, connect.link_id, connect.port)

    def sees(self, other: Node) -> str:
        """Flags of `other` as CLUSTER NODES shows them here, "" if it is not known."""
        node = self.core.state.lookup(other.node_id)
        return node.flag_text() if node is not None else ""

    def _carry_out(self, event: Event) -> None:
        match event:
            case FollowPrimary():
                self.follows = event.port
            case StopFollowing():
                self.follows = 0
            case DataDropped():
                self.keys = {}
            case PauseWrites():
                self.is_paused = True
            case ResumeWrites():
                self.is_paused = False

    def _replicate(self) -> None:
        primary = self.world.nodes.get(self.follows)
        if primary is not None and primary.up and (self.follows, self.port) not in self.world.cut:
            self.offset = primary.offset
            self.heard_ms = self.world.now_ms

    def _tick(self, core: ClusterCore) -> None:
        if self.up and core is self.core:
            self._replicate()
            core.tick(self.world.now_ms)
            self.flush()
            self.world.at(core.tick_interval_ms, partial(self._tick, core))


class World:
    """A network of nodes. What is sent between a pair (from port, to port) in `cut` waits for its end."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.nodes: dict[int, Node] = {}
        self.cut: set[tuple[int, int]] = set()
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def add(self, port: int, *, node_timeout_ms: int = 1000, **settings: object) -> Node:
        values = ClusterSettings(port=port, node_timeout_ms=node_timeout_ms)
        for name, value in settings.items():
            setattr(values, name, value)
        node = Node(self, values, seed=port)
        self.nodes[port] = node
        node.start()
        return node

    def cluster(self, size: int, *, node_timeout_ms: int = 1000, **settings: object) -> list[Node]:
        """`size` nodes that know each other and share all slots, in state ok."""
        nodes = [self.add(7000 + n, node_timeout_ms=node_timeout_ms, **settings) for n in range(size)]
        for n, node in enumerate(nodes):
            node.core.add_slots([(16384 * n // size, 16384 * (n + 1) // size - 1)], self.now_ms)
            node.core.set_config_epoch(n + 1, self.now_ms)
        for node in nodes[1:]:
            self.meet(nodes[0], node)
        self.run_until(lambda: self.agree(nodes) and all(node.core.ok for node in nodes))
        return nodes

    def replicas(self, primaries: Iterable[Node], ports: Iterable[int], **settings: object) -> list[Node]:
        """A new node for each port: replicas of the primaries in turn, known to all."""
        primaries = list(primaries)
        added: list[Node] = []
        for n, port in enumerate(ports):
            replica = self.add(port, **settings)  # type: ignore[arg-type]
            primary = primaries[n % len(primaries)]
            self.meet(primary, replica)
            self.run_until(lambda: replica.core.knows(primary.node_id))  # noqa: B023
            self.replicate(replica, primary)
            added.append(replica)
        nodes = list(self.nodes.values())
        self.run_until(lambda: self.agree(nodes) and all(node.core.ok for node in nodes))
        return added

    def replicate(self, replica: Node, primary: Node) -> None:
        """CLUSTER REPLICATE."""
        replica.core.replicate(primary.node_id, self.now_ms, has_keys=any(replica.keys.values()))
        replica.flush()

    def meet(self, node: Node, other: Node) -> None:
        assert node.core.meet("127.0.0.1", other.port, other.settings.listen_port, self.now_ms)
        node.flush()

    def agree(self, nodes: Iterable[Node]) -> bool:
        """Whether all see the same ids, roles, primaries, slots and epochs, and nobody in handshake."""
        views = {
            frozenset(
                (
                    each.node_id,
                    each.flags & 3,
                    each.primary.node_id if each.primary is not None else "",
                    each.slot_owner.config_epoch,
                    bytes(each.slots),
                )
                for each in node.core.state.nodes.values()
            )
            for node in nodes
        }
        ids = {node.node_id for node in nodes}
        return len(views) == 1 and {view[0] for view in next(iter(views))} == ids

    # Time

    def at(self, delay_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now_ms + delay_ms, next(self._order), action))

    def run(self, duration_ms: int) -> None:
        end_ms = self.now_ms + duration_ms
        while self._agenda and self._agenda[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._agenda)
            action()
        self.now_ms = end_ms

    def run_until(self, condition: Callable[[], bool], limit_ms: int = 30_000) -> int:
        """Let time pass until `condition`; returns how much did. Fails after `limit_ms`."""
        start_ms = self.now_ms
        while not condition():
            assert self.now_ms - start_ms <= limit_ms, "condition not met in time"
            self.run(10)
        return self.now_ms - start_ms

    # Network

    def partition(self, side: Iterable[Node]) -> None:
        """Nothing passes between `side` and the rest from now on; connections stay, as with TCP."""
        ports = {node.port for node in side}
        for one in self.nodes:
            for other in self.nodes:
                if (one in ports) != (other in ports):
                    self.cut.add((one, other))

    def heal(self) -> None:
        self.cut.clear()

    def connect(self, maker: Node, link_id: int, bus_port: int) -> None:
        def arrive() -> None:
            if not maker.up or link_id not in maker.waiting:
                return
            taker = next(
                (node for node in self.nodes.values() if node.settings.listen_port == bus_port), None
            )
            if taker is not None and (
                (maker.port, taker.port) in self.cut or (taker.port, maker.port) in self.cut
            ):
                self.at(RETRANSMIT_MS, arrive)
                return
            early = maker.waiting.pop(link_id)
            if taker is None or not taker.up:
                maker.core.link_closed(link_id, self.now_ms)
                maker.flush()
                return
            pipe = Pipe(maker, link_id, taker, taker.core.accept_link("127.0.0.1", "127.0.0.1", self.now_ms))
            for node, link in ((maker, link_id), (taker, pipe.taker_link)):
                node.pipes[link] = pipe
                node.framers[link] = Framer(node.core.knows)
            for data in early:
                self.send(maker, link_id, data)
            maker.core.link_connected(link_id, "127.0.0.1", self.now_ms)
            maker.flush()

        self.at(LATENCY_MS, arrive)

    def send(self, sender: Node, link_id: int, data: bytes) -> None:
        pipe = sender.pipes[link_id]
        receiver, receiver_link = (
            (pipe.taker, pipe.taker_link) if sender is pipe.maker else (pipe.maker, pipe.maker_link)
        )

        queue = pipe.queues[sender is pipe.maker]
        queue.append(data)
        if len(queue) == 1:
            self.at(LATENCY_MS, partial(self._arrive, queue, sender, receiver, receiver_link))

    def _arrive(self, queue: deque[bytes], sender: Node, receiver: Node, link_id: int) -> None:
        if link_id not in receiver.pipes:
            queue.clear()
            return
        if (sender.port, receiver.port) in self.cut:
            self.at(RETRANSMIT_MS, partial(self._arrive, queue, sender, receiver, link_id))
            return
        while queue and link_id in receiver.pipes:
            for message in receiver.framers[link_id].feed(queue.popleft()):
                receiver.core.receive(link_id, message, self.now_ms)
        receiver.flush()

    def close(self, pipe: Pipe) -> None:
        for node, link in ((pipe.maker, pipe.maker_link), (pipe.taker, pipe.taker_link)):
            if node.pipes.pop(link, None) is not None:
                node.framers.pop(link, None)
                if node.up:
                    self.at(LATENCY_MS, partial(self._closed, node, link))

    def _closed(self, node: Node, link_id: int) -> None:
        if node.up:
            node.core.link_closed(link_id, self.now_ms)
            node.flush()
