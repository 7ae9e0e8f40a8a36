"""What a replica does with the stream, in virtual time, of a primary that the test plays."""

from __future__ import annotations

import asyncio
import errno
from typing import cast

import pytest

from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.virtual import World, run, until
from tests.support.virtual_primary import REPLID, following, info
from tests.support.wire import encode

OTHER_ID = "b" * 40


def test_offset_counts_whole_commands_and_whole_transactions() -> None:
    async def scenario(world: World) -> None:
        _, primary, link, client = await following(world, "SET n 0")
        size = link.stream(("INCR", "n"))
        multi = link.stream(("MULTI",), ("INCR", "n"))
        link.transport.write(encode(("INCR", "n"))[:-5])
        await asyncio.sleep(1.5)
        shown = await info(client)
        assert shown["slave_repl_offset"] == str(size)
        unfinished = multi + len(encode(("INCR", "n"))) - 5
        assert shown["slave_read_repl_offset"] == str(size + unfinished)
        assert await client.call("GET", "n") == b"$1\r\n1\r\n"
        link.cut()
        link = await primary.accept()
        assert await link.until_psync() == [REPLID, str(size + 1)]
        link.reply("+CONTINUE")
        rest = link.stream(("MULTI",), ("INCR", "n"), ("INCR", "n"), ("EXEC",))
        await link.acknowledges(size + rest)
        assert await client.call("GET", "n") == b"$1\r\n3\r\n"

    run(scenario)


def test_selected_database_outlives_the_link() -> None:
    async def scenario(world: World) -> None:
        _, primary, link, client = await following(world)
        size = link.stream(("SELECT", 5), ("SET", "a", "1"))
        await link.acknowledges(size)
        link.cut()
        link = await primary.accept()
        await link.until_psync()
        link.reply("+CONTINUE")
        size += link.stream(("SET", "b", "2"))
        await link.acknowledges(size)
        await client.call("SELECT", 5)
        assert await client.call("MGET", "a", "b") == b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"

    run(scenario)


def test_questions_are_answered_with_what_was_applied_before_them() -> None:
    async def scenario(world: World) -> None:
        _, _, link, _ = await following(world)
        await asyncio.sleep(0.3)
        first = len(encode(("SET", "k", "v")))
        ask = len(encode(("REPLCONF", "GETACK", "*")))
        link.stream(
            ("SET", "k", "v"),
            ("REPLCONF", "GETACK", "*"),
            ("SET", "k", "v"),
            ("REPLCONF", "GETACK", "*"),
        )
        assert await link.acknowledged() == [str(first)]
        assert await link.acknowledged() == [str(2 * first + ask)]
        assert await link.acknowledged() == [str(2 * first + 2 * ask)]

    run(scenario)


def test_bytes_are_handed_on_as_they_came() -> None:
    async def scenario(world: World) -> None:
        server, _, link, _ = await following(world, "SET k v", repl_diskless_sync_delay=0)
        replica = await world.replica(server)
        await replica.full_sync()
        assert replica.replid == REPLID
        await asyncio.sleep(0.1)
        link.stream(("MULTI",), ("SET", "a", "1"))
        await asyncio.sleep(2.5)
        assert not replica.data, "a transaction comes as a whole, and a replica pings nobody"
        link.stream(("PEXPIREAT", "a", "9999999999999"), ("EXEC",), ("REPLCONF", "GETACK", "*"))
        await replica.stream(
            ("MULTI",),
            ("SET", "a", "1"),
            ("PEXPIREAT", "a", "9999999999999"),
            ("EXEC",),
            ("REPLCONF", "GETACK", "*"),
        )

    run(scenario)


def test_errors_are_told() -> None:
    async def scenario(world: World) -> None:
        server, _, link, client = await following(world, "SET s x")
        size = link.stream(("INCR", "s"), ("NOSUCH", "1"), ("SET", "k", "v"))
        await link.acknowledges(size)
        errors = [line for line in server.logged() if line.startswith("== CRITICAL ==")]
        assert errors == [
            "== CRITICAL == This replica is sending an error to its master: '-ERR value is not an "
            "integer or out of range' after processing the command 'incr'",
            "== CRITICAL == This replica is sending an error to its master: '-ERR unknown command "
            "'NOSUCH', with args beginning with: '1' ' after processing the command '<unknown>'",
        ]
        assert (await info(client, "stats"))["unexpected_error_replies"] == "2"
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"

    run(scenario)


def test_a_stream_that_is_none_ends_the_link_for_good() -> None:
    async def scenario(world: World) -> None:
        server, primary, link, _ = await following(world)
        link.transport.write(b"hello\r\n")
        link = await primary.accept()
        assert await link.until_psync() == ["?", "-1"]
        assert "Protocol error (Master using the inline protocol. Desync?)" in server.log_text()

    run(scenario)


