"""How a replica gets all data, in virtual time, from a primary that the test plays."""

from __future__ import annotations

import asyncio
import errno
from typing import cast

import pytest

from pyredis_cluster.server.server import Server
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.virtual import World, run
from tests.support.virtual_primary import ADDRESS, REPLID, Primary, following, info, rdb

OTHER_ID = "b" * 40


def test_data_and_stream() -> None:
    async def scenario(world: World) -> None:
        server, _, link, client = await following(world, "SET k v", "RPUSH l a b", offset=1000)
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"
        size = link.stream(("SELECT", 2), ("SET", "k", "2"), ("PING",))
        await link.acknowledges(1000 + size)
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"
        await client.call("SELECT", 2)
        assert await client.call("GET", "k") == b"$1\r\n2\r\n"
        shown = await info(client)
        assert shown["role"] == "slave"
        assert shown["master_link_status"] == "up"
        assert shown["slave_repl_offset"] == shown["master_repl_offset"] == str(1000 + size)
        assert shown["master_replid"] == REPLID
        assert shown["repl_backlog_first_byte_offset"] == "1001"
        role = await client.call("ROLE")
        assert role == b"*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.9\r\n:6379\r\n$9\r\nconnected\r\n:%d\r\n" % (
            1000 + size
        )
        assert ":S " in server.log_text()

    run(scenario)


@pytest.mark.parametrize("has_mark", [True, False])
@pytest.mark.parametrize("where", ["disabled", "on-empty-db", "swapdb"])
def test_every_way_of_transfer(where: str, has_mark: bool) -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve(repl_diskless_load=where)
        client = await world.peer(server)
        if where != "on-empty-db":
            await client.call("SET", "old", "1")
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        data = rdb("SET k v", "SELECT 3", "SET k 3", database=3)
        link.transport.write(b"\n\n")
        link.full_resync(data, offset=7, has_mark=has_mark)
        # The first command is for the database that the data says is selected.
        size = link.stream(("SET", "j", "1"))
        await link.acknowledges(7 + size)
        assert await client.call("GET", "k") == b"$1\r\nv\r\n"
        assert await client.call("EXISTS", "old") == b":0\r\n"
        await client.call("SELECT", 3)
        assert await client.call("MGET", "k", "j") == b"*2\r\n$1\r\n3\r\n$1\r\n1\r\n"
        what = "streamed RDB from master with EOF" if has_mark else f"{len(data)} bytes from master"
        target = "to disk" if where == "disabled" else "to parser"
        assert f"MASTER <-> REPLICA sync: receiving {what} {target}" in server.logged()
        disk = cast(SimulatedDisk, server.disk)
        assert not [name for name in disk.names(server.config.text("dir")) if name.startswith("temp-")]

    run(scenario)


def test_progress_in_info() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve()
        client = await world.peer(server)
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        link.reply(f"+FULLRESYNC {REPLID} 0")
        await asyncio.sleep(0.1)
        assert (await info(client))["master_sync_total_bytes"] == "-1"
        link.transport.write(b"$200\r\n" + b"x" * 50)
        await asyncio.sleep(3)
        shown = await info(client)
        assert shown["master_sync_in_progress"] == "1"
        assert [shown[f"master_sync_{name}_bytes"] for name in ("total", "read", "left")] == [
            "200",
            "50",
            "150",
        ]
        assert shown["master_sync_perc"] == "25.00"
        assert shown["master_sync_last_io_seconds_ago"] == "3"
        assert shown["master_link_down_since_seconds"] == "-1"
        assert await client.call("ROLE") == (
            b"*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.9\r\n:6379\r\n$4\r\nsync\r\n:-1\r\n"
        )

    run(scenario)


def test_clients_are_told_to_wait_while_data_is_loaded() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve(enable_debug_command=True, key_load_delay=100_000)
        client = await world.peer(server)
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        link.full_resync(rdb(*[f"SET k{number} v" for number in range(50)]))
        await asyncio.sleep(2.5)
        assert await client.call("GET", "k1") == b"-LOADING Redis is loading the dataset in memory\r\n"
        assert (await info(client, "persistence"))["loading"] == "1"
        assert bytes(link.data) == b"\n\n", "the primary sees that the replica is at work"
        assert silence_ms(server) is None
        assert await link.acknowledged() == ["0"]
        assert silence_ms(server) == 0
        assert await client.call("GET", "k1") == b"$1\r\nv\r\n"

    run(scenario)


def test_who_has_lost_the_rest_of_its_data_may_not_stand_for_election() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve(enable_debug_command=True, key_load_delay=100_000)
        client = await world.peer(server)
        await client.call("SET", "old", "1")
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        assert silence_ms(server) is not None, "the old data is there"
        link.full_resync(rdb(*[f"SET k{number} v" for number in range(50)]))
        await asyncio.sleep(2.5)
        roles = server.state.replication_roles
        assert roles is not None
        roles.follow(ADDRESS, 6380)
        assert await client.call("DBSIZE") == b":0\r\n"
        assert silence_ms(server) is None
        roles.stop_following()
        assert silence_ms(server) is not None, "what it has is what there is"

    run(scenario)


def silence_ms(server: Server) -> int | None:
    assert server.state.replication_roles is not None
    return server.state.replication_roles.silence_ms


