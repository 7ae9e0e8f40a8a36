"""The network in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

import pytest

from pyredis_cluster.testing.simulation.loop import VirtualLoop
from pyredis_cluster.testing.simulation.network import LinkQuality, NetworkWorld

HERE, THERE = "10.0.0.1", "10.0.0.2"
PORT = 7000


class End(asyncio.Protocol):
    """One end of a connection, which keeps what happens to it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.data = b""
        self.events: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self.data += data

    def eof_received(self) -> None:
        """See asyncio."""
        self.events.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self.events.append(f"lost {type(exc).__name__}" if exc else "lost")

    def pause_writing(self) -> None:
        """See asyncio."""
        self.events.append("pause")

    def resume_writing(self) -> None:
        """See asyncio."""
        self.events.append("resume")


@pytest.fixture
def world() -> Iterator[NetworkWorld]:
    loop = VirtualLoop()
    yield NetworkWorld(loop, random.Random(1))
    loop.close()


def _failed(error: OSError) -> None:
    raise AssertionError(error)


Scenario = Callable[[NetworkWorld, End, End], Awaitable[None]]


def _connected(world: NetworkWorld, scenario: Scenario) -> None:
    """Run a scenario with a connection from HERE to THERE."""

    async def main() -> None:
        here, there = End(), End()
        world.host(THERE).listen("*", PORT, 5, lambda: there, _failed)
        await world.host(HERE).connect(lambda: here, THERE, PORT)
        await scenario(world, here, there)

    loop = world.loop
    assert isinstance(loop, VirtualLoop)
    loop.run(main())


def test_bytes_arrive_in_order_after_their_latency(world: NetworkWorld) -> None:
    world.quality = LinkQuality(latency_s=0.1, jitter_s=0.5)

    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        for number in range(20):
            here.transport.write(b"%d " % number)
        await asyncio.sleep(0.09)
        assert there.data == b""
        await asyncio.sleep(0.6)
        assert there.data == b"".join(b"%d " % number for number in range(20))

    _connected(world, scenario)


def test_ends_have_names(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        assert here.transport.get_extra_info("peername") == (THERE, PORT)
        assert there.transport.get_extra_info("peername") == here.transport.get_extra_info("sockname")

    _connected(world, scenario)


def test_what_a_lossy_link_loses_comes_later(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        world.set_quality(HERE, THERE, LinkQuality(loss=0.5))
        for _ in range(10):
            here.transport.write(b"x")
        await asyncio.sleep(0.1)
        assert len(there.data) < 10
        await asyncio.sleep(20)
        assert len(there.data) == 10

    _connected(world, scenario)


def test_a_cut_holds_back_one_direction_until_it_heals(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        world.cut(HERE, THERE)
        here.transport.write(b"forth")
        there.transport.write(b"back")
        await asyncio.sleep(60)
        assert (here.data, there.data) == (b"back", b"")
        world.heal()
        await asyncio.sleep(1)
        assert there.data == b"forth"

    _connected(world, scenario)


def test_connecting_through_a_cut_is_tried_again(world: NetworkWorld) -> None:
    async def main() -> None:
        world.host(THERE).listen("*", PORT, 5, End, _failed)
        world.partition([HERE], [THERE])
        world.loop.call_later(10, world.heal)
        end = End()
        await world.host(HERE).connect(lambda: end, THERE, PORT)
        # After 1, 3, 7 and 15 seconds.
        assert 15 < world.loop.time() < 15.1
        assert end.events == ["made"]

    assert isinstance(world.loop, VirtualLoop)
    world.loop.run(main())


def test_nobody_listening_refuses(world: NetworkWorld) -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await world.host(HERE).connect(End, THERE, PORT)
        listener = world.host(THERE).listen("*", PORT, 5, End, _failed)
        with pytest.raises(OSError, match="in use"):
            world.host(THERE).listen("*", PORT, 5, End, _failed)
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            await world.host(HERE).connect(End, THERE, PORT)

    assert isinstance(world.loop, VirtualLoop)
    world.loop.run(main())


def test_closing_sends_what_was_written(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        here.transport.write(b"last words")
        here.transport.close()
        await asyncio.sleep(1)
        assert (there.data, there.events, here.events) == (
            b"last words",
            ["made", "eof", "lost"],
            ["made", "lost"],
        )
        assert not world.pipes

    _connected(world, scenario)


def test_writing_to_who_has_closed_is_answered_with_a_reset(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        world.cut(HERE, THERE)
        here.transport.abort()
        await asyncio.sleep(1)
        assert there.events == ["made"]
        there.transport.write(b"hello?")
        world.heal()
        await asyncio.sleep(1)
        assert there.events[-1].startswith("lost")
        assert not world.pipes

    _connected(world, scenario)


def test_a_reader_that_pauses_stops_the_writer(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        there.transport.pause_reading()
        here.transport.write(b"x" * 300_000)
        await asyncio.sleep(1)
        assert (here.events, there.data) == (["made", "pause"], b"")
        assert here.transport.get_write_buffer_size() > 0
        there.transport.resume_reading()
        await asyncio.sleep(1)
        assert (here.events, len(there.data)) == (["made", "pause", "resume"], 300_000)

    _connected(world, scenario)


def test_a_process_that_ends_is_noticed_and_a_host_without_power_is_not(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        world.end_process(THERE)
        await asyncio.sleep(1)
        assert here.events == ["made", "eof", "lost"]
        assert there.events == ["made"]

    _connected(world, scenario)


def test_a_host_without_power_is_silent(world: NetworkWorld) -> None:
    async def scenario(world: NetworkWorld, here: End, there: End) -> None:
        world.lose_power(THERE)
        here.transport.write(b"hello?")
        await asyncio.sleep(600)
        assert here.events == ["made"]
        world.restore_power(THERE)
        await asyncio.sleep(1)
        assert here.events == ["made", "lost ConnectionResetError"]
        assert not world.pipes

    _connected(world, scenario)


def test_a_paused_listener_accepts_later(world: NetworkWorld) -> None:
    async def main() -> None:
        there = End()
        listener = world.host(THERE).listen("*", PORT, 5, lambda: there, _failed)
        listener.pause()
        here = End()
        await world.host(HERE).connect(lambda: here, THERE, PORT)
        here.transport.write(b"hello")
        await asyncio.sleep(1)
        assert there.events == []
        listener.resume()
        await asyncio.sleep(1)
        assert (there.events, there.data) == (["made"], b"hello")

    assert isinstance(world.loop, VirtualLoop)
    world.loop.run(main())
