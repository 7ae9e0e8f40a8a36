"""A sentinel's connections to the servers it watches and to other sentinels.

The core says when to connect, what to send and when to close. What comes back is told to it in order; nothing
is tried again here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.protocol.command_stream import encode_request
from pyredis_cluster.protocol.reply_reader import BadReplyError, ReplyReader
from pyredis_cluster.sentinel.ready import Connect, ErrorReply
from pyredis_cluster.server.network import SENTINEL
from pyredis_cluster.server.primary_connection import PrimaryConnection, reason_of

if TYPE_CHECKING:
    from pyredis_cluster.sentinel.core import SentinelCore
    from pyredis_cluster.server.server import Server


class SentinelLinks:
    """All connections of one sentinel. `work` makes a call of the core, and then what that leaves to do."""

    def __init__(
        self, server: Server, core: SentinelCore, work: Callable[[Callable[[], None]], None]
    ) -> None:
        self._server = server
        self._core = core
        self._work = work
        self._links: dict[int, _Link] = {}
        server.freezer.on_freeze.append(self._update_reading)
        server.freezer.on_thaw.append(self._update_reading)

    def connect(self, request: Connect) -> None:
        """Begin to connect; what is sent meanwhile waits."""
        link = self._links[request.link_id] = _Link(self, request.link_id, self._server)
        link.connecting = self._server.loop.create_task(self._connect(link, request))

    def send(self, link_id: int, argv: tuple[bytes, ...]) -> None:
        """Send a request; to a link that is gone it is dropped."""
        link = self._links.get(link_id)
        if link is not None:
            link.send(encode_request(*argv))

    def disconnect(self, link_id: int) -> None:
        """Close a link, connected or not; the core has forgotten it already."""
        link = self._links.pop(link_id, None)
        if link is not None:
            link.abandon()

    def close(self) -> None:
        """Close all."""
        for link in self._links.values():
            link.abandon()
        self._links.clear()

    def connected(self, link: _Link, local_ip: str) -> None:
        """A connection is there."""
        self._tell(lambda now_ms: self._core.link_connected(link.number, local_ip, now_ms))

    def replied(self, link: _Link, replies: list[object], fault: str) -> None:
        """Replies have come; behind them, where there is a `fault`, something that is none."""

        def tell(now_ms: int) -> None:
            for reply in replies:
                self._core.replied(link.number, reply, now_ms)

        self._tell(tell)
        if fault and self._links.get(link.number) is link:
            link.abandon()
            self.lost(link, fault)

    def lost(self, link: _Link, error: str) -> None:
        """A link has ended, or could not be made."""
        if self._links.get(link.number) is link:
            del self._links[link.number]
            self._tell(lambda now_ms: self._core.link_closed(link.number, error, now_ms))

    def _tell(self, tell: Callable[[int], None]) -> None:
        keyspace = self._server.state.keyspace
        self._work(lambda: tell(keyspace.now_ms))

    def _update_reading(self) -> None:
        for link in self._links.values():
            link.connection.update_reading()

    async def _connect(self, link: _Link, request: Connect) -> None:
        server = self._server
        source = server.config.text("bind-source-addr")
        try:
            network = server.network.on(SENTINEL)
            await network.connect(lambda: link.connection, request.ip, request.port, source=source)
        except (OSError, ValueError, OverflowError) as failure:
            error = reason_of(failure)
            if server.freezer.is_frozen:
                server.freezer.postpone(lambda: self.lost(link, error))
            else:
                self.lost(link, error)
        finally:
            link.connecting = None


class _Link:
    """One connection: the `Owner` of its socket."""

    def __init__(self, links: SentinelLinks, number: int, server: Server) -> None:
        self.number = number
        self.connection = PrimaryConnection(self, server.freezer)
        self.connecting: asyncio.Task[None] | None = None
        self._links = links
        self._reader = ReplyReader(ErrorReply)
        self._early: list[bytes] | None = []

    def send(self, data: bytes) -> None:
        """Send, or keep it until there is a connection: the core bounds what may wait for a reply."""
        if self._early is not None:
            self._early.append(data)
        else:
            self.connection.write(data)

    def abandon(self) -> None:
        """Close; nothing is told any more."""
        if self.connecting is not None:
            self.connecting.cancel()
        self.connection.abandon()

    def connected(self, connection: PrimaryConnection) -> None:
        """See `primary_connection.Owner`."""
        early, self._early = self._early or [], None
        if early:
            connection.write(b"".join(early))
        self._links.connected(self, connection.address("sockname")[0])

    def received(self, connection: PrimaryConnection, data: bytes) -> None:
        """See `primary_connection.Owner`."""
        replies: list[object] = []
        fault = ""
        try:
            for reply in self._reader.feed(data):
                replies.append(reply)
        except BadReplyError as error:
            fault = str(error)
        self._links.replied(self, replies, fault)

    def lost(self, connection: PrimaryConnection, error: Exception | None) -> None:
        """See `primary_connection.Owner`."""
        self._links.lost(self, reason_of(error) if error is not None else "Server closed the connection")
