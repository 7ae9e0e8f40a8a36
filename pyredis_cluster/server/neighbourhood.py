"""Servers of one process that are told by each other's clients to end, to start and to stand still."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Any, Protocol

from pyredis_cluster.execution.wire_trouble import WireTrouble
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import OK, Reply
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.network import BUS, REPLICATION, SENTINEL
from pyredis_cluster.server.server import Server

_BETWEEN_SERVERS = frozenset((BUS, REPLICATION, SENTINEL))
_NOT_STARTED = CommandError("ERR the node cannot be started: its log says why")
_NO_TIME = CommandError("ERR the time of these nodes cannot be moved")
_MAY_NOT_FAIL = CommandError("ERR not all of these nodes may have faults")


class Member(Protocol):
    """One server, which may end and be started anew. `host` and `port` are where others reach it."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def is_up(self) -> bool:
        """Whether the server runs."""

    @property
    def server(self) -> Server:
        """The server that runs."""

    def kill(self) -> None:
        """End the server at once."""

    async def start(self) -> None:
        """Start another one from what is on the disk. Raises StartError."""

    def pause(self, seconds: float = math.inf) -> None:
        """Do nothing for that long."""

    def resume(self) -> None:
        """End a pause."""


class Advancing(Protocol):
    """The time of all members."""

    async def advance(self, seconds: float) -> None:
        """Have so much time go by at once. Raises RuntimeError where that cannot be now."""


class Neighbourhood:
    """See `Neighbours`. `members` are those that there are now, `time` is theirs if it can be moved."""

    def __init__(self, members: Callable[[], Iterable[Member]], time: Advancing | None = None) -> None:
        self._members = members
        self._time = time
        self._work: set[asyncio.Task[None]] = set()

    def _member(self, port: int, *, is_up: bool) -> Member:
        for member in self._members():
            if member.port == port:
                if member.is_up != is_up:
                    raise CommandError(f"ERR the node on port {port} is {'down' if is_up else 'running'}")
                return member
        raise CommandError(f"ERR there is no node on port {port} in this process")

    def kill(self, port: int) -> None:
        """See `Neighbours`."""
        self._member(port, is_up=True).kill()

    def start(self, port: int, done: Callable[[Reply], object]) -> None:
        """See `Neighbours`."""
        self._do(_start(self._member(port, is_up=False), done))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def pause(self, port: int, duration_ms: float) -> None:
        """See `Neighbours`."""
        self._member(port, is_up=True).pause(duration_ms / 1000)

    def resume(self, port: int) -> None:
        """See `Neighbours`."""
        self._member(port, is_up=True).resume()

    def partition(self, ports: Collection[int], *, one_way: bool) -> None:
        """See `Neighbours`."""
        some = [self._member(port, is_up=True) for port in ports]
        others = [member for member in self._members() if member.is_up and member not in some]
        cut(some, others, one_way=one_way)

    def advance(self, duration_ms: float, done: Callable[[Reply], object]) -> None:
        """See `Neighbours`."""
        if self._time is None:
            raise _NO_TIME
        self._do(_advance(self._time, duration_ms / 1000, done))

    def heal(self) -> int:
        """See `Neighbours`."""
        count = 0
        for member in self._members():
            if member.is_up:
                faults = member.server.state.faults
                count += faults.heal_all() if faults is not None else 0
                member.resume()
        return count


async def _start(member: Member, done: Callable[[Reply], object]) -> None:
    try:
        await member.start()
    except StartError:
        done(_NOT_STARTED)
    else:
        done(OK)


async def _advance(time: Advancing, seconds: float, done: Callable[[Reply], object]) -> None:
    try:
        await time.advance(seconds)
    except RuntimeError as error:
        done(CommandError(f"ERR {error}"))
    else:
        done(OK)


def cut(some: Collection[Member], others: Collection[Member], *, one_way: bool = False) -> None:
    """Let nothing pass between servers that run, clients apart; `one_way`: from `some` to `others`.

    Raises CommandError, having changed nothing, where one of them cannot have faults.
    """
    if any(member.is_up and member.server.state.faults is None for member in (*some, *others)):
        raise _MAY_NOT_FAIL
    for one in some:
        for other in others:
            _block(one, other, blocks_in=not one_way, blocks_out=True)
            _block(other, one, blocks_in=True, blocks_out=not one_way)


def _block(member: Member, peer: Member, *, blocks_in: bool, blocks_out: bool) -> None:
    """Cut the connections that one makes to the other."""
    faults = member.server.state.faults if member.is_up else None
    if faults is not None:
        trouble = WireTrouble(
            wires=_BETWEEN_SERVERS,
            peer=(peer.host, peer.port),
            blocks_in=blocks_in,
            blocks_out=blocks_out,
        )
        faults.begin(faults.wire_fault(trouble))
