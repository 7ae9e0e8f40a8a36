"""Loading an AOF: what is taken, what is cut, what is refused, and what the log says of it."""

from __future__ import annotations

import asyncio
import random

import pytest

from pyredis_cluster.protocol.command_stream import encode_request, encode_requests
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.network import Network
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support import rdb
from tests.support.disk_errors import BROKEN, READ_ONLY
from tests.support.inloop import TestServer, make_config

DIRECTORY = "/appendonlydir"
BASE = encode_requests([[b"SELECT", b"0"], [b"SET", b"a", b"1"], [b"SET", b"b", b"2"]])
UNIT = encode_requests([[b"MULTI"], [b"INCR", b"a"], [b"INCR", b"b"], [b"EXEC"]])
MANIFEST = b"file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n"
OTHER = b"file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n"
BAD_FORMAT = (
    "Bad file format reading the append only file a.1.incr.aof: make a backup of your AOF file, then use "
    "./redis-check-aof --fix <filename.manifest>"
)
SHORT = "!!! Warning: short read while loading the AOF file a.1.incr.aof!!!"


@pytest.fixture
async def disk() -> SimulatedDisk:
    return SimulatedDisk(asyncio.get_running_loop(), sync_s=0.0)


def put(disk: SimulatedDisk, **files: bytes | None) -> None:
    """Make files of an AOF: `base`, `incr`, `incr2`, `manifest`, or those of that name in `dir`."""
    names = {
        "base": f"{DIRECTORY}/a.1.base.aof",
        "incr": f"{DIRECTORY}/a.1.incr.aof",
        "incr2": f"{DIRECTORY}/a.2.incr.aof",
        "manifest": f"{DIRECTORY}/a.manifest",
    }
    disk.make_directory(DIRECTORY)
    for name, content in files.items():
        if content is not None:
            with disk.create(names.get(name, f"/{name}")) as file:
                file.write(content)


class Loaded:
    """A server that has loaded what is on a disk, as it would at its start."""

    def __init__(self, disk: SimulatedDisk, **directives: object) -> None:
        self._lines: list[bytes] = []
        loop = asyncio.get_running_loop()
        config = make_config(1, appendonly=True, appendfilename="a", **directives)
        log = Log(SystemClock(), self._lines.append)
        self.server = TestServer(config, loop, network=Network(loop), log=log, disk=disk)
        self.server.lines = self._lines
        self.keyspace = self.server.state.keyspace

    async def load(self) -> Loaded:
        """Raises StartError."""
        self.server.append_only.look()
        await self.server.append_only.load()
        return self

    def get(self, key: bytes, database: int = 0) -> bytes | None:
        """A string."""
        value = self.keyspace.databases[database].values.get(key)
        return None if value is None else bytes(value.data)  # type: ignore[attr-defined]


async def refused(disk: SimulatedDisk, **directives: object) -> list[str]:
    """The log of a server that does not start."""
    loaded = Loaded(disk, **directives)
    with pytest.raises(StartError):
        await loaded.load()
    return loaded.server.logged()


async def test_all_files_in_order(disk: SimulatedDisk) -> None:
    put(disk, base=BASE, incr=UNIT, incr2=encode_request(b"SET", b"c", b"3"), manifest=OTHER)
    loaded = await Loaded(disk).load()
    assert [loaded.get(key) for key in (b"a", b"b", b"c")] == [b"2", b"3", b"3"]
    assert loaded.server.append_only.synced_offset == 0
    assert loaded.server.state.replication.offset == 0
    assert loaded.server.state.table.total_calls() == 0


async def test_each_file_begins_in_the_first_database(disk: SimulatedDisk) -> None:
    put(disk, base=BASE + encode_request(b"SELECT", b"5"), incr=UNIT, manifest=MANIFEST)
    loaded = await Loaded(disk).load()
    assert loaded.get(b"a") == b"2"


async def test_what_is_expired_counts_until_the_commands_are_run(disk: SimulatedDisk) -> None:
    base = encode_requests(
        [[b"SET", b"k", b"v", b"PXAT", b"1000"], [b"APPEND", b"k", b"w"], [b"PERSIST", b"k"]]
    )
    put(disk, base=base, incr=b"", manifest=MANIFEST)
    loaded = await Loaded(disk).load()
    assert loaded.get(b"k") == b"vw"


@pytest.mark.parametrize("size", range(len(UNIT) + 1))
async def test_end_of_the_last_file_may_be_missing(disk: SimulatedDisk, size: int) -> None:
    put(disk, base=BASE, incr=UNIT + UNIT[:size], manifest=MANIFEST)
    loaded = await Loaded(disk).load()
    whole = 1 + size // len(UNIT)
    assert loaded.get(b"a") == b"%d" % (1 + whole)
    assert disk.read(f"{DIRECTORY}/a.1.incr.aof") == UNIT * whole
    assert (SHORT in loaded.server.logged()) == (0 < size < len(UNIT))