def test_expired_keys_are_the_primary_s_concern() -> None:
    async def scenario(world: World) -> None:
        _, _, link, client = await following(world)
        link.stream(("SET", "k", "v", "PX", 100), ("SET", "n", "5", "PX", 100))
        await asyncio.sleep(1)
        assert await client.call("GET", "k") == b"$-1\r\n"
        assert await client.call("DBSIZE") == b":2\r\n"
        size = link.stream(("INCR", "n"), ("PERSIST", "n"), ("DEL", "k"))
        await asyncio.sleep(0.1)
        assert await client.call("GET", "n") == b"$1\r\n6\r\n"
        assert await client.call("DBSIZE") == b":1\r\n"
        assert size

    run(scenario)


def test_paused_clients_pause_the_primary_too() -> None:
    async def scenario(world: World) -> None:
        _, _, link, client = await following(world, repl_timeout=5)
        assert await client.call("CLIENT", "PAUSE", 20_000, "WRITE") == b"+OK\r\n"
        size = 0
        for number in range(19):
            size += link.stream(("SET", f"k{number}", "1"))
            await asyncio.sleep(1)
        assert await client.call("DBSIZE") == b":0\r\n"
        assert not link.is_closed
        await link.acknowledges(size)
        assert await client.call("DBSIZE") == b":19\r\n"
        link.stream(("SET", "c", "1"))
        await asyncio.sleep(0.1)
        assert await client.call("DBSIZE") == b":20\r\n"

    run(scenario)


def test_frozen_server_reads_and_says_nothing() -> None:
    async def scenario(world: World) -> None:
        _, _, link, client = await following(world)
        await asyncio.sleep(0.5)
        link.data.clear()
        client.send("DEBUG", "SLEEP", 5)
        await asyncio.sleep(0.1)
        link.stream(("SET", "a", "1"))
        await asyncio.sleep(4)
        assert not link.data
        await client.frame()
        await until(lambda: bool(link.data), limit_s=2)
        assert await client.call("GET", "a") == b"$1\r\n1\r\n"

    run(scenario)


def test_the_link_is_a_client() -> None:
    async def scenario(world: World) -> None:
        _, primary, link, client = await following(world)
        link.stream(("SELECT", 4), ("SET", "a", "1"))
        await asyncio.sleep(0.1)
        line = await client.call("CLIENT", "LIST", "TYPE", "master")
        for word in (
            b" addr=10.0.0.9:6379 ",
            b" flags=M ",
            b" db=4 ",
            b" cmd=set ",
            b" user=(superuser) ",
        ):
            assert word in line
        assert b" flags=M " not in await client.call("CLIENT", "LIST", "TYPE", "normal")
        assert await client.call("CLIENT", "KILL", "TYPE", "master") == b":1\r\n"
        link = await primary.accept()
        assert (await link.until_psync())[0] == REPLID
        assert await client.call("CLIENT", "LIST", "TYPE", "master") == b"$0\r\n\r\n"

    run(scenario)


def test_monitors_see_the_stream() -> None:
    async def scenario(world: World) -> None:
        server, _, link, _ = await following(world)
        monitor = await world.peer(server)
        await monitor.call("MONITOR")
        link.stream(("SET", "a", "1"))
        assert (await monitor.line()).endswith(b' [0 10.0.0.9:6379] "SET" "a" "1"')

    run(scenario)


@pytest.mark.parametrize("ignores", [False, True])
def test_what_cannot_be_written_to_disk(ignores: bool) -> None:
    async def scenario(world: World) -> None:
        server, _, link, client = await following(
            world, save="3600 1", replica_ignore_disk_write_errors=ignores
        )
        cast(SimulatedDisk, server.disk).error = OSError(errno.ENOSPC, "No space left on device")
        await client.call("BGSAVE")
        await asyncio.sleep(1)
        link.stream(("PING",))
        await asyncio.sleep(0.1)
        assert not server.stopped.is_set()
        link.stream(("SET", "a", "1"))
        await asyncio.sleep(0.1)
        assert server.stopped.is_set() == (not ignores)
        lines = server.logged()
        if ignores:
            assert "Replica is applying a command even though it is unable to write to disk." in lines
            assert await client.call("GET", "a") == b"$1\r\n1\r\n"
        else:
            assert "Replica was unable to write command to disk." in lines

    run(scenario)


@pytest.mark.parametrize(
    ("behaviour", "is_read_only", "ends"),
    [
        ("ignore", True, False),
        ("panic", True, True),
        ("panic-on-replicas", True, True),
        ("panic", False, False),
    ],
)
def test_errors_that_end_the_server(behaviour: str, is_read_only: bool, ends: bool) -> None:
    async def scenario(world: World) -> None:
        server, _, link, _ = await following(
            world, propagation_error_behavior=behaviour, replica_read_only=is_read_only
        )
        link.stream(("NOSUCH",))
        await asyncio.sleep(0.1)
        assert server.stopped.is_set() == ends

    run(scenario)
