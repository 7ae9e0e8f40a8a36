"""A snapshot file in the making: forced to disk as it grows, and never in place where that failed."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from pyredis_cluster.server.log import Log
from pyredis_cluster.server.rdb_file import RdbFile
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.disk_errors import BROKEN
from tests.support.inprocess import ManualClock

MEGABYTE = bytes(1 << 20)


class Bench:
    """A file on a simulated disk, and its log."""

    def __init__(self) -> None:
        self.disk = SimulatedDisk(asyncio.get_running_loop(), sync_s=0.0)
        self.lines: list[bytes] = []
        self.ends: list[OSError | None] = []

    def file(self, *, waits: bool = False, syncs_early: bool = True) -> RdbFile:
        log = Log(ManualClock(), self.lines.append)
        return RdbFile(self.disk, log, "/", "dump.rdb", "temp.rdb", syncs_early=syncs_early, waits=waits)

    async def pass_time(self) -> None:
        """Let what was begun come to its end."""
        for _ in range(10):
            await asyncio.sleep(0)

    def survives_power_failure(self) -> int:
        """Bytes of the file in its place afterwards; -1 if there is none."""
        self.disk.lose_power()
        return self.disk.size("/dump.rdb") if self.disk.exists("/dump.rdb") else -1


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("waits", [True, False])
async def test_is_on_disk_and_in_place_when_it_says_so(bench: Bench, waits: bool) -> None:
    file = bench.file(waits=waits)
    for _ in range(6):
        file.write(MEGABYTE)
    assert bench.disk.names("/") == ["temp.rdb"]
    if waits:
        file.commit()
    else:
        file.commit_soon(bench.ends.append)
        assert bench.ends == []
        await bench.pass_time()
        assert bench.ends == [None]
    assert bench.survives_power_failure() == 6 << 20


async def test_is_forced_to_disk_as_it_grows(bench: Bench) -> None:
    synced = 0
    file = bench.file(waits=True)
    for size in range(1, 10):
        file.write(MEGABYTE)
        synced += bench.disk.sync_count > synced
        assert synced == size // 4


@pytest.mark.parametrize("waits", [True, False])
async def test_disk_that_fails_while_it_grows_leaves_nothing(bench: Bench, waits: bool) -> None:
    file = bench.file(waits=waits)
    for _ in range(3):
        file.write(MEGABYTE)
    bench.disk.failures["sync"] = BROKEN
    with contextlib.suppress(OSError):  # where it waits, this is the write that fails
        file.write(MEGABYTE)
    await bench.pass_time()
    if not waits:
        with pytest.raises(OSError, match="Input/output error"):
            file.write(MEGABYTE)
    bench.disk.failures.clear()
    assert bench.disk.names("/") == []
    assert b"Write error while saving DB to the disk(rdbSaveRio): Input/output error" in bench.lines[-1]


async def test_early_failure_counts_though_the_last_sync_succeeds(bench: Bench) -> None:
    file = bench.file()
    bench.disk.failures["sync"] = BROKEN
    for _ in range(4):
        file.write(MEGABYTE)
    await bench.pass_time()
    bench.disk.failures.clear()
    file.commit_soon(bench.ends.append)
    await bench.pass_time()
    assert (bench.ends, bench.disk.names("/")) == ([BROKEN], [])


@pytest.mark.parametrize("waits", [True, False])
async def test_disk_that_fails_at_the_end(bench: Bench, waits: bool) -> None:
    file = bench.file(waits=waits)
    file.write(MEGABYTE)
    bench.disk.failures["sync"] = BROKEN
    if waits:
        with pytest.raises(OSError, match="Input/output error"):
            file.commit()
    else:
        file.commit_soon(bench.ends.append)
        await bench.pass_time()
        assert bench.ends == [BROKEN]
    assert bench.disk.names("/") == []
    assert b"Write error while saving DB to the disk(fsync): Input/output error" in bench.lines[-1]


async def test_discarded_file_is_not_put_in_place_later(bench: Bench) -> None:
    file = bench.file()
    file.write(MEGABYTE)
    file.commit_soon(bench.ends.append)
    file.discard()
    await bench.pass_time()
    assert (bench.ends, bench.disk.names("/")) == ([], [])


async def test_directory_that_is_gone(bench: Bench) -> None:
    file = RdbFile(
        bench.disk,
        Log(ManualClock(), bench.lines.append),
        "/gone",
        "dump.rdb",
        "temp.rdb",
        syncs_early=True,
        waits=False,
    )
    with pytest.raises(FileNotFoundError):
        file.write(b"x")
    assert b"Failed opening the temp RDB file temp.rdb (in server root dir /gone)" in bench.lines[-1]