def test_old_data_is_served_while_that_of_the_same_history_is_loaded_beside_it() -> None:
    async def scenario(world: World) -> None:
        _, primary, link, client = await following(
            world, "SET k old", key_load_delay=100_000, repl_diskless_load="swapdb"
        )
        link.cut()
        link = await primary.accept()
        assert await link.until_psync() == [REPLID, "1"]
        data = rdb("SET k new", *[f"SET k{number} v" for number in range(50)])
        link.full_resync(data, offset=500)
        await asyncio.sleep(2)
        assert await client.call("GET", "k") == b"$3\r\nold\r\n"
        shown = await info(client, "persistence")
        assert (shown["loading"], shown["async_loading"]) == ("0", "1")
        refused = await client.call("REPLICAOF", "NO", "ONE")
        assert refused == b"-LOADING Redis is loading the dataset in memory\r\n"
        await link.acknowledges(500)
        assert await client.call("GET", "k") == b"$3\r\nnew\r\n"
        assert (await info(client, "persistence"))["async_loading"] == "0"

    run(scenario)


@pytest.mark.parametrize("where", ["disabled", "swapdb"])
def test_broken_data_is_asked_for_again(where: str) -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve(repl_diskless_load=where)
        client = await world.peer(server)
        await client.call("SET", "old", "1")
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        link.full_resync(rdb("SET k v")[:-3] + b"???")
        link = await primary.accept()
        # Part of the new data is never served; old data is where it still is.
        expected = b":1\r\n" if where == "swapdb" else b":0\r\n"
        assert await client.call("DBSIZE") == expected
        await link.until_psync()
        link.full_resync(rdb("SET k v"))
        await link.acknowledges(0)
        assert await client.call("KEYS", "*") == b"*1\r\n$1\r\nk\r\n"

    run(scenario)


def test_link_lost_in_the_middle_of_data() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve()
        client = await world.peer(server)
        await client.call("SET", "old", "1")
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        link.transport.write(b"+FULLRESYNC %b 0\r\n$1000\r\nabc" % REPLID.encode())
        await asyncio.sleep(0.1)
        link.cut()
        link = await primary.accept()
        assert await client.call("GET", "old") == b"$1\r\n1\r\n"
        await link.until_psync()
        link.full_resync(rdb("SET k v"))
        await link.acknowledges(0)
        disk = cast(SimulatedDisk, server.disk)
        assert [name for name in disk.names(server.config.text("dir")) if "temp" in name] == []

    run(scenario)


def test_disk_that_cannot_be_written() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve()
        client = await world.peer(server)
        await client.call("SET", "old", "1")
        disk = cast(SimulatedDisk, server.disk)
        disk.error = OSError(errno.EROFS, "Read-only file system")
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        link.full_resync(rdb("SET k v"))
        await primary.accept()
        assert (
            "Opening the temp file needed for MASTER <-> REPLICA synchronization: Read-only file system"
            in server.logged()
        )
        assert await client.call("GET", "old") == b"$1\r\n1\r\n"

    run(scenario)


def test_disk_that_becomes_full() -> None:
    async def scenario(world: World) -> None:
        primary = Primary(world)
        server = await world.serve()
        client = await world.peer(server)
        await client.call("SET", "old", "1")
        cast(SimulatedDisk, server.disk).capacity = 5000
        await client.call("REPLICAOF", ADDRESS, 6379)
        link = await primary.accept()
        await link.until_psync()
        link.full_resync(rdb("SET k " + "x" * 10_000))
        await primary.accept()
        text = server.log_text()
        assert "synchronization: No space left on device" in text
        assert await client.call("GET", "old") == b"$1\r\n1\r\n"

    run(scenario)


def test_file_is_removed_where_nothing_is_to_be_kept() -> None:
    async def scenario(world: World) -> None:
        server, *_ = await following(world, "SET k v", rdb_del_sync_files=True)
        assert cast(SimulatedDisk, server.disk).names(server.config.text("dir")) == []

    run(scenario)


def test_the_aof_is_not_begun_in_the_midst_of_data() -> None:
    async def scenario(world: World) -> None:
        server, primary, link, client = await following(world, "SET k old", appendonly=True)
        disk = cast(SimulatedDisk, server.disk)
        await client.call("CONFIG", "SET", "repl-diskless-load", "swapdb")
        link.cut()
        link = await primary.accept()
        await link.until_psync()
        disk.error = OSError(errno.ENOSPC, "No space left on device")
        link.full_resync(rdb("SET k new"))
        await link.acknowledged()
        text = (
            "Failed enabling the AOF after successful master synchronization! Trying it again in one second."
        )
        assert text in server.logged()
        disk.error = None
        # Before it is tried again, all data is sent once more.
        await client.call("CONFIG", "SET", "repl-diskless-load", "disabled", "key-load-delay", "100000")
        link.cut()
        link = await primary.accept()
        await link.until_psync()
        link.full_resync(rdb(*[f"SET k{number} v" for number in range(50)]))
        await link.acknowledged()
        await asyncio.sleep(1)
        assert (await info(client, "persistence"))["aof_rewrite_in_progress"] == "0"
        await client.call("CONFIG", "SET", "key-load-delay", "0")
        assert await client.call("DEBUG", "LOADAOF") == b"+OK\r\n"
        assert await client.call("DBSIZE") == b":50\r\n"

    run(scenario)
