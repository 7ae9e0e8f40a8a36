"""MIGRATE between servers of one event loop, and with other sides that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.support.inloop import TestServer, peer, serving, until
from tests.support.ports import free_port, release_port
from tests.support.virtual import PORT, World, run

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CONNECTING = b"-IOERR error or timeout connecting to the client\r\n"
WRITING = b"-IOERR error or timeout writing to target instance\r\n"
READING = b"-IOERR error or timeout reading to target instance\r\n"
OK = b"+OK\r\n"


@contextlib.asynccontextmanager
async def target(converse: Conversation) -> AsyncIterator[int]:
    """Something that listens at a port and does with each connection what the test says."""
    port = free_port()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await converse(reader, writer)
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield port
    finally:
        listener.close()
        release_port(port)


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all and say nothing."""
    while await reader.read(65536):
        pass


def saying(*lines: bytes) -> Conversation:
    """Read once, say that, and end."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        for line in lines:
            writer.write(line)

    return converse


def kept(server: TestServer) -> int:
    return server.migrations.kept_count if server.migrations is not None else 0


async def test_moves_keys_within_one_event_loop() -> None:
    async with serving() as source, serving() as other, peer(source) as here, peer(other) as there:
        await here.call("SET", "k", "v")
        await here.call("SET", "x", "y", "PX", 100_000)
        await here.call("RPUSH", "l", *map(str, range(2000)))
        assert await here.call("MIGRATE", "127.0.0.1", other.port, "", 0, 5000, "KEYS", "k", "l", "x") == OK
        assert await here.call("DBSIZE") == b":0\r\n"
        assert await there.call("GET", "k") == b"$1\r\nv\r\n"
        assert await there.call("LLEN", "l") == b":2000\r\n"
        assert 90_000 < int((await there.call("PTTL", "x"))[1:-2]) <= 100_000
        assert not source.is_frozen


async def test_databases_are_selected_once_for_each_connection() -> None:
    async with serving() as source, serving() as other, peer(source) as here, peer(other) as there:
        selects = "MIGRATE", "127.0.0.1", other.port
        for number, database in enumerate((5, 5, 0, 5)):
            await here.call("SET", f"k{number}", "v")
            assert await here.call(*selects, f"k{number}", database, 5000) == OK
        info = await there.call("INFO", "commandstats")
        assert b"cmdstat_select:calls=3," in info
        assert b"migrate_cached_sockets:1" in await here.call("INFO", "stats")
        await here.call("SET", "k0", "v")
        refusal = await here.call(*selects, "k0", 5, 5000)
        assert (
            refusal == b"-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n"
        )
        # After an error nobody knows which database it was.
        assert await here.call(*selects, "k0", 5, 5000, "REPLACE") == OK
        assert b"cmdstat_select:calls=4," in await there.call("INFO", "commandstats")


async def test_a_connection_is_closed_when_it_was_not_used_for_ten_seconds() -> None:
    async with serving() as source, serving() as other, peer(source) as here:
        await here.call("SET", "k", "v")
        assert await here.call("MIGRATE", "127.0.0.1", other.port, "k", 0, 5000) == OK
        assert source.migrations is not None
        now_ms = source.state.keyspace.now_ms
        source.migrations._close_idle(now_ms + 9_000)
        assert kept(source) == 1
        source.migrations._close_idle(now_ms + 11_000)
        assert kept(source) == 0
        await until(lambda: not other.clients.connections)


async def test_one_that_the_other_side_has_closed_is_made_anew() -> None:
    async with serving() as source, serving() as other, peer(source) as here, peer(other) as there:
        for key in ("a", "b"):
            await here.call("SET", key, "v")
            assert await here.call("MIGRATE", "127.0.0.1", other.port, key, 0, 5000) == OK
            await there.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await there.call("DBSIZE") == b":2\r\n"


@pytest.mark.slow
async def test_nobody_is_served_until_the_time_is_up() -> None:
    async with serving() as source, peer(source) as here, peer(source) as bystander, target(never) as port:
        await here.call("SET", "k", "v")
        here.send(b"MIGRATE 127.0.0.1 %d k 0 300\r\nPING\r\n" % port)
        await until(lambda: source.is_frozen)
        bystander.send(b"GET k\r\n")
        assert await bystander.is_silent(0.1)
        async with peer(source) as late:
            late.send(b"PING\r\n")
            assert await here.read() == READING
            assert await here.read() == b"+PONG\r\n"
            assert await late.read() == b"+PONG\r\n"
        assert await bystander.read() == b"$1\r\nv\r\n"
        assert kept(source) == 0


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((b"",), READING),
        ((b"+OK\r\n",), READING),
        ((b"HTTP/1.1 400 Bad Request\r\n",) * 2, READING),
        ((b"$2\r\nOK\r\n",) * 2, READING),
        ((b"x" * 100_000,), READING),
        ((b"+OK\r\n+OK\r\n", b"+more\r\n"), OK),
        (
            (b"-NOAUTH first\r\n", b"-NOAUTH second\r\n"),
            b"-ERR Target instance replied with error: NOAUTH first\r\n",
        ),
        ((b"-no newline",), READING),
    ],
)
async def test_what_the_other_side_may_say(lines: tuple[bytes, ...], told: bytes) -> None:
    async with serving() as source, peer(source) as here, target(saying(*lines)) as port:
        await here.call("SET", "k", "v")
        assert await here.call("MIGRATE", "127.0.0.1", port, "k", 0, 5000) == told
        assert await here.call("EXISTS", "k") == (b":0\r\n" if told == OK else b":1\r\n")
        assert not source.is_frozen


async def test_a_second_attempt_is_made_while_nothing_was_acknowledged() -> None:
    attempts: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(await reader.read(65536))

    async with serving() as source, peer(source) as here, target(converse) as port:
        await here.call("SET", "k", "v")
        assert await here.call("MIGRATE", "127.0.0.1", port, "k", 0, 5000) == READING
    assert len(attempts) == 2
    assert attempts[0] == attempts[1]


@pytest.mark.slow
async def test_an_other_side_that_does_not_read() -> None:
    ended = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()

    async with serving() as source, peer(source) as here, target(converse) as port:
        await here.call("SETRANGE", "k", 40_000_000, "x")
        await here.call("CONFIG", "SET", "rdbcompression", "no")
        assert await here.call("MIGRATE", "127.0.0.1", port, "k", 0, 100) == WRITING
        ended.set()


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("127.0.0.1", "1", WRITING),
        ("127.0.0.1", "70000", CONNECTING),
        ("", "1", CONNECTING),
        ("\xff..", "1", CONNECTING),
    ],
)
async def test_nobody_there(host: str, port: str, told: bytes) -> None:
    async with serving() as source, peer(source) as here:
        await here.call("SET", "k", "v")
        assert await here.call("MIGRATE", host, port, "k", 0, 5000) == told
        assert not source.is_frozen


async def test_to_itself_it_waits_in_vain() -> None:
    async with serving() as source, peer(source) as here:
        await here.call("SET", "k", "v")
        assert await here.call("MIGRATE", "127.0.0.1", source.port, "k", 0, 50) == READING
        assert await here.call("EXISTS", "k") == b":1\r\n"


async def test_one_after_the_other_without_a_gap_for_others() -> None:
    """What a client has sent behind a MIGRATE runs as the server thaws; another MIGRATE freezes it again."""
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    asked = 0

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.read(65536):
            asked += 1
            writer.write(await answers.get())

    async with serving() as source, peer(source) as here, peer(source) as bystander, target(converse) as port:
        thawed: list[bool] = []
        source.freezer.on_thaw.append(lambda: thawed.append(source.is_frozen))
        for key in ("a", "b"):
            await here.call("SET", key, "v")
        here.send(
            b"MIGRATE 127.0.0.1 %d a 0 5000\r\nMIGRATE 127.0.0.1 %d b 0 5000\r\nPING\r\n" % (port, port)
        )
        await until(lambda: asked == 1)
        bystander.send(b"SET b new\r\n")
        answers.put_nowait(b"+OK\r\n+OK\r\n")
        await until(lambda: asked == 2)
        assert source.is_frozen
        assert await bystander.is_silent()
        assert thawed == []
        answers.put_nowait(b"+OK\r\n")
        assert [await here.read() for _ in range(3)] == [OK, OK, b"+PONG\r\n"]
        assert await bystander.read() == OK
        assert thawed == [False]


async def test_several_inside_one_transaction() -> None:
    async with serving() as source, serving() as other, peer(source) as here, peer(source) as bystander:
        await here.call("MSET", "a", "1", "b", "2")
        await here.call("MULTI")
        for key in ("a", "b"):
            await here.call("MIGRATE", "127.0.0.1", other.port, key, 0, 5000)
            await here.call("EXISTS", key)
        assert await here.call("EXEC") == b"*4\r\n+OK\r\n:0\r\n+OK\r\n:0\r\n"
        assert not source.is_frozen
        assert await bystander.call("DBSIZE") == b":0\r\n"


async def test_the_end_of_the_server_is_not_held_up() -> None:
    async with serving() as source, peer(source) as here, target(never) as port:
        await here.call("SET", "k", "v")
        here.send(b"MIGRATE 127.0.0.1 %d k 0 60000\r\n" % port)
        await until(lambda: source.is_frozen)
        source.shutdown(save=False, now=True, force=True)
        await source.stopped.wait()
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if "Migrations" in repr(task)]


async def test_a_client_that_leaves_meanwhile_changes_nothing() -> None:
    waiting: list[asyncio.StreamWriter] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        waiting.append(writer)
        await reader.read(65536)

    async with serving() as source, peer(source) as here, target(converse) as port:
        await here.call("SET", "k", "v")
        async with peer(source) as leaving:
            leaving.send(b"MIGRATE 127.0.0.1 %d k 0 5000\r\n" % port)
            await until(lambda: bool(waiting))
        waiting[0].write(b"+OK\r\n+OK\r\n")
        assert await here.call("EXISTS", "k") == b":0\r\n"


async def test_a_failure_of_ours_ends_the_freeze_and_closes_only_that_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as source, serving() as other, peer(source) as here, peer(source) as bystander:
        await here.call("SET", "k", "v")

        def fail(*args: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr("pyredis_cluster.commands.migrate._Waiting._delete", fail)
        here.send(b"MIGRATE 127.0.0.1 %d k 0 5000\r\n" % other.port)
        assert await here.read_to_end() == b""
        assert await bystander.call("PING") == b"+PONG\r\n"
        assert "RuntimeError" in source.log_text()


@pytest.mark.parametrize("size", [100, 200_000])
def test_moves_keys_in_a_simulated_world(size: int) -> None:
    async def scenario(world: World) -> None:
        source, other = await world.serve("10.0.0.1"), await world.serve("10.0.0.2")
        here, there = await world.peer(source), await world.peer(other)
        await here.call("SET", "k", "v" * size)
        assert await here.call("MIGRATE", "10.0.0.2", PORT, "k", 0, 1000) == OK
        assert await here.call("EXISTS", "k") == b":0\r\n"
        assert await there.call("STRLEN", "k") == b":%d\r\n" % size
        await here.call("SET", "k", "v")
        world.network.cut("10.0.0.1", "10.0.0.2")
        assert await here.call("MIGRATE", "10.0.0.2", PORT, "k", 0, 1000) == READING
        assert await here.call("EXISTS", "k") == b":1\r\n"

    run(scenario)
