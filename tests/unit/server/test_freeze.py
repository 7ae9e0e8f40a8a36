"""A frozen server does nothing on any wire while others in the same event loop go on."""

from __future__ import annotations

import asyncio
import time

from tests.support.inloop import peer, serving, until


class TestFreeze:
    async def test_answers_nothing_until_it_thaws(self, use_epoll: bool) -> None:
        async with (
            serving(use_epoll=use_epoll) as server,
            serving(use_epoll=use_epoll) as other,
            peer(server) as client,
            peer(other) as neighbour,
        ):
            await client.call("SET", "k", "v")
            server.freeze(60_000)
            client.send(b"GET k\r\n")
            for _ in range(20):
                assert await neighbour.call("PING") == b"+PONG\r\n"
            assert await client.is_silent()
            async with peer(server) as late:
                late.send(b"PING\r\n")
                assert await late.is_silent()
                server.freezer.thaw()
                assert await late.read() == b"+PONG\r\n"
            assert await client.read() == b"$1\r\nv\r\n"

    async def test_sends_nothing_of_what_is_buffered(self) -> None:
        async with serving() as server, peer(server, limit_bytes=1 << 24) as client:
            await client.call("SET", "k", b"v" * (8 << 20))
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(b"GET k\r\n")
            await until(lambda: any(each.output_bytes() for each in server.clients.connections))
            (connection,) = server.clients.connections
            server.freeze(60_000)
            held_bytes = connection.output_bytes()
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert not await client.is_silent()
            await asyncio.sleep(0.02)
            assert connection.output_bytes() == held_bytes > 0
            server.freezer.thaw()
            assert len(await client.read()) == (8 << 20) + 12

    async def test_ends_by_itself(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client:
            await client.call("PING")
            started_s = time.monotonic()
            server.freeze(50)
            assert await client.call("PING") == b"+PONG\r\n"
            assert time.monotonic() - started_s >= 0.05

    async def test_the_longer_time_counts(self) -> None:
        async with serving() as server:
            server.freeze(60_000)
            server.freeze(1)
            await asyncio.sleep(0.01)
            assert server.is_frozen
            server.freezer.thaw()
            assert not server.is_frozen

    async def test_wakes_before_it_goes_on(self) -> None:
        async with serving() as server:
            heard: list[str] = []
            server.freezer.on_waking.append(lambda: heard.append(f"woken, frozen: {server.is_frozen}"))
            server.freezer.on_thaw.append(lambda: heard.append("thawed"))
            server.freeze(1)
            await until(lambda: bool(heard))
            assert heard == ["woken, frozen: True"]
            await until(lambda: not server.is_frozen)
            assert heard == ["woken, frozen: True", "thawed"]

    async def test_goes_on_when_it_may(self) -> None:
        async with serving() as server:
            answers = iter([False, True, False])
            server.freezer.on_waking.append(lambda: None)
            server.freezer.may_thaw = lambda: server.is_frozen and next(answers, True)
            server.freeze(1)
            await until(lambda: not server.is_frozen)
            assert next(answers, None) is None

    async def test_falls_asleep_again_while_it_wakes(self) -> None:
        async with serving() as server:
            heard: list[str] = []
            server.freezer.on_freeze.append(lambda: heard.append("frozen"))
            server.freezer.on_waking.append(lambda: server.freeze(60_000))
            server.freeze(1)
            await until(lambda: len(heard) == 2)
            await asyncio.sleep(0.01)
            assert server.is_frozen
            server.freezer.thaw()

    async def test_timers_wait(self) -> None:
        async with serving() as server:
            fired: list[str] = []
            server.freeze(60_000)
            server.call_later(1, fired.append, "due")
            cancelled = server.call_later(1, fired.append, "cancelled")
            await asyncio.sleep(0.01)
            cancelled.cancel()
            assert fired == []
            server.freezer.thaw()
            assert fired == ["due"]

    async def test_does_not_tick(self) -> None:
        async with serving(hz=500) as server:
            ticks: list[int] = []
            server.cron.every(0, ticks.append)
            await until(lambda: len(ticks) > 2)
            server.freeze(60_000)
            await asyncio.sleep(0.005)
            count = len(ticks)
            await asyncio.sleep(0.02)
            assert len(ticks) == count
            server.freezer.thaw()
            await until(lambda: len(ticks) > count)

    async def test_blocked_client_gets_its_timeout_late(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client:
            client.send(b"BLPOP nothing 0.1\r\n")
            await until(lambda: bool(server.state.blocking.waiting))
            server.freeze(60_000)
            assert await client.is_silent(0.12)
            server.freezer.thaw()
            assert await client.read() == b"*-1\r\n"

    async def test_debug_sleep(self, use_epoll: bool) -> None:
        async with serving(use_epoll=use_epoll) as server, peer(server) as client, peer(server) as second:
            started_s = time.monotonic()
            client.send(b"DEBUG SLEEP 0.05\r\nPING\r\n")
            await until(lambda: server.is_frozen)
            second.send(b"PING\r\n")
            assert await second.read() == b"+PONG\r\n"
            assert time.monotonic() - started_s >= 0.05
            assert await client.read() == b"+OK\r\n"
            assert await client.read() == b"+PONG\r\n"
