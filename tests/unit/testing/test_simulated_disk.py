"""The disk in memory."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator

import pytest

from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from pyredis_cluster.testing.simulation.loop import VirtualLoop


@pytest.fixture
def disk() -> Iterator[SimulatedDisk]:
    loop = VirtualLoop()
    made = SimulatedDisk(loop)
    made.make_directory("/data")
    yield made
    loop.close()


def test_holds_what_was_written(disk: SimulatedDisk) -> None:
    disk.create("/data/a").write(b"one")
    disk.append_to("/data/a").write(b"two")
    assert (disk.read("/data/a"), disk.read_head("/data/a", 2), disk.size("/data/a")) == (b"onetwo", b"on", 6)
    disk.replace("/data/a", "/data/b")
    disk.truncate("/data/b", 3)
    assert (disk.names("/data"), disk.read("/data/b")) == (["b"], b"one")
    disk.remove("/data/b")
    assert not disk.exists("/data/b")


def test_power_failure_loses_what_was_not_synced(disk: SimulatedDisk) -> None:
    kept = disk.create("/data/kept")
    kept.write(b"synced")
    kept.sync()
    disk.sync_directory("/data")
    kept.write(b" and not")
    disk.create("/data/lost").sync()
    disk.lose_power()
    assert (disk.names("/data"), disk.read("/data/kept")) == (["kept"], b"synced")


def test_syncing_covers_what_was_written_before(disk: SimulatedDisk) -> None:
    file = disk.create("/data/a")
    disk.sync_directory("/data")
    file.write(b"before")
    told: list[OSError | None] = []
    file.sync_soon(told.append)
    file.write(b" after")
    disk.loop.run_until_complete(_pass(1))
    assert told == [None]
    disk.lose_power()
    assert disk.read("/data/a") == b"before"


async def _pass(seconds: float) -> None:
    await asyncio.sleep(seconds)


def test_refuses_when_full_or_broken(disk: SimulatedDisk) -> None:
    disk.capacity = 10
    file = disk.create("/data/a")
    file.write(b"0123456789")
    with pytest.raises(OSError, match="No space left") as caught:
        file.write(b"x")
    assert caught.value.errno == errno.ENOSPC
    disk.error = OSError(errno.EROFS, "Read-only file system")
    for attempt in (lambda: disk.create("/data/b"), file.sync, lambda: disk.remove("/data/a")):
        with pytest.raises(OSError, match="Read-only"):
            attempt()


def test_single_operations_fail_while_they_are_said_to(disk: SimulatedDisk) -> None:
    file = disk.create("/data/a")
    disk.failures["write"] = OSError(errno.ENOSPC, "No space left on device")
    disk.short_bytes = 3
    with pytest.raises(OSError, match="No space left"):
        file.write(b"half of it")
    file.sync()
    disk.failures.clear()
    file.write(b" and all")
    assert (disk.read("/data/a"), disk.synced("/data/a")) == (b"hal and all", b"hal")


def test_syncs_end_when_told(disk: SimulatedDisk) -> None:
    disk.holds_syncs = True
    file = disk.create("/data/a")
    file.write(b"x")
    told: list[OSError | None] = []
    file.sync_soon(told.append)
    disk.loop.run_until_complete(_pass(10))
    assert (told, disk.synced("/data/a")) == ([], b"")
    disk.finish_syncs()
    assert (told, disk.synced("/data/a")) == ([None], b"x")


@pytest.mark.parametrize("path", ["/data/none", "/nowhere/a"])
def test_what_is_not_there_is_not_found(disk: SimulatedDisk, path: str) -> None:
    for attempt in (disk.read, disk.size, disk.remove):
        with pytest.raises(FileNotFoundError):
            attempt(path)
    with pytest.raises(FileNotFoundError):
        disk.create("/nowhere/a")
