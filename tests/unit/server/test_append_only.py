"""The append-only file of a server: what is in it, what clients are told, and what a failing disk does."""

from __future__ import annotations

import asyncio

import pytest

from pyredis_cluster.persistence.aof.stream import CommandReader
from pyredis_cluster.server.aof_rewrite import RewriteDelay
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.disk_errors import BROKEN, FULL, READ_ONLY
from tests.support.inloop import Peer, TestServer, peer, serving, until
from tests.support.wire import ConnectionClosedError

OK = b"+OK\r\n"
FULL_REPLY = b"-MISCONF Errors writing to the AOF file: No space left on device\r\n"
DIRECTORY = "/appendonlydir"
MANIFEST = f"{DIRECTORY}/appendonly.aof.manifest"


@pytest.fixture
async def disk() -> SimulatedDisk:
    return SimulatedDisk(asyncio.get_running_loop(), sync_s=0.0)


def increment(disk: SimulatedDisk, number: int = 1) -> list[list[bytes]]:
    """The commands in an increment."""
    data = disk.read(f"{DIRECTORY}/appendonly.aof.{number}.incr.aof")
    return CommandReader(data).read(1 << 20)


def in_manifest(disk: SimulatedDisk) -> list[str]:
    """The files that the manifest names, and their types."""
    lines = disk.read(MANIFEST).decode().splitlines()
    return [f"{line.split()[1].removeprefix('appendonly.aof.')} {line.split()[5]}" for line in lines]


async def persistence(client: Peer) -> dict[str, str]:
    """INFO persistence."""
    lines = (await client.call("INFO", "persistence")).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


async def rewritten(server: TestServer) -> None:
    """Wait for the end of a rewrite."""
    await until(lambda: not server.background.is_active)


async def is_told(client: Peer) -> bool:
    """Whether there is anything to read, after all that was sent has been run."""
    return not await client.is_silent()


