"""The snapshot file of a server: what is written when, what is told of it, and what a failing disk does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator

import pytest

from pyredis_cluster.protocol.slots import key_slot
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support import rdb
from tests.support.disk_errors import FULL, READ_ONLY
from tests.support.inloop import Peer, TestServer, make_config, peer, serving, until
from tests.support.ports import free_port, release_port

OK = b"+OK\r\n"
MISCONF = b"-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."


@pytest.fixture
async def disk() -> SimulatedDisk:
    return SimulatedDisk(asyncio.get_running_loop(), sync_s=0.0)


async def ended(server: TestServer) -> None:
    """Wait for the background job."""
    await until(lambda: not server.background.is_active)


async def persistence(client: Peer) -> dict[str, str]:
    """INFO persistence."""
    lines = (await client.call("INFO", "persistence")).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def keys_in(disk: SimulatedDisk, path: str = "/dump.rdb") -> set[bytes]:
    """The keys of database 0 in a file."""
    return set(rdb.load(disk.read(path)).keyspace.databases[0].values)


class TestSave:
    async def test_writes_the_file_and_nothing_else(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, dbfilename="x.rdb") as server, peer(server) as client:
            await client.call("SET", "k", "v")
            assert await client.call("SAVE") == OK
            assert disk.names("/") == ["x.rdb"]
            assert keys_in(disk, "/x.rdb") == {b"k"}
            assert server.logged()[-1] == "DB saved on disk"

    async def test_survives_a_power_failure_at_once(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("SAVE")
            disk.lose_power()
            assert keys_in(disk) == {b"k"}

    async def test_notes_who_wrote_it(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SAVE")
            notes = rdb.load(disk.read("/dump.rdb")).notes
            assert list(notes) == [b"redis-ver", b"redis-bits", b"ctime", b"used-mem", b"aof-base"]
            assert notes[b"aof-base"] == b"0"

    async def test_notes_what_the_version_that_it_is_does(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, redis_version="6.2") as server, peer(server) as client:
            await client.call("SAVE")
            notes = rdb.load(disk.read("/dump.rdb")).notes
            assert notes[b"redis-ver"] == server.config.release.encode()
            assert notes[b"aof-preamble"] == b"0"

    async def test_notes_the_history_if_there_is_one(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            server.persistence.stream_database = lambda: 3
            server.state.replication.offset = 77
            await client.call("SAVE")
            notes = rdb.load(disk.read("/dump.rdb")).notes
            assert notes[b"repl-stream-db"] == b"3"
            assert notes[b"repl-offset"] == b"77"
            assert notes[b"repl-id"] == server.state.replication.replid.encode()

    @pytest.mark.parametrize("error", [FULL, READ_ONLY])
    async def test_that_fails_answers_an_error_and_leaves_the_old_file(
        self, disk: SimulatedDisk, error: OSError
    ) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "old", "v")
            await client.call("SAVE")
            await client.call("SET", "new", "v")
            disk.error = error
            assert await client.call("SAVE") == b"-ERR\r\n"
            assert server.logged()[-1].startswith("Failed opening the temp RDB file temp-")
            assert server.logged()[-1].endswith(f".rdb (in server root dir /) for saving: {error.strerror}")
            assert keys_in(disk) == {b"old"}
            assert (await persistence(client))["rdb_changes_since_last_save"] == "1"
            # Only background saves stop writes, as they are those that nobody looks at.
            assert await client.call("SET", "new", "v") == OK

    async def test_that_fills_the_disk_leaves_nothing(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v" * 5000)
            disk.capacity = 1000
            await client.call("CONFIG", "SET", "rdbcompression", "no")
            assert await client.call("SAVE") == b"-ERR\r\n"
            assert server.logged()[-1] == (
                "Write error while saving DB to the disk(rdbSaveRio): No space left on device"
            )
            assert disk.names("/") == []


class TestBackgroundSave:
    async def test_serves_meanwhile_and_is_of_its_moment(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, rdb_key_save_delay=1000) as server, peer(server) as client:
            await client.call("DEBUG", "POPULATE", "500")
            await client.call("SET", "k", "v")
            assert await client.call("BGSAVE") == b"+Background saving started\r\n"
            assert await client.call("BGSAVE") == b"-ERR Background save already in progress\r\n"
            assert await client.call("BGSAVE", "SCHEDULE") == b"-ERR Background save already in progress\r\n"
            assert await client.call("SAVE") == b"-ERR Background save already in progress\r\n"
            info = await persistence(client)
            assert (info["rdb_bgsave_in_progress"], info["rdb_current_bgsave_time_sec"]) == ("1", "0")
            assert info["current_save_keys_total"] == "501"
            assert disk.exists("/dump.rdb") is False
            await client.call("SET", "later", "v")
            await client.call("CONFIG", "SET", "rdb-key-save-delay", "0")
            await ended(server)
            assert len(keys_in(disk)) == 501
            assert server.logged()[-3:] == [
                f"Background saving started by pid {_pid(server)}",
                "DB saved on disk",
                "Background saving terminated with success",
            ]
            info = await persistence(client)
            assert info["rdb_changes_since_last_save"] == "1"
            assert (info["rdb_saves"], info["rdb_last_bgsave_status"]) == ("1", "ok")
            assert (info["rdb_bgsave_in_progress"], info["rdb_last_bgsave_time_sec"]) == ("0", "0")
            assert disk.names("/") == ["dump.rdb"]

    async def test_only_what_was_asked_for_is_counted(self, disk: SimulatedDisk) -> None:
        async with (
            serving(disk=disk, save="3600 1", enable_debug_command=True) as server,
            peer(server) as client,
        ):
            for command, count in (("SAVE", "1"), ("FLUSHALL", "1"), ("DEBUG RELOAD", "1"), ("BGSAVE", "2")):
                await client.call(*command.split())
                assert (await persistence(client))["rdb_saves"] == count

    async def test_is_on_disk_when_it_has_ended(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("BGSAVE")
            await ended(server)
            disk.lose_power()
            assert keys_in(disk) == {b"k"}

    async def test_in_exec_comes_afterwards(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, hz=100) as server, peer(server) as client:
            await client.call("MULTI")
            await client.call("BGSAVE")
            assert await client.call("EXEC") == b"*1\r\n+Background saving scheduled\r\n"
            await until(lambda: "Background saving terminated with success" in server.logged())

    async def test_waits_for_another_job_if_told_to(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, hz=100) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            server.background.start("aof", _Endless(), lambda piece: None, lambda error: None)
            assert (await client.call("BGSAVE")).startswith(b"-ERR Another child process is active (AOF?)")
            assert await client.call("BGSAVE", "schedule") == b"+Background saving scheduled\r\n"
            assert await client.call("SAVE") == OK
            server.background.cancel()
            await until(lambda: "Background saving terminated with success" in server.logged())

    @pytest.mark.parametrize("request_", ["BGSAVE x", "BGSAVE SCHEDULE x"])
    async def test_takes_no_other_words(self, disk: SimulatedDisk, request_: str) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            assert await client.call(*request_.split()) == b"-ERR syntax error\r\n"

    async def test_that_is_cancelled_is_no_failure(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, rdb_key_save_delay=100000) as server, peer(server) as client:
            await client.call("DEBUG", "POPULATE", "100")
            await client.call("BGSAVE")
            await until(lambda: len(disk.names("/")) == 1)
            server.background.cancel()
            assert server.logged()[-1] == "Background saving terminated by signal 10"
            assert disk.names("/") == []
            assert (await persistence(client))["rdb_last_bgsave_status"] == "ok"


class TestFailingBackgroundSave:
    async def test_stops_writes_until_one_succeeds(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, save="3600 1") as server, peer(server) as client:
            await client.call("SET", "k", "v")
            disk.error = FULL
            assert await client.call("BGSAVE") == b"+Background saving started\r\n"
            await ended(server)
            assert server.logged()[-1] == "Background saving error"
            assert (await client.call("SET", "k", "w")).startswith(MISCONF)
            assert (await client.call("PING")).startswith(MISCONF)
            assert await client.call("GET", "k") == b"$1\r\nv\r\n"
            assert (await persistence(client))["rdb_last_bgsave_status"] == "err"
            disk.error = None
            await client.call("BGSAVE")
            await ended(server)
            assert await client.call("SET", "k", "w") == OK

    @pytest.mark.parametrize("setting", [("stop-writes-on-bgsave-error", "no"), ("save", "")])
    async def test_stops_no_writes_where_that_is_not_wanted(
        self, disk: SimulatedDisk, setting: tuple[str, str]
    ) -> None:
        async with serving(disk=disk, save="3600 1") as server, peer(server) as client:
            disk.error = FULL
            await client.call("BGSAVE")
            await ended(server)
            assert (await client.call("SET", "k", "v")).startswith(MISCONF)
            assert await client.call("CONFIG", "SET", *setting) == OK
            assert await client.call("SET", "k", "v") == OK

    async def test_at_the_last_moment_fails_all_the_same(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, rdb_key_save_delay=1000) as server, peer(server) as client:
            await client.call("DEBUG", "POPULATE", "20")
            await client.call("BGSAVE")
            await until(lambda: len(disk.names("/")) == 1)
            disk.error = FULL
            await ended(server)
            assert server.logged()[-1] == "Background saving error"
            assert not disk.exists("/dump.rdb")
            assert not server.persistence.last_save_ok


class TestSavePoints:
    async def test_are_looked_at_all_the_time(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, save="1 3", hz=100) as server, peer(server) as client:
            server.persistence.last_save_s -= 5
            await client.call("MSET", "a", "1", "b", "2")
            await asyncio.sleep(0.03)
            assert not server.background.is_active
            await client.call("SET", "c", "3")
            await until(lambda: "Background saving terminated with success" in server.logged())
            assert "3 changes in 1 seconds. Saving..." in server.logged()
            assert keys_in(disk) == {b"a", b"b", b"c"}

    async def test_wait_after_a_failure(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, save="1 1", hz=100) as server, peer(server) as client:
            disk.error = FULL
            server.persistence.last_save_s -= 100
            await client.call("SET", "k", "v")
            await until(lambda: "Background saving error" in server.logged())
            await asyncio.sleep(0.03)
            assert server.logged().count("Background saving error") == 1


class TestFlushAll:
    async def test_removes_the_data_from_disk_too(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, save="3600 1") as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("SAVE")
            await client.call("FLUSHALL")
            assert keys_in(disk) == set()

    async def test_leaves_the_file_alone_without_save_points(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("SAVE")
            await client.call("FLUSHALL")
            assert keys_in(disk) == {b"k"}

    async def test_ends_a_save_under_way(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk, rdb_key_save_delay=100000) as server, peer(server) as client:
            await client.call("DEBUG", "POPULATE", "100")
            await client.call("BGSAVE")
            await client.call("FLUSHALL")
            assert not server.background.is_active
            assert disk.names("/") == []


class TestReload:
    async def test_keeps_all_and_its_expiry(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v", "PXAT", "4000000000000")
            await client.call("RPUSH", "l", "a", "b")
            digest = await client.call("DEBUG", "DIGEST")
            assert await client.call("DEBUG", "RELOAD") == OK
            assert await client.call("DEBUG", "DIGEST") == digest
            assert await client.call("PEXPIRETIME", "k") == b":4000000000000\r\n"
            assert server.logged()[-1] == "DB reloaded by DEBUG RELOAD"

    async def test_dooms_transactions_that_watch(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            await client.call("WATCH", "k")
            await client.call("DEBUG", "RELOAD")
            await client.call("MULTI")
            assert await client.call("EXEC") == b"*-1\r\n"

    async def test_merges(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("MSET", "a", "1", "b", "2")
            await client.call("SAVE")
            await client.call("MSET", "b", "x", "c", "3")
            assert await client.call("DEBUG", "RELOAD", "NOSAVE", "noflush", "MERGE") == OK
            assert await client.call("MGET", "a", "b", "c") == b"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"

    @pytest.mark.parametrize(
        ("words", "reply"),
        [
            ("NOSAVE", b"-ERR Error trying to load the RDB dump, check server logs.\r\n"),
            ("x", b"-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n"),
        ],
    )
    async def test_that_cannot_be(self, disk: SimulatedDisk, words: str, reply: bytes) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            assert await client.call("DEBUG", "RELOAD", *words.split()) == reply

    async def test_is_not_begun_where_saving_fails(self, disk: SimulatedDisk) -> None:
        async with serving(disk=disk) as server, peer(server) as client:
            await client.call("SET", "k", "v")
            disk.error = FULL
            assert await client.call("DEBUG", "RELOAD") == b"-ERR\r\n"
            assert await client.call("GET", "k") == b"$1\r\nv\r\n"


class TestStart:
    @pytest.fixture
    def file(self) -> bytes:
        return rdb.file(
            _aux(b"redis-ver", b"7.2.5"),
            rdb.entry(0, b"k", rdb.string(b"v")),
            b"\xfc" + (1000).to_bytes(8, "little") + rdb.entry(0, b"old", rdb.string(b"v")),
        )

    async def test_loads_what_there_is(self, disk: SimulatedDisk, file: bytes) -> None:
        _put(disk, file)
        async with serving(disk=disk) as server, peer(server) as client:
            assert await client.call("GET", "k") == b"$1\r\nv\r\n"
            assert server.logged()[1:4] == [
                "Server initialized",
                "Loading RDB produced by version 7.2.5",
                "Done loading RDB, keys loaded: 1, keys expired: 1.",
            ]
            assert server.logged()[4].startswith("DB loaded from disk: 0.0")
            info = await persistence(client)
            assert (info["rdb_last_load_keys_loaded"], info["rdb_last_load_keys_expired"]) == ("1", "1")
            assert info["rdb_changes_since_last_save"] == "0"

    async def test_tells_the_history_that_the_data_is_of(self, disk: SimulatedDisk) -> None:
        notes = [(b"repl-stream-db", b"2"), (b"repl-id", b"a" * 40), (b"repl-offset", b"123")]
        _put(disk, rdb.file(*(_aux(*each) for each in notes)))
        async with serving(disk=disk) as server:
            note = server.loading.replication_note
            assert note is not None
            assert (note.replid, note.offset, note.database) == ("a" * 40, 123, 2)

    @pytest.mark.parametrize(
        ("content", "lines"),
        [
            (
                b"",
                [
                    "Short read or OOM loading DB. Unrecoverable error, aborting now.",
                    "Internal error in RDB reading offset 0 -> Unexpected EOF reading RDB file",
                    "Terminating server after rdb file reading failure.",
                ],
            ),
            (
                b"REDUS0011",
                [
                    "Wrong signature trying to load DB from file",
                    "Fatal error loading the DB, check server logs. Exiting.",
                ],
            ),
            (
                b"REDIS0099",
                [
                    "Can't handle RDB format version 99",
                    "Fatal error loading the DB, check server logs. Exiting.",
                ],
            ),
            (
                rdb.file(b"\xfe\x10", rdb.entry(0, b"k", rdb.string(b"v"))),
                [
                    "FATAL: Data file was created with a Redis server configured to handle more than 16 "
                    "databases. Exiting",
                    "Fatal error loading the DB, check server logs. Exiting.",
                ],
            ),
            (
                rdb.file(rdb.entry(0, b"k", rdb.string(b"v")), rdb.entry(0, b"k", rdb.string(b"v"))),
                [
                    "RDB has duplicated key 'k' in DB 0",
                    "Internal error in RDB reading offset 0 -> Duplicated key found in RDB file",
                    "Terminating server after rdb file reading failure.",
                ],
            ),
        ],
    )
    async def test_ends_at_what_cannot_be_loaded(
        self, disk: SimulatedDisk, content: bytes, lines: list[str]
    ) -> None:
        _put(disk, content)
        server = await _failing_start(disk)
        assert server.logged()[-len(lines) :] == lines

    @pytest.mark.parametrize("end", range(-30, 0, 3))
    async def test_never_serves_a_part(self, disk: SimulatedDisk, file: bytes, end: int) -> None:
        _put(disk, file[:end])
        server = await _failing_start(disk)
        assert "Ready to accept connections tcp" not in server.logged()

    async def test_asks_clients_to_wait_meanwhile(self, disk: SimulatedDisk) -> None:
        entries = (rdb.entry(0, b"k%d" % n, rdb.string(b"v")) for n in range(50))
        _put(disk, rdb.file(_aux(b"used-mem", b"4096"), *entries))
        server = _server(disk, key_load_delay=2000)
        starting = asyncio.ensure_future(server.start())
        await until(lambda: server.loading.is_active)
        async with peer(server) as client:
            loading = b"-LOADING Redis is loading the dataset in memory\r\n"
            for request in ("GET k1", "PING", "SET x 1", "SAVE", "BGSAVE", "CONFIG SET appendonly yes"):
                assert await client.call(*request.split()) == loading
            assert await client.call("ECHO", "x") == b"$1\r\nx\r\n"
            assert (await client.call("CLIENT", "ID")).startswith(b":")
            info = await persistence(client)
            assert info["loading"] == "1"
            assert (info["loading_total_bytes"], info["loading_rdb_used_mem"]) == (
                str(disk.size("/dump.rdb")),
                "4096",
            )
            assert 0 < int(info["loading_loaded_bytes"]) < disk.size("/dump.rdb")
            assert 0 < float(info["loading_loaded_perc"]) < 100
            assert int(info["loading_eta_seconds"]) >= 0
            await starting
            assert await client.call("GET", "k1") == b"$1\r\nv\r\n"
            info = await persistence(client)
            assert info["loading"] == "0"
            assert "loading_total_bytes" not in info
        assert server.shutdown(save=False, now=True, force=True)

    async def test_may_be_called_off(self, disk: SimulatedDisk) -> None:
        entries = (rdb.entry(0, b"k%d" % n, rdb.string(b"v")) for n in range(50))
        content = rdb.file(*entries)
        _put(disk, content)
        server = _server(disk, key_load_delay=10000, save="3600 1")
        starting = asyncio.ensure_future(server.start())
        await until(lambda: server.loading.is_active)
        assert server.stopping.by_signal("SIGTERM")
        await starting
        assert not server.loading.is_active
        assert disk.read("/dump.rdb") == content

    async def test_with_a_file_that_cannot_be_read(self, disk: SimulatedDisk) -> None:
        def fail(path: str) -> bytes:
            raise PermissionError(errno.EACCES, "Permission denied")

        disk.read = fail  # type: ignore[method-assign]
        server = await _failing_start(disk)
        assert server.logged()[-2:] == [
            "Fatal error: can't open the RDB file dump.rdb for reading: Permission denied",
            "Fatal error loading the DB, check server logs. Exiting.",
        ]


class TestClusterNode:
    async def test_takes_the_slots_that_nobody_has(self, disk: SimulatedDisk) -> None:
        _put(disk, rdb.file(rdb.entry(0, b"k", rdb.string(b"v")), rdb.entry(0, b"{k}2", rdb.string(b"v"))))
        async with _node(disk) as server, peer(server) as client:
            slot = key_slot(b"k")
            assert await client.call("CLUSTER", "COUNTKEYSINSLOT", str(slot)) == b":2\r\n"
            assert f"I have keys for unassigned slot {slot}. Taking responsibility for it." in server.logged()
            assert f"connected {slot}\n".encode() in await client.call("CLUSTER", "NODES")

    async def test_has_no_other_database(self, disk: SimulatedDisk) -> None:
        _put(disk, rdb.file(b"\xfe\x01", rdb.entry(0, b"k", rdb.string(b"v"))))
        with pytest.raises(StartError):
            async with _node(disk):
                pass


@contextlib.asynccontextmanager
async def _node(disk: SimulatedDisk) -> AsyncIterator[TestServer]:
    bus_port = free_port()
    try:
        async with serving(disk=disk, cluster_enabled=True, cluster_port=bus_port) as server:
            yield server
    finally:
        release_port(bus_port)


def _aux(name: bytes, value: bytes) -> bytes:
    return b"\xfa" + rdb.strings(name, value)


def _pid(server: TestServer) -> str:
    return server.information()["process_id"]


def _put(disk: SimulatedDisk, content: bytes) -> None:
    disk.create("/dump.rdb").write(content)


def _server(disk: SimulatedDisk, **directives: object) -> TestServer:
    lines: list[bytes] = []
    server = TestServer(
        make_config(free_port(), **directives),
        asyncio.get_running_loop(),
        log=Log(SystemClock(), lines.append),
        disk=disk,
    )
    server.lines = lines
    return server


async def _failing_start(disk: SimulatedDisk) -> TestServer:
    server = _server(disk)
    with pytest.raises(StartError):
        await server.start()
    assert server.stopped.is_set()
    return server


class _Endless:
    keys_total = keys_done = 1

    def next_piece(self, slice_bytes: int) -> bytes | None:
        return b"x"

    def abandon(self) -> None:
        pass
