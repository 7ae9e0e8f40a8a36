"""The cluster bus's sockets: what the core asks for is done here, what comes is handed to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from pyredis_cluster.cluster.framer import Framer
from pyredis_cluster.cluster.messages import BusProtocolError
from pyredis_cluster.server.listeners import ListenError, could_not_listen
from pyredis_cluster.server.network import address_of, set_reading

if TYPE_CHECKING:
    from pyredis_cluster.cluster.core import ClusterCore
    from pyredis_cluster.cluster.ready import Connect
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.server.log import Log
    from pyredis_cluster.server.network import Accepting, Network

_LINK_OVERHEAD_BYTES = 48
"""What CLUSTER LINKS counts for an empty send queue."""


class Bus:
    """Listening sockets and links of one node.

    `now_ms` reads the clock; `work_done` is called after each piece of work that may have left the core
    something for the shell to do.
    """

    def __init__(
        self,
        core: ClusterCore,
        config: Config,
        log: Log,
        network: Network,
        *,
        now_ms: Callable[[], int],
        work_done: Callable[[], None],
    ) -> None:
        self.core = core
        self.log = log
        self.now_ms = now_ms
        self.work_done = work_done
        self.is_closed = False
        self._serves = False
        self._is_server_frozen = False
        self._config = config
        self._network = network
        self._listeners: list[Accepting] = []
        self._links: dict[int, BusLink] = {}
        self._connecting: dict[int, asyncio.Task[None]] = {}
        self._early: dict[int, list[bytes]] = {}

    def listen(self, port: int) -> None:
        """Listen on every address of `bind`; who connects waits until `serve`.

        Raises ListenError, having logged why.
        """
        for word in self._config.words("bind"):
            address = word.removeprefix("-")
            try:
                listener = self._network.listen(
                    address,
                    port,
                    self._config.integer("tcp-backlog"),
                    self._link,
                    self._accept_failed,
                    local=True,
                )
            except OSError as error:
                self.log.warning(could_not_listen(address, port, error))
                if word.startswith("-"):
                    continue
                self.log.warning(f"Failed listening on port {port} (cluster), aborting.")
                self.close()
                raise ListenError from None
            listener.pause()
            self._listeners.append(listener)

    def serve(self) -> None:
        """Accept and read from now on: what messages do to data has to wait until that is there."""
        self._serves = True
        self._update_reading()

    @property
    def is_frozen(self) -> bool:
        """Whether nothing is accepted and read."""
        return self._is_server_frozen or not self._serves

    def connect(self, request: Connect) -> None:
        """Open a connection; its fate is reported to the core."""
        self._early[request.link_id] = []
        task = self._network.loop.create_task(self._connect(request))
        self._connecting[request.link_id] = task

    def send(self, link_id: int, data: bytes) -> None:
        """Send on a link, or once it is connected; dropped where the link is gone."""
        link = self._links.get(link_id)
        if link is not None:
            link.write(data)
        elif link_id in self._early:
            self._early[link_id].append(data)

    def disconnect(self, link_id: int) -> None:
        """Close a link, or give up connecting it. The core has forgotten it already."""
        task = self._connecting.pop(link_id, None)
        if task is not None:
            task.cancel()
        self._early.pop(link_id, None)
        link = self._links.pop(link_id, None)
        if link is not None:
            link.abort()

    def drop_overfull(self, limit_bytes: int) -> None:
        """Drop each link that has more than `limit_bytes` to send; 0 for no limit."""
        if limit_bytes:
            for link_id, link in list(self._links.items()):
                used_bytes = link.unsent_bytes()
                if used_bytes > limit_bytes:
                    self.core.link_over_limit(link_id, used_bytes, self.now_ms())

    def buffer_of(self, link_id: int) -> tuple[str, int]:
        """What a link waits for, as CLUSTER LINKS shows it, and the size of its send buffer in bytes."""
        link = self._links.get(link_id)
        if link is None:
            return "", sum(map(len, self._early.get(link_id, ()))) + _LINK_OVERHEAD_BYTES
        unsent_bytes = link.unsent_bytes()
        return "rw" if unsent_bytes else "r", unsent_bytes + _LINK_OVERHEAD_BYTES

    def memory_bytes(self) -> int:
        """Memory in the buffers of all links."""
        early = sum(len(data) for waiting in self._early.values() for data in waiting)
        links = sum(
            link.unsent_bytes() + link.framer.buffered_bytes + _LINK_OVERHEAD_BYTES for link in self._all()
        )
        return early + links

    def freeze(self) -> None:
        """Read and accept nothing until `thaw`."""
        self._is_server_frozen = True
        self._update_reading()

    def thaw(self) -> None:
        """Go on."""
        self._is_server_frozen = False
        self._update_reading()

    def _update_reading(self) -> None:
        for listener in self._listeners:
            if self.is_frozen:
                listener.pause()
            else:
                listener.resume()
        for link in self._all():
            link.update_reading()

    def close(self) -> None:
        """Close everything; the core is told nothing any more."""
        self.is_closed = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for task in self._connecting.values():
            task.cancel()
        self._connecting.clear()
        for link in self._all():
            link.abort()
        self._links.clear()
        self._early.clear()

    # Links

    def adopt(self, link: BusLink) -> None:
        """A link is connected."""
        if self.is_closed:
            link.abort()
            return
        if link.link_id is None:
            link.link_id = self.core.accept_link(link.peer[0], link.local_ip, self.now_ms())
            self.log.verbose(f"Accepting cluster node connection from {link.peer[0]}:{link.peer[1]}")
            self._links[link.link_id] = link
            return
        early = self._early.pop(link.link_id, None)
        if early is None:  # given up while the connection came about
            link.abort()
            return
        self._links[link.link_id] = link
        for data in early:
            link.write(data)
        self.core.link_connected(link.link_id, link.peer[0], self.now_ms())
        self.work_done()

    def lost(self, link: BusLink) -> None:
        """A link is gone."""
        if link.link_id is not None and self._links.pop(link.link_id, None) is not None:
            self.core.link_closed(link.link_id, self.now_ms())
            self.work_done()

    def _all(self) -> list[BusLink]:
        return list(self._links.values())

    def _link(self) -> BusLink:
        return BusLink(self)

    async def _connect(self, request: Connect) -> None:
        source = self._config.text("bind-source-addr")
        link_id = request.link_id
        try:
            await self._network.connect(
                lambda: BusLink(self, link_id), request.ip, request.port, source=source, local=True
            )
        except (OSError, ValueError, OverflowError) as error:
            self.log.debug(f"Unable to connect to Cluster Node [{request.ip}]:{request.port} -> {error}")
            if self._early.pop(link_id, None) is not None and not self.is_closed:
                self.core.link_closed(link_id, self.now_ms())
                self.work_done()
        finally:
            self._connecting.pop(link_id, None)

    def _accept_failed(self, error: OSError) -> None:
        self.log.verbose(f"Error accepting cluster node: {error.strerror}")


class BusLink(asyncio.Protocol):
    """One connection of the bus; `link_id` is None for one that was accepted, until the core has named it."""

    def __init__(self, bus: Bus, link_id: int | None = None) -> None:
        self._bus = bus
        self.link_id = link_id
        self.framer = Framer(bus.core.knows)
        self.peer: tuple[str, int] = ("", 0)
        self.local_ip = ""
        self._transport: asyncio.Transport | None = None
        self._is_writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        self._transport = cast(asyncio.Transport, transport)
        self.peer = address_of(transport, "peername")
        self.local_ip = address_of(transport, "sockname")[0]
        self._bus.adopt(self)
        self.update_reading()

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came. Whatever a peer sends, it costs at most this link."""
        bus = self._bus
        if self.link_id is None or bus.is_closed:
            return
        now_ms = bus.now_ms()
        try:
            for message in self.framer.feed(data):
                bus.core.receive(self.link_id, message, now_ms)
        except BusProtocolError as error:
            bus.log.warning(f"Dropped a link of the Cluster bus, {self.peer[0]}:{self.peer[1]}: {error}")
            self.abort()
        except Exception as error:
            bus.log.failure("A message of the Cluster bus was not handled; its link is dropped", error)
            self.abort()
        bus.work_done()

    def write(self, data: bytes) -> None:
        """Send a message."""
        if self._transport is not None:
            self._transport.write(data)

    def unsent_bytes(self) -> int:
        """Bytes that the network has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def pause_writing(self) -> None:
        """asyncio: the peer does not read. What it sends would only make us answer: leave it unread."""
        self._is_writable = False
        self.update_reading()

    def resume_writing(self) -> None:
        """asyncio: the peer reads again."""
        self._is_writable = True
        self.update_reading()

    def update_reading(self) -> None:
        """Read, or not, as the states of link and server say."""
        set_reading(self._transport, self._is_writable and not self._bus.is_frozen)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._transport = None
        self._bus.lost(self)
