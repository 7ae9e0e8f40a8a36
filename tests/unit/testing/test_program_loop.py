"""The loop of users' programs in virtual time: connections in memory, and nothing that leaves the program."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyredis_cluster.testing.simulation.loop import DeadlockError
from pyredis_cluster.testing.simulation.program_loop import ProgramLoop


@pytest.fixture
def loop() -> Iterator[ProgramLoop]:
    made = ProgramLoop(seed=1, limit_s=100.0, unix_time_s=1_700_000_000)
    yield made
    made.limit_s = 200.0
    made.close()


class Echo(asyncio.Protocol):
    """Says what it is told."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def fail(error: OSError) -> None:
    raise AssertionError(error)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_streams(loop: ProgramLoop, host: str) -> None:
    loop.network.listen("127.0.0.1", 7000, 1, Echo, fail)

    async def speak() -> bytes:
        reader, writer = await asyncio.open_connection(host, 7000)
        sock = writer.get_extra_info("socket")
        assert sock.getpeername() == writer.get_extra_info("peername") == ("127.0.0.1", 7000)
        assert sock.getsockname()[0] == "127.0.0.1"
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer.write(b"hello\n")
        await writer.drain()
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line

    assert loop.run(speak()) == b"hello\n"
    assert 0.001 < loop.time() < 0.1


def test_nobody_there(loop: ProgramLoop) -> None:
    with pytest.raises(
        ConnectionRefusedError, match=r"no server listens on 127\.0\.0\.1:7000 in this virtual time"
    ):
        loop.run(asyncio.open_connection("localhost", 7000))


def test_no_other_host(loop: ProgramLoop) -> None:
    with pytest.raises(socket.gaierror, match=r"no host 'redis\.example'"):
        loop.run(asyncio.open_connection("redis.example", 6379))


_REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: asyncio.to_thread(print), "there are no threads"),
    (
        lambda: asyncio.start_server(lambda *_: None, "127.0.0.1", 7000),
        "only servers of pyredis_cluster can listen",
    ),
    (lambda: asyncio.open_unix_connection("/tmp/socket"), "create_connection or open_connection only"),
    (lambda: asyncio.open_connection("localhost", 7000, ssl=True), "neither TLS nor sockets"),
    (lambda: asyncio.create_subprocess_exec("true"), "no other processes"),
    (lambda: asyncio.get_running_loop().add_reader(0, print), "no real sockets"),
]


@pytest.mark.parametrize(("leave", "reason"), _REFUSED)
def test_what_leaves_the_program_is_refused(loop: ProgramLoop, leave: Callable[[], Any], reason: str) -> None:
    async def main() -> None:
        await leave()

    with pytest.raises(RuntimeError, match=f"in virtual time .*{reason}"):
        loop.run(main())


def test_other_threads_cannot_call_in(loop: ProgramLoop) -> None:
    refusals: list[str] = []

    def call() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except RuntimeError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(refusals) == 1
    assert "no threads" in refusals[0]


def test_time_is_limited_and_who_waits_is_told(loop: ProgramLoop) -> None:
    never = loop.create_future()

    async def wait_in_vain() -> None:
        await never

    async def tick() -> None:
        while not never.done():  # noqa: ASYNC110
            await asyncio.sleep(1)

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        await wait_in_vain()
        await ticking

    with pytest.raises(
        DeadlockError, match=r"(?s)limit_s=100 s of virtual time.*main \(.*test_program_loop\.py:\d+\) > "
    ):
        loop.run(main())
    assert loop.time() <= 100


def test_ports_are_given_once(loop: ProgramLoop) -> None:
    assert not set(loop.free_ports(3)) & set(loop.free_ports(3))
