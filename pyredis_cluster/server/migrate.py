"""MIGRATE's conversation with another server, during which this one does nothing else.

Connections are kept for ten seconds, since moving a slot takes many MIGRATEs. A kept one may have been closed
by the other side, so what failed before any reply came is tried once more over a new one.

Source: migrateCommand and migrateGetSocket of Redis 7.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from pyredis_cluster.execution.migration import (
    CONNECTING_FAILED,
    READING_FAILED,
    WRITING_FAILED,
    Migration,
    Outcome,
)
from pyredis_cluster.protocol.command_stream import Request, encode_requests
from pyredis_cluster.protocol.errors import CommandError

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server

_MAX_KEPT = 64
_KEPT_MS = 10_000
_CHUNK_BYTES = 64 * 1024
_MAX_LINE_BYTES = 64 * 1024
_NO_DATABASE = -1

Place = tuple[bytes, int]


class Migrations:
    """The MIGRATEs of one server: one at a time, as it is frozen meanwhile. Made at the first one."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._targets: dict[Place, _Target] = {}
        self._task: asyncio.Task[None] | None = None
        server.cron.every(1000, self._close_idle)

    @property
    def kept_count(self) -> int:
        """How many connections are kept."""
        return len(self._targets)

    def begin(self, request: Migration, done: Callable[[Outcome], None]) -> None:
        """Freeze the server, carry out `request`, call `done` while nothing else runs, and go on."""
        assert self._task is None
        self._server.freezer.freeze()
        self._task = self._server.loop.create_task(self._run(request, done))

    def release(self) -> None:
        """The server ends, in order or not: give up what is under way, and keep no connection."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for place in list(self._targets):
            self._drop(place)

    async def _run(self, request: Migration, done: Callable[[Outcome], None]) -> None:
        outcome = Outcome(failure=READING_FAILED)
        try:
            outcome = await self._exchange(request)
        except Exception as error:
            self._server.log.failure("Failure in MIGRATE", error)
        self._task = None
        self._server.work(done, (outcome,))
        if self._task is None:  # else a transaction goes on with another MIGRATE
            self._server.freezer.thaw()

    async def _exchange(self, request: Migration) -> Outcome:
        place = (request.host, request.port)
        outcome = Outcome()
        for _ in range(2):
            try:
                target = await self._target_at(place, request.timeout_ms)
            except (OSError, OverflowError, ValueError) as error:
                return Outcome(failure=_failure_of(error))
            outcome = Outcome()
            may_retry = False
            try:
                await target.run(request, outcome)
            except TimeoutError:
                pass
            except OSError:
                may_retry = not outcome.replies
            else:
                return outcome
            self._drop(place)
            if not may_retry:
                break
        return outcome

    async def _target_at(self, place: Place, timeout_ms: int) -> _Target:
        """A connection to that server, kept from before or new.

        Raises OSError, and OverflowError or ValueError for what is no port or host.
        """
        target = self._targets.get(place)
        if target is None:
            if len(self._targets) >= _MAX_KEPT:
                self._drop(next(iter(self._targets)))
            loop = self._server.loop
            host = place[0].decode("utf-8", "surrogateescape")
            if not host:
                # The event loop would take it for this machine.
                raise ValueError("no host")
            async with asyncio.timeout(timeout_ms / 1000):
                target = made = _Target(loop)
                await self._server.network.connect(lambda: made, host, place[1])
            self._targets[place] = target
        target.used_ms = self._server.state.keyspace.now_ms
        return target

    def _drop(self, place: Place) -> None:
        self._targets.pop(place).abort()

    def _close_idle(self, now_ms: int) -> None:
        for place, target in list(self._targets.items()):
            if now_ms - target.used_ms > _KEPT_MS:
                self._drop(place)


def _failure_of(error: Exception) -> CommandError:
    """What a client is told of a connection that could not be made."""
    # Redis learns of a refusal only as it writes. Refused at several addresses: there is no error number.
    is_refused = isinstance(error, OSError) and (isinstance(error, ConnectionError) or error.errno is None)
    return WRITING_FAILED if is_refused and not isinstance(error, TimeoutError) else CONNECTING_FAILED


class _Target(asyncio.Protocol):
    """A connection to another server: lines come back, which are waited for as long as a step may take."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._is_lost = False
        self._is_taking = True
        self._database = _NO_DATABASE
        self.used_ms = 0

    async def run(self, request: Migration, outcome: Outcome) -> None:
        """Send all, and put into `outcome` what comes back. Raises TimeoutError, and OSError for other
        failures; `outcome` then has what came before.
        """
        preamble: list[Request] = [[b"AUTH", *request.auth]] if request.auth else []
        if self._database != request.database:
            preamble.append([b"SELECT", b"%d" % request.database])
        self._database = _NO_DATABASE
        timeout_s = request.timeout_ms / 1000
        outcome.failure = WRITING_FAILED
        await self._send(encode_requests([*preamble, *request.restores]), timeout_s)
        outcome.failure = READING_FAILED
        for _ in preamble:
            line = await self._line(timeout_s)
            if line.startswith(b"-") and outcome.refusal is None:
                outcome.refusal = line
        for _ in request.restores:
            outcome.replies.append(await self._line(timeout_s))
        outcome.failure = None
        if outcome.first_error is None:
            self._database = request.database

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _send(self, data: bytes, timeout_s: float) -> None:
        view = memoryview(data)
        for start in range(0, len(data), _CHUNK_BYTES):
            if self._is_lost or self._transport is None:
                raise ConnectionResetError
            self._transport.write(view[start : start + _CHUNK_BYTES])
            while not self._is_taking:
                await self._wait(timeout_s)

    async def _line(self, timeout_s: float) -> bytes:
        """The next line, without its end. Raises ConnectionResetError for what is no status or error, too."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                raise ConnectionResetError
            await self._wait(timeout_s)
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        # Redis would take anything but an error for an acknowledgement, and delete the key.
        if not line.startswith((b"+", b"-")):
            raise ConnectionResetError
        return line

    async def _wait(self, timeout_s: float) -> None:
        if self._is_lost:
            raise ConnectionResetError
        self._waiter = self._loop.create_future()
        async with asyncio.timeout(timeout_s):
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: connected."""
        self._transport = cast(asyncio.Transport, transport)
        # What is not taken at once counts as not sent.
        self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came."""
        self._buffer += data
        self._wake()

    def pause_writing(self) -> None:
        """asyncio: the other side does not take more now."""
        self._is_taking = False

    def resume_writing(self) -> None:
        """asyncio: all was taken."""
        self._is_taking = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._is_lost = True
        self._is_taking = True
        self._wake()
