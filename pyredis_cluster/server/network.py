"""How sockets are served: one object for all servers of an event loop.

Where the platform has epoll, and the event loop is asyncio's own, accepted connections share one epoll object
(`pyredis_cluster.server.epoll`); elsewhere they use the loop's transports. Protocols see no difference.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Final, Protocol

from pyredis_cluster.server.epoll import EpollTransport, Poller
from pyredis_cluster.server.local_links import LocalAccepting, LocalLinks
from pyredis_cluster.server.sockets import tcp_socket

CLIENT: Final = "client"
BUS: Final = "bus"
REPLICATION: Final = "replication"
SENTINEL: Final = "sentinel"
"""Kinds of connections: see `Network.on`."""

_ACCEPTS_PER_TURN = 64
_ACCEPT_RETRY_S = 1.0

ProtocolFactory = Callable[[], asyncio.Protocol]


class Accepting(Protocol):
    """A listening socket whose connections are accepted."""

    @property
    def name(self) -> tuple[str, int]:
        """Address and port."""

    def pause(self) -> None:
        """Leave new connections to the system's backlog, where that can be done."""

    def resume(self) -> None:
        """Accept again."""

    def close(self) -> None:
        """Close the listening socket; accepted connections stay."""


class Network:
    """The sockets of one event loop. Make one per loop and hand it to each server of that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, use_epoll: bool = True) -> None:
        self.loop = loop
        self._poller = _poller(loop) if use_epoll else None
        self._links = LocalLinks(loop)

    def on(self, wire: str) -> Network:
        """The same for connections of one kind, as `CLIENT` or `BUS`. Faults may concern them."""
        return self

    def accept(
        self, listener: socket.socket, factory: ProtocolFactory, failed: Callable[[OSError], None]
    ) -> Accepting:
        """Serve connections to `listener`, which listens already, with protocols from `factory`.

        `failed` is told what keeps connections from being accepted, at most once a second.
        """
        listener.setblocking(False)
        if self._poller is None:
            return _LoopAccepting(self.loop, listener, factory)
        return _EpollAccepting(self._poller, listener, factory, failed)

    def listen(
        self,
        address: str,
        port: int,
        backlog: int,
        factory: ProtocolFactory,
        failed: Callable[[OSError], None],
        *,
        local: bool = False,
    ) -> Accepting:
        """Serve connections to one address of `bind`; see `accept`.

        If it is `local`, those from servers of this event loop are made without sockets. Raises OSError;
        `filename` then names the call that failed.
        """
        accepting = self.accept(tcp_socket(address, port, backlog), factory, failed)
        return _AcceptingBoth(accepting, self._links.offer(address, port, factory)) if local else accepting

    async def connect(
        self, factory: ProtocolFactory, host: str, port: int, *, source: str = "", local: bool = False
    ) -> None:
        """Connect a protocol from `factory`, from the address `source` if one is given.

        If it is `local`, without a socket where a server of this event loop listens in that way. Raises
        OSError, and for a host or port that cannot be one ValueError or OverflowError.
        """
        if local and not source and self._links.connect(factory, host, port):
            return
        await self.loop.create_connection(factory, host, port, local_addr=(source, 0) if source else None)

    def resolve(self, host: str, *, by_name: bool) -> str | None:
        """The numeric form of an address, or, with `by_name`, of a host's, for which it may have to wait.

        None where there is none.
        """
        return resolved(host, by_name)

    def resolve_soon(self, host: str, done: Callable[[str, str | None], None]) -> None:
        """The same by name without waiting: `done` is called later, with `host` and its address."""

        def look_up() -> None:
            address = resolved(host, True)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(done, host, address)

        # Not one of the loop's own threads, whose end the program would wait for.
        threading.Thread(target=look_up, daemon=True).start()

    def before_send(self, call: Callable[[], None]) -> None:
        """Make a call before the replies of the requests that are served now are sent.

        Where all sockets are served together it is made once for all of them, else at once.
        """
        poller = self._poller
        if poller is None or poller.unsent is None:
            call()
        else:
            poller.due[call] = None

    @property
    def api(self) -> str:
        """What watches the sockets: `epoll`, or the name of the loop's selector."""
        if self._poller is not None:
            return "epoll"
        selector = getattr(self.loop, "_selector", None)
        return type(selector or self.loop).__name__.removesuffix("Selector").lower()

    def close(self) -> None:
        """Let go of the loop, when no server uses it any more."""
        if self._poller is not None:
            self._poller.close()
            self._poller = None