class TestFile:
    async def test_begins_with_a_base_and_an_increment(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True):
            assert in_manifest(disk) == ["1.base.rdb b", "1.incr.aof i"]
            assert disk.read(f"{DIRECTORY}/appendonly.aof.1.base.rdb").startswith(b"REDIS0009")

    async def test_base_of_commands_is_empty_at_first(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True, aof_use_rdb_preamble=False):
            assert in_manifest(disk) == ["1.base.aof b", "1.incr.aof i"]
            assert disk.read(f"{DIRECTORY}/appendonly.aof.1.base.aof") == b""

    async def test_holds_changes_with_their_databases_and_nothing_else(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            for line in ("SET a 1", "GET a", "SELECT 3", "SET b 2", "SET c 3", "DEL nosuch"):
                await client.call(*line.split())
            client.send(b"*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$1\r\nm\r\n" * 20)
            for _ in range(20):
                await client.read()
            assert increment(disk) == [
                [b"SELECT", b"0"],
                [b"SET", b"a", b"1"],
                [b"SELECT", b"3"],
                [b"SET", b"b", b"2"],
                [b"SET", b"c", b"3"],
            ]

    async def test_goes_on_where_it_ended(self, disk: SimulatedDisk) -> None:
        for number in (b"1", b"2"):
            async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
                await client.call("RPUSH", "l", number)
        assert in_manifest(disk) == ["1.base.rdb b", "1.incr.aof i"]
        assert increment(disk)[1:] == [[b"RPUSH", b"l", b"1"], [b"SELECT", b"0"], [b"RPUSH", b"l", b"2"]]

    async def test_survives_a_power_failure_after_a_start_on_what_was_not_forced_to_disk(
        self, disk: SimulatedDisk
    ) -> None:
        async with serving(disk=disk, appendonly=True, appendfsync="no") as server, peer(server) as client:
            await client.call("SET", "k", "v")
            disk.failures["sync_directory"] = BROKEN
            await client.call("BGREWRITEAOF")
            await client.call("SET", "k", "w")
            server.append_only.release()
            disk.end_process()
        assert in_manifest(disk) == ["1.base.rdb b", "1.incr.aof i", "2.incr.aof i"]
        disk.begin_process()
        with pytest.raises(StartError):
            async with serving(disk=disk, appendonly=True):
                pass
        disk.failures.clear()
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as client,
        ):
            await client.call("SET", "j", "v")
            assert await client.call("GET", "k") == b"$1\r\nw\r\n"
            disk.lose_power()
        disk.begin_process()
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("MGET", "k", "j") == b"*2\r\n$1\r\nw\r\n$1\r\nv\r\n"

    async def test_time_is_noted_once_a_second(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, aof_timestamp_enabled=True) as server,
            peer(server) as client,
        ):
            for _ in range(3):
                await client.call("INCR", "n")
            data = disk.read(f"{DIRECTORY}/appendonly.aof.1.incr.aof")
            assert 1 <= data.count(b"#TS:") <= 2
            await client.call("CONFIG", "SET", "aof-timestamp-enabled", "no")

    async def test_information(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            before = await persistence(client)
            await client.call("SET", "k", "v")
            after = await persistence(client)
            assert after["aof_enabled"] == "1"
            assert int(after["aof_current_size"]) - int(before["aof_current_size"]) == len(
                disk.read(f"{DIRECTORY}/appendonly.aof.1.incr.aof")
            )
            assert after["aof_last_write_status"] == "ok"


class TestAlways:
    async def test_nobody_is_told_of_a_write_before_it_is_safe(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as writer,
            peer(server) as reader,
        ):
            await reader.call("PING")
            disk.holds_syncs = True
            writer.send(b"SET k v\r\n")
            await until(lambda: bool(disk.held_syncs))
            reader.send(b"GET k\r\n")
            assert not await is_told(reader)
            assert not await is_told(writer)
            disk.finish_syncs()
            assert await writer.read() == OK
            assert await reader.read() == b"$1\r\nv\r\n"

    async def test_clients_share_syncs(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as one,
            peer(server) as two,
            peer(server) as three,
        ):
            disk.holds_syncs = True
            one.send(b"SET a 1\r\n")
            await until(lambda: bool(disk.held_syncs))
            two.send(b"SET b 2\r\nGET a\r\n")
            three.send(b"SET c 3\r\n")
            assert not await is_told(three)
            assert len(disk.held_syncs) == 1
            disk.finish_syncs()
            assert await one.read() == OK
            assert not await is_told(two)
            assert len(disk.held_syncs) == 1
            disk.finish_syncs()
            assert [await two.read(), await two.read(), await three.read()] == [OK, b"$1\r\n1\r\n", OK]

    async def test_messages_and_clients_that_were_waiting_are_withheld_too(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as writer,
            peer(server) as blocked,
            peer(server) as subscriber,
        ):
            await subscriber.call("SUBSCRIBE", "ch")
            blocked.send(b"BLPOP l 0\r\n")
            await until(lambda: bool(server.state.blocking.sessions))
            disk.holds_syncs = True
            writer.send(b"RPUSH l x\r\nPUBLISH ch m\r\n")
            await until(lambda: bool(disk.held_syncs))
            assert not await is_told(blocked)
            assert not await is_told(subscriber)
            while disk.held_syncs:
                disk.finish_syncs()
                await asyncio.sleep(0)
            assert await blocked.read() == b"*2\r\n$1\r\nl\r\n$1\r\nx\r\n"
            assert await subscriber.read() == b"*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nm\r\n"

    async def test_last_words_are_said_when_all_is_safe(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as client,
        ):
            disk.holds_syncs = True
            client.send(b"SET k v\r\n")
            await until(lambda: bool(disk.held_syncs))
            client.send(b"SET k w\r\nQUIT\r\n")
            assert not await is_told(client)
            disk.finish_syncs()
            disk.finish_syncs()
            assert await client.read_to_end() == OK + OK + OK

    async def test_what_was_acknowledged_survives_a_power_failure(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as client,
        ):
            for n in range(5):
                assert await client.call("SET", f"k{n}", n) == OK
            disk.holds_syncs = True
            client.send(b"SET late 1\r\n")
            await until(lambda: bool(disk.held_syncs))
            disk.lose_power()
            disk.begin_process()
            disk.holds_syncs = False
            disk.held_syncs.clear()
            async with serving(disk=disk, appendonly=True) as again, peer(again) as other:
                assert await other.call("DBSIZE") == b":5\r\n"

    @pytest.mark.parametrize("operation", ["write", "sync"])
    async def test_the_server_ends_when_it_cannot_keep_its_word(
        self, disk: SimulatedDisk, operation: str
    ) -> None:
        async with (
            serving(disk=disk, appendonly=True, appendfsync="always") as server,
            peer(server) as client,
            peer(server) as reader,
        ):
            disk.failures[operation] = FULL
            client.send(b"SET k v\r\n")
            with pytest.raises(ConnectionClosedError) as closed:
                await client.read()
            assert "closed after b''" in str(closed.value)
            assert await reader.read_to_end() == b""
            assert server.stopping.exit_code == 1
            assert server.logged()[-1].endswith("Exiting...")

    async def test_begins_and_ends_while_running(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            await client.call("SET", "a", "1")
            await client.call("CONFIG", "SET", "appendfsync", "always")
            disk.holds_syncs = True
            client.send(b"SET b 2\r\n")
            await until(lambda: bool(disk.held_syncs))
            async with peer(server) as other:
                other.send(b"CONFIG SET appendfsync no\r\n")
                assert not await is_told(other)
                disk.finish_syncs()
                assert await other.read() == OK
                assert await client.read() == OK
            assert await client.call("SET", "c", "3") == OK
            assert server.state.withholds_output is None


class TestErrors:
    @pytest.mark.slow
    async def test_a_full_disk_stops_writes_and_nothing_is_lost(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True, hz=100) as server, peer(server) as client:
            disk.failures["write"] = FULL
            assert await client.call("SET", "k", "v") == OK
            assert await client.call("SET", "k2", "v") == FULL_REPLY
            assert await client.call("PING") == FULL_REPLY
            assert await client.call("GET", "k") == b"$1\r\nv\r\n"
            assert (await persistence(client))["aof_last_write_status"] == "err"
            del disk.failures["write"]
            await until(lambda: server.state.gate == 0)
            assert await client.call("SET", "k2", "v") == OK
            assert [request[1] for request in increment(disk)] == [b"0", b"k", b"k2"]
            assert server.logged()[-2:] == [
                "Error writing to the AOF file: No space left on device",
                "AOF write error looks solved, Redis can write again.",
            ]

    @pytest.mark.slow
    async def test_a_failing_sync_stops_writes(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True, hz=100) as server, peer(server) as client:
            disk.failures["sync"] = BROKEN
            await client.call("SET", "k", "v")
            await until(lambda: server.state.gate != 0)
            error = b"-MISCONF Errors writing to the AOF file: Input/output error\r\n"
            assert await client.call("SET", "k", "v") == error
            del disk.failures["sync"]
            await until(lambda: server.state.gate == 0)

    @pytest.mark.parametrize("operation", ["open", "write", "sync", "replace", "sync_directory"])
    async def test_a_server_that_cannot_write_does_not_start(
        self, disk: SimulatedDisk, operation: str
    ) -> None:
        disk.failures[operation] = READ_ONLY
        with pytest.raises(StartError):
            async with serving(disk=disk, appendonly=True):
                raise AssertionError("it started")

    async def test_the_end_says_what_could_not_be_made_safe(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            disk.failures["sync"] = BROKEN
            server.shutdown(save=False, now=True, force=False)
            lines = server.logged()
            assert "Calling fsync() on the AOF file." in lines
            assert "Fail to fsync the AOF file: Input/output error." in lines


class TestRewrite:
    async def test_replaces_all_files(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            for _ in range(10):
                await client.call("INCR", "n")
            reply = await client.call("BGREWRITEAOF")
            assert reply == b"+Background append only file rewriting started\r\n"
            assert in_manifest(disk) == ["1.base.rdb b", "1.incr.aof i", "2.incr.aof i"]
            await client.call("INCR", "n")
            await rewritten(server)
            assert in_manifest(disk) == ["2.base.rdb b", "2.incr.aof i"]
            assert sorted(disk.names(DIRECTORY)) == [
                "appendonly.aof.2.base.rdb",
                "appendonly.aof.2.incr.aof",
                "appendonly.aof.manifest",
            ]
            assert not [name for name in disk.names("/") if "temp" in name]
            assert increment(disk, 2) == [[b"SELECT", b"0"], [b"INCR", b"n"]]
            info = await persistence(client)
            assert (info["aof_rewrites"], info["aof_last_bgrewrite_status"]) == ("1", "ok")
            sizes = [disk.size(f"{DIRECTORY}/appendonly.aof.2.{kind}") for kind in ("base.rdb", "incr.aof")]
            assert int(info["aof_current_size"]) == sum(sizes)
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("GET", "n") == b"$2\r\n11\r\n"

    async def test_what_is_in_the_base_is_not_in_the_increment(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            client.send(b"INCR n\r\nBGREWRITEAOF\r\nINCR n\r\n")
            for _ in range(3):
                await client.read()
            await rewritten(server)
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("GET", "n") == b"$1\r\n2\r\n"

    async def test_as_commands(self, disk: SimulatedDisk) -> None:
        options = {"appendonly": True, "aof_use_rdb_preamble": False, "aof_timestamp_enabled": True}
        async with serving(disk=disk, **options) as server, peer(server) as client:
            await client.call("RPUSH", "l", *map(str, range(70)))
            await client.call("BGREWRITEAOF")
            await rewritten(server)
            data = disk.read(f"{DIRECTORY}/appendonly.aof.2.base.aof")
            assert data.startswith(b"#TS:")
            assert [len(request) for request in CommandReader(data).read(1 << 20)] == [2, 66, 8]
        async with serving(disk=disk, **options) as server, peer(server) as client:
            assert await client.call("LLEN", "l") == b":70\r\n"

    async def test_history_is_kept_if_so_wanted(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, aof_disable_auto_gc=True) as server,
            peer(server) as client,
        ):
            await client.call("BGREWRITEAOF")
            await rewritten(server)
            history = ["2.base.rdb b", "1.incr.aof h", "1.base.rdb h", "2.incr.aof i"]
            assert in_manifest(disk) == history
            await client.call("CONFIG", "SET", "aof-disable-auto-gc", "no")
            assert in_manifest(disk) == ["2.base.rdb b", "2.incr.aof i"]

    async def test_without_an_append_only_file_there_is_a_base_all_the_same(
        self, disk: SimulatedDisk
    ) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("BGREWRITEAOF")
            await rewritten(server)
            assert in_manifest(disk) == ["1.base.rdb b"]

    async def test_begins_by_itself_when_the_file_has_grown(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, auto_aof_rewrite_min_size=2000, hz=100) as server,
            peer(server) as client,
        ):
            await client.call("SET", "k", "x" * 1500)
            await client.call("SET", "k", "x" * 1500)
            await until(lambda: "Background AOF rewrite finished successfully" in server.logged())
            assert any("Starting automatic rewriting of AOF on" in line for line in server.logged())
            assert (await persistence(client))["aof_rewrites"] == "1"

    @pytest.mark.parametrize("operation", ["write", "sync", "replace"])
    async def test_failure_leaves_what_was(self, disk: SimulatedDisk, operation: str) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("BGREWRITEAOF")
            disk.failures[operation] = FULL
            await rewritten(server)
            info = await persistence(client)
            assert info["aof_last_bgrewrite_status"] == "err"
            assert info["aof_rewrites_consecutive_failures"] == "1"
            assert in_manifest(disk) == ["1.base.rdb b", "1.incr.aof i", "2.incr.aof i"]
            disk.failures.clear()
            assert not [name for name in disk.names("/") if "temp" in name]
            await client.call("SET", "k2", "v")
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("DBSIZE") == b":2\r\n"
            await client.call("BGREWRITEAOF")
            await rewritten(server)
            assert in_manifest(disk) == ["2.base.rdb b", "3.incr.aof i"]

    async def test_one_of_which_nobody_knows_whether_it_is_safe(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("BGREWRITEAOF")
            disk.failures["sync_directory"] = BROKEN
            await rewritten(server)
            assert (await persistence(client))["aof_last_bgrewrite_status"] == "err"
            files = ["2.base.rdb b", "1.incr.aof h", "1.base.rdb h", "2.incr.aof i"]
            assert in_manifest(disk) == files
            assert all(disk.exists(f"{DIRECTORY}/appendonly.aof.{file.split()[0]}") for file in files)
            disk.failures.clear()
            await client.call("SET", "k2", "v")
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("DBSIZE") == b":2\r\n"

    @pytest.mark.parametrize("operation", ["open", "replace"])
    async def test_one_that_cannot_begin_says_so(self, disk: SimulatedDisk, operation: str) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            disk.failures[operation] = FULL
            reply = await client.call("BGREWRITEAOF")
            assert reply == (
                b"-ERR Can't execute an AOF background rewriting. Please check the server logs for more "
                b"information.\r\n"
            )
            disk.failures.clear()
            assert await client.call("SET", "k", "v") == OK
            assert increment(disk)[-1] == [b"SET", b"k", b"v"]

    async def test_waits_for_a_snapshot(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True, hz=100) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            client.send(b"BGSAVE\r\nBGREWRITEAOF\r\nINFO persistence\r\n")
            await client.read()
            assert await client.read() == b"+Background append only file rewriting scheduled\r\n"
            assert b"aof_rewrite_scheduled:1" in await client.read()
            await until(lambda: "Background AOF rewrite finished successfully" in server.logged())

    async def test_nothing_is_forced_to_disk_meanwhile_if_so_wanted(self, disk: SimulatedDisk) -> None:
        async with (
            serving(
                disk=disk,
                appendonly=True,
                appendfsync="always",
                no_appendfsync_on_rewrite=True,
                rdb_key_save_delay=10**8,
            ) as server,
            peer(server) as client,
        ):
            await client.call("SET", "k", "v")
            await client.call("BGREWRITEAOF")
            disk.holds_syncs = True
            disk.held_syncs.clear()
            assert await client.call("SET", "k2", "v") == OK
            assert not disk.held_syncs
            disk.holds_syncs = False
            server.background.cancel()


class TestSwitching:
    async def test_on_begins_with_all_data(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, enable_debug_command="yes") as server, peer(server) as client:
            await client.call("INCR", "n")
            client.send(b"CONFIG SET appendonly yes\r\nINCR n\r\n")
            assert await client.read() == OK
            await client.read()
            assert disk.names(DIRECTORY) == ["temp-appendonly.aof.incr"]
            await rewritten(server)
            assert in_manifest(disk) == ["1.base.rdb b", "1.incr.aof i"]
            assert increment(disk) == [[b"SELECT", b"0"], [b"INCR", b"n"]]
            await client.call("CONFIG", "SET", "appendonly", "no")
            await client.call("INCR", "n")
            assert (await persistence(client))["aof_enabled"] == "0"
            await client.call("CONFIG", "SET", "appendonly", "yes")
            await rewritten(server)
            assert in_manifest(disk) == ["2.base.rdb b", "2.incr.aof i"]
            assert await client.call("DEBUG", "LOADAOF") == OK
            assert await client.call("GET", "n") == b"$1\r\n3\r\n"

    async def test_on_in_a_transaction_waits_for_its_end(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, hz=100) as server, peer(server) as client:
            server.state.propagation.attach(lambda batch: None)
            client.send(b"MULTI\r\nINCR n\r\nCONFIG SET appendonly yes\r\nINCR n\r\nEXEC\r\n")
            for _ in range(5):
                await client.read()
            await until(lambda: "Background AOF rewrite finished successfully" in server.logged())
            assert await client.call("INCR", "n") == b":3\r\n"
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("GET", "n") == b"$1\r\n3\r\n"

    async def test_a_first_rewrite_that_fails_is_tried_again(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, hz=100) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            assert await client.call("CONFIG", "SET", "appendonly", "yes") == OK
            disk.failures["sync"] = FULL
            await rewritten(server)
            assert not disk.exists(MANIFEST)
            await client.call("SET", "k2", "v")
            disk.failures.clear()
            await until(lambda: "Background AOF rewrite finished successfully" in server.logged())
            await client.call("SET", "k3", "v")
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("DBSIZE") == b":3\r\n"

    async def test_on_is_refused_where_nothing_can_be_written(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            disk.failures["open"] = READ_ONLY
            reply = await client.call("CONFIG", "SET", "appendonly", "yes")
            assert reply.endswith(b"- Unable to turn on AOF. Check server logs.\r\n")
            assert (await client.call("CONFIG", "GET", "appendonly")).endswith(b"$2\r\nno\r\n")
            assert await client.call("SET", "k", "v") == OK

    async def test_on_while_a_rewrite_keeps_replicas_waiting(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, rdb_key_save_delay=10**8, repl_diskless_sync_delay=0) as server,
            peer(server) as client,
            peer(server) as replica,
        ):
            await client.call("SET", "k", "v")
            await client.call("BGREWRITEAOF")
            await replica.call("REPLCONF", "capa", "eof")
            replica.send(b"PSYNC ? -1\r\n")
            await until(lambda: len(server.replicas) == 1)
            # The rewrite is begun anew, but what has waited for its end comes first.
            assert await client.call("CONFIG", "SET", "appendonly", "yes") == OK
            assert server.background.kind == "replication"
            assert (await persistence(client))["aof_rewrite_scheduled"] == "1"

    async def test_off_while_the_first_base_is_written(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, rdb_key_save_delay=10**8) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("CONFIG", "SET", "appendonly", "yes")
            assert await client.call("CONFIG", "SET", "appendonly", "no") == OK
            assert not server.background.is_active
            assert disk.names(DIRECTORY) == []

    async def test_no_end_before_the_first_base_is_written(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, rdb_key_save_delay=10**8) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("CONFIG", "SET", "appendonly", "yes")
            assert b"Errors trying to SHUTDOWN" in await client.call("SHUTDOWN", "NOSAVE")
            assert "Writing initial AOF, can't exit." in server.logged()

    async def test_stop_and_restart_as_a_replica_does(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            await client.call("SET", "old", "v")
            append_only = server.append_only
            append_only.stop()
            assert append_only.synced_offset == -1
            await client.call("FLUSHALL")
            await client.call("SET", "new", "v")
            append_only.restart()
            await rewritten(server)
        async with serving(disk=disk, appendonly=True) as server, peer(server) as client:
            assert await client.call("KEYS", "*") == b"*1\r\n$3\r\nnew\r\n"


class TestOffsets:
    @pytest.mark.slow
    async def test_waitaof_waits_for_the_disk(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, appendonly=True, hz=100) as server,
            peer(server) as client,
        ):
            disk.holds_syncs = True
            await client.call("SET", "k", "v")
            client.send(b"WAITAOF 1 0 0\r\n")
            await until(lambda: bool(disk.held_syncs))
            assert not await is_told(client)
            disk.finish_syncs()
            assert await client.read() == b"*2\r\n:1\r\n:0\r\n"
            assert server.append_only.synced_offset == server.state.replication.offset > 0


def test_rewrites_that_fail_again_and_again_are_delayed() -> None:
    lines: list[str] = []
    delay = RewriteDelay(lines.append)
    assert not delay.holds(2, 1000)
    assert delay.holds(3, 1000)
    assert delay.holds(3, 1059)
    assert not delay.holds(3, 1060)
    assert delay.holds(4, 1060)
    assert delay.holds(4, 1060 + 119)
    assert not delay.holds(4, 1060 + 120)
    assert not delay.holds(0, 2000)
    assert delay.holds(3, 2000)
    assert [line.split()[-2] for line in lines] == ["1", "2", "1"]