async def test_what_is_appended_to_a_cut_file_counts(disk: SimulatedDisk) -> None:
    put(disk, base=BASE, incr=UNIT + UNIT[:-3], manifest=MANIFEST)
    loaded = await Loaded(disk).load()
    session = loaded.server.state.open_session(NOBODY)
    session.execute([[b"SET", b"new", b"1"]])
    loaded.server.state.deliver_effects()
    again = await Loaded(disk).load()
    assert [again.get(key) for key in (b"a", b"new")] == [b"2", b"1"]


async def test_nothing_is_cut_if_so_wanted(disk: SimulatedDisk) -> None:
    put(disk, base=BASE, incr=UNIT[:-3], manifest=MANIFEST)
    lines = await refused(disk, aof_load_truncated=False)
    assert lines[-2:] == [
        "Revert incomplete MULTI/EXEC transaction in AOF file a.1.incr.aof",
        "Unexpected end of file reading the append only file a.1.incr.aof. You can: 1) Make a backup of your "
        "AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the "
        "'aof-load-truncated' configuration option to yes and restart the server.",
    ]
    assert disk.read(f"{DIRECTORY}/a.1.incr.aof") == UNIT[:-3]


async def test_only_the_last_file_is_ever_cut(disk: SimulatedDisk) -> None:
    put(disk, base=BASE, incr=UNIT[:-3], incr2=UNIT, manifest=OTHER)
    lines = await refused(disk)
    assert lines[-2:] == [SHORT, "Fatal error: the truncated file is not the last file"]
    assert disk.read(f"{DIRECTORY}/a.1.incr.aof") == UNIT[:-3]


async def test_file_that_cannot_be_cut(disk: SimulatedDisk) -> None:
    put(disk, base=BASE, incr=UNIT[:-3], manifest=MANIFEST)
    disk.failures["truncate"] = READ_ONLY
    lines = await refused(disk)
    assert "Error truncating the AOF file a.1.incr.aof: Read-only file system" in lines


@pytest.mark.parametrize(
    ("incr", "line"),
    [
        (UNIT + b"SET x y\r\n", BAD_FORMAT),
        (UNIT + b"*0\r\n", BAD_FORMAT),
        (UNIT + encode_request(b"SET", b"x"), BAD_FORMAT),
        (
            UNIT + encode_request(b"NOSUCH", b"x"),
            "Unknown command 'NOSUCH' reading the append only file a.1.incr.aof",
        ),
        (
            encode_request(b"MULTI") + encode_request(b"CLIENT", b"NOSUCH") + encode_request(b"EXEC"),
            "Unknown command 'CLIENT' reading the append only file a.1.incr.aof",
        ),
    ],
)
async def test_what_no_aof_has_is_refused(disk: SimulatedDisk, incr: bytes, line: str) -> None:
    put(disk, base=BASE, incr=incr + UNIT, manifest=MANIFEST)
    assert (await refused(disk))[-1] == line
    assert disk.read(f"{DIRECTORY}/a.1.incr.aof") == incr + UNIT


async def test_command_that_fails_is_told_of(disk: SimulatedDisk) -> None:
    put(disk, base=BASE, incr=encode_request(b"LPUSH", b"a", b"x") + UNIT, manifest=MANIFEST)
    loaded = await Loaded(disk).load()
    assert (
        "== CRITICAL == This server is sending an error to its AOF-loading-client: '-WRONGTYPE Operation "
        "against a key holding the wrong kind of value' after processing the command 'lpush'"
    ) in loaded.server.logged()
    assert loaded.get(b"a") == b"2"


async def test_libraries_of_functions_are_kept(disk: SimulatedDisk) -> None:
    put(disk, base=encode_request(b"FUNCTION", b"LOAD", b"#!lua name=x") + BASE, incr=b"", manifest=MANIFEST)
    loaded = await Loaded(disk).load()
    assert loaded.server.state.function_libraries == [b"#!lua name=x"]


class TestSnapshotBase:
    async def test_base(self, disk: SimulatedDisk) -> None:
        put(disk, base=rdb.file(rdb.entry(0, b"a", rdb.string(b"1"))), incr=UNIT, manifest=MANIFEST)
        loaded = await Loaded(disk).load()
        assert loaded.get(b"a") == b"2"

    async def test_commands_behind_it(self, disk: SimulatedDisk) -> None:
        snapshot = rdb.file(rdb.entry(0, b"a", rdb.string(b"1")))
        put(disk, a=snapshot + UNIT + UNIT[:-4])
        loaded = await Loaded(disk).load()
        assert loaded.get(b"a") == b"2"
        assert disk.read(f"{DIRECTORY}/a") == snapshot + UNIT
        assert "Reading RDB preamble from AOF file..." in loaded.server.logged()

    async def test_all_of_the_tail_may_be_missing(self, disk: SimulatedDisk) -> None:
        snapshot = rdb.file(rdb.entry(0, b"a", rdb.string(b"1")))
        put(disk, a=snapshot + UNIT[:-4])
        await Loaded(disk).load()
        assert disk.read(f"{DIRECTORY}/a") == snapshot

    async def test_broken(self, disk: SimulatedDisk) -> None:
        put(disk, base=rdb.file(rdb.entry(0, b"a", rdb.string(b"1")))[:-12], incr=UNIT, manifest=MANIFEST)
        lines = await refused(disk)
        assert lines[-1] == "Error reading the RDB base file a.1.base.aof, AOF loading aborted"