def set_reading(transport: asyncio.Transport | None, wanted: bool) -> None:
    """Read from a connection that is there and not being closed, or leave what comes to the network."""
    if transport is None or transport.is_closing():
        return
    if wanted:
        transport.resume_reading()
    else:
        transport.pause_reading()


def address_of(transport: asyncio.BaseTransport | None, name: str) -> tuple[str, int]:
    """`peername` or `sockname`: host and port, an empty host where that is not known."""
    found = transport.get_extra_info(name) if transport is not None else None
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else ("", 0)


def resolved(host: str, by_name: bool) -> str | None:
    """See `Network.resolve`."""
    flags = 0 if by_name else socket.AI_NUMERICHOST
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, ValueError):
        return None
    return str(found[0][4][0])


def _poller(loop: asyncio.AbstractEventLoop) -> Poller | None:
    # uvloop does not report an epoll object as readable; a simulated loop has no file descriptors.
    if not hasattr(select, "epoll") or not isinstance(loop, asyncio.SelectorEventLoop):
        return None
    return Poller(loop)


class _EpollAccepting:
    """Accepts in the loop's reader callback; connections go to the poller."""

    def __init__(
        self,
        poller: Poller,
        listener: socket.socket,
        factory: ProtocolFactory,
        failed: Callable[[OSError], None],
    ) -> None:
        self._poller = poller
        self._listener = listener
        self._factory = factory
        self._failed = failed
        self._retry: asyncio.TimerHandle | None = None
        self.resume()

    @property
    def name(self) -> tuple[str, int]:
        return _name(self._listener)

    def _accept(self) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors or memory: the socket stays ready, so trying on would only burn CPU.
                self._failed(error)
                self.pause()
                self._retry = self._poller.loop.call_later(_ACCEPT_RETRY_S, self.resume)
                return
            _no_delay(connection)
            EpollTransport(self._poller, connection, self._factory())

    def pause(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._poller.loop.remove_reader(self._listener.fileno())

    def resume(self) -> None:
        self._retry = None
        self._poller.loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        if not self._poller.loop.is_closed():
            self.pause()
        self._listener.close()


class _AcceptingBoth:
    """Connections of other processes, and of servers of this event loop."""

    def __init__(self, accepting: Accepting, local: LocalAccepting) -> None:
        self._accepting = accepting
        self._local = local

    @property
    def name(self) -> tuple[str, int]:
        return self._accepting.name

    def pause(self) -> None:
        self._accepting.pause()
        self._local.pause()

    def resume(self) -> None:
        self._accepting.resume()
        self._local.resume()

    def close(self) -> None:
        self._accepting.close()
        self._local.close()


class _LoopAccepting:
    """Leaves accepting to the event loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listener: socket.socket, factory: ProtocolFactory
    ) -> None:
        self._listener = listener
        self._server: asyncio.AbstractServer | None = None
        self._is_closed = False
        self._starting = loop.create_task(self._start(loop, factory))

    async def _start(self, loop: asyncio.AbstractEventLoop, factory: ProtocolFactory) -> None:
        server = await loop.create_server(factory, sock=self._listener)
        if self._is_closed:
            server.close()
        else:
            self._server = server

    @property
    def name(self) -> tuple[str, int]:
        return _name(self._listener)

    def pause(self) -> None:
        """The loop goes on accepting; a frozen server reads nothing from what it accepts."""

    def resume(self) -> None:
        pass

    def close(self) -> None:
        self._is_closed = True
        if self._server is not None:
            self._server.close()
        self._listener.close()


def _name(listener: socket.socket) -> tuple[str, int]:
    name = listener.getsockname()
    return (name[0], name[1]) if isinstance(name, tuple) else (str(name), 0)


def _no_delay(connection: socket.socket) -> None:
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
