"""Virtual time for programs of users: asyncio clients, unchanged, and the servers they speak to.

Connections that the loop is asked for are made in the simulated network, in which there is one host; whatever
else would leave the program is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVarTuple, Unpack

from pyredis_cluster.testing.simulation.clock import SimulatedClock
from pyredis_cluster.testing.simulation.loop import VirtualLoop
from pyredis_cluster.testing.simulation.network import Address, NetworkWorld

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server

_Args = TypeVarTuple("_Args")

_HOST: Final = "127.0.0.1"
_FIRST_PORT: Final = 10300
_NO_THREADS: Final = "there are no threads: run_in_executor and asyncio.to_thread cannot work"
_NO_SOCKETS: Final = "there are no real sockets, files or pipes to wait for"


def _refused(what: str) -> Any:
    def refuse(*args: object, **options: object) -> NoReturn:
        raise RuntimeError(f"in virtual time {what}")

    return refuse


class ProgramSocket:
    """What clients may ask of the socket of their connection: addresses. Options may be set, to no effect."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, local: Address, remote: Address) -> None:
        self._local = local
        self._remote = remote

    def getsockname(self) -> Address:
        """See `socket.socket`."""
        return self._local

    def getpeername(self) -> Address:
        """See `socket.socket`."""
        return self._remote

    def setsockopt(self, *args: object) -> None:
        """See `socket.socket`; nothing here depends on options."""

    def fileno(self) -> int:
        """See `socket.socket`: that of one which is closed."""
        return -1


class ProgramLoop(VirtualLoop):
    """A loop with a network, a clock and a source of chance, which servers that start in it use.

    `limit_s` is how long the program may take, in virtual time; `unix_time_s` when it begins.
    """

    def __init__(self, *, seed: int, limit_s: float, unix_time_s: int) -> None:
        super().__init__()
        # As in every other loop: what nobody catches is logged.
        self.set_exception_handler(None)
        self.limit_s = limit_s
        self.random = random.Random(seed)
        self.world = NetworkWorld(self, random.Random(self.random.getrandbits(64)))
        self.network = self.world.host(_HOST)
        self.clock = SimulatedClock(self, epoch_ns=unix_time_s * 10**9)
        self.servers: list[Server] = []
        """Those that have started in it."""
        self._is_moving = False
        self._own_thread_id = threading.get_ident()
        self._next_port = _FIRST_PORT

    # Time as a test moves it, see `pyredis_cluster.testing.clock`

    @contextlib.contextmanager
    def moving(self) -> Iterator[None]:
        """For the time of a block, `pass_until` and `jump` move time. Raises RuntimeError within one."""
        if self._is_moving:
            raise RuntimeError("time is being moved already")
        self._is_moving = True
        try:
            yield
        finally:
            self._is_moving = False

    async def pass_until(self, end_s: float) -> None:
        """Let time pass; it does not count for `limit_s`."""
        began_s = self.time()
        self.limit_s += end_s - began_s
        await asyncio.sleep(end_s - began_s)

    def jump(self, to_s: float) -> None:
        """Have it be later at once, which does not count for `limit_s`."""
        self.limit_s += to_s - self.time()
        super().jump(to_s)

    def stand_still(self) -> None:
        """Raises RuntimeError: only what waits lets time pass here."""
        raise RuntimeError("virtual time needs no freezing: it only passes while everyone waits")

    go_on = stand_still

    # The outside

    def free_ports(self, count: int) -> list[int]:
        """Ports that nobody has had."""
        self._next_port += count
        return list(range(self._next_port - count, self._next_port))

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: object = None,
        **options: object,
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """See asyncio: to a server in this loop, without TLS. Raises OSError."""
        if ssl or sock is not None:
            raise RuntimeError("in virtual time connections have neither TLS nor sockets of their own")
        found = await self.getaddrinfo(host, port)
        address, number = found[0][4]
        protocol = protocol_factory()
        try:
            transport = await self.network.open(lambda: protocol, address, number)
        except ConnectionRefusedError as error:
            raise ConnectionRefusedError(
                error.errno,
                f"no server listens on {address}:{number} in this virtual time; those of fixtures, threads "
                "and other processes are outside of it",
            ) from None
        names = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        transport.socket = ProgramSocket(*names)
        return transport, protocol

    async def getaddrinfo(  # type: ignore[override]
        self, host: str | bytes | None, port: str | int | None, **options: object
    ) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]:
        """See asyncio: the only name is `localhost`. Raises `socket.gaierror`."""
        name = host.decode() if isinstance(host, bytes) else host or _HOST
        try:
            address = _HOST if name == "localhost" else str(ipaddress.IPv4Address(name))
        except ValueError:
            raise socket.gaierror(
                socket.EAI_NONAME, f"virtual time knows no host {name!r}, only localhost"
            ) from None
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port or 0)))]

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[_Args]], object],
        *args: *_Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """See asyncio, but from the loop's own thread only. Raises RuntimeError elsewhere."""
        if threading.get_ident() != self._own_thread_id:
            raise RuntimeError(f"in virtual time {_NO_THREADS}")
        return super().call_soon_threadsafe(callback, *args, context=context)

    run_in_executor = _refused(_NO_THREADS)
    getnameinfo = _refused("no address has a name")
    create_server = create_unix_server = _refused("only servers of pyredis_cluster can listen")
    create_unix_connection = create_datagram_endpoint = connect_accepted_socket = _refused(
        "connections are made with create_connection or open_connection only"
    )
    start_tls = _refused("there is no TLS")
    add_reader = remove_reader = add_writer = remove_writer = _refused(_NO_SOCKETS)
    sock_recv = sock_recv_into = sock_recvfrom = sock_recvfrom_into = _refused(_NO_SOCKETS)
    sock_sendall = sock_sendto = sock_connect = sock_accept = _refused(_NO_SOCKETS)
    sendfile = sock_sendfile = connect_read_pipe = connect_write_pipe = _refused(_NO_SOCKETS)
    subprocess_exec = subprocess_shell = _refused("there are no other processes")
    add_signal_handler = remove_signal_handler = _refused("there are no signals")