class TestUpgrade:
    async def test_single_file_becomes_the_base(self, disk: SimulatedDisk) -> None:
        put(disk, a=BASE + UNIT)
        loaded = await Loaded(disk).load()
        assert loaded.get(b"a") == b"2"
        assert disk.read(f"{DIRECTORY}/a.manifest") == (
            b"file a seq 1 type b\nfile a.1.incr.aof seq 1 type i\n"
        )
        assert not disk.exists("/a")

    async def test_what_broke_off_is_gone_on_with(self, disk: SimulatedDisk) -> None:
        put(disk, a=BASE, manifest=b"file a seq 1 type b\n")
        loaded = await Loaded(disk).load()
        assert loaded.get(b"a") == b"1"

    async def test_nothing_is_taken_in_beside_another_one(self, disk: SimulatedDisk) -> None:
        put(disk, a=UNIT, base=BASE, incr=b"", manifest=MANIFEST)
        loaded = await Loaded(disk).load()
        assert loaded.get(b"a") == b"1"
        assert disk.exists("/a")

    @pytest.mark.parametrize("operation", ["open", "write", "sync", "replace", "sync_directory"])
    async def test_failure_leaves_the_file(self, disk: SimulatedDisk, operation: str) -> None:
        put(disk, a=BASE)
        disk.failures[operation] = BROKEN
        await refused(disk)
        disk.failures.clear()
        assert (await Loaded(disk).load()).get(b"a") == b"1"


class TestManifest:
    @pytest.mark.parametrize("missing", ["base", "incr"])
    async def test_files_must_be_there(self, disk: SimulatedDisk, missing: str) -> None:
        files: dict[str, bytes | None] = {"base": BASE, "incr": UNIT, "manifest": MANIFEST, missing: None}
        put(disk, **files)
        line = f"Unable to obtain the AOF file a.1.{missing}.aof length. stat: No such file or directory"
        assert (await refused(disk))[-1] == line

    async def test_must_be_readable(self, disk: SimulatedDisk) -> None:
        put(disk, base=BASE, incr=UNIT, manifest=b"file a seq 1\n")
        lines = await refused(disk)
        assert lines[-3:] == [
            "Reading the manifest file, at line 1",
            ">>> 'file a seq 1'",
            "Invalid AOF manifest file format",
        ]

    async def test_empty_files_are_no_data(self, disk: SimulatedDisk) -> None:
        put(disk, base=b"", incr=b"", manifest=MANIFEST)
        loaded = await Loaded(disk).load()
        assert loaded.keyspace.key_count() == 0

    async def test_history_is_removed(self, disk: SimulatedDisk) -> None:
        put(disk, base=BASE, incr=UNIT, incr2=b"", manifest=MANIFEST + b"file a.2.incr.aof seq 9 type h\n")
        loaded = await Loaded(disk).load()
        loaded.server.append_only.loaded()
        assert not disk.exists(f"{DIRECTORY}/a.2.incr.aof")
        assert disk.read(f"{DIRECTORY}/a.manifest") == MANIFEST


MUTATIONS = 300


@pytest.mark.slow
async def test_mutated_files_are_loaded_or_refused_and_never_worse(disk: SimulatedDisk) -> None:
    rng = random.Random(23)
    commands = [
        [b"SET", b"s", b"v" * 30],
        [b"RPUSH", b"l", *[b"%d" % n for n in range(20)]],
        [b"HSET", b"h", b"f", b"v", b"g", b"w"],
        [b"ZADD", b"z", b"1.5", b"m", b"inf", b"n"],
        [b"SADD", b"t", b"1", b"2", b"x"],
        [b"MULTI"],
        [b"INCR", b"n"],
        [b"PEXPIREAT", b"s", b"4000000000000"],
        [b"EXEC"],
        [b"SELECT", b"3"],
        [b"SETRANGE", b"r", b"3", b"abc"],
    ]
    data = encode_requests(commands)
    for _ in range(MUTATIONS):
        incr = bytearray(data * 2)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(incr))
            match rng.randrange(4):
                case 0:
                    incr[at] = rng.randrange(256)
                case 1:
                    incr[at] = rng.choice(b"*$0123456789-\r\n")
                case 2:
                    del incr[at : at + rng.randrange(1, 20)]
                case _:
                    incr[at:at] = rng.randbytes(rng.randrange(1, 5))
        put(disk, base=BASE, incr=bytes(incr), manifest=MANIFEST)
        loaded = Loaded(disk)
        try:
            await loaded.load()
        except StartError:
            assert disk.read(f"{DIRECTORY}/a.1.incr.aof") == incr
        assert "Failure while loading" not in loaded.server.log_text()


class _Nobody:
    def flush(self) -> None: ...

    def resume(self) -> None: ...

    def close(self, *, after_flush: bool) -> None: ...

    def output_bytes(self) -> int:
        return 0

    def input_bytes(self) -> int:
        return 0


NOBODY = _Nobody()
