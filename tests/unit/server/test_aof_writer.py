"""When an AOF is written and forced to disk, and what failures of the disk lead to."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import pytest

from pyredis_cluster.server.aof_writer import AofWriter
from pyredis_cluster.server.log import Log
from pyredis_cluster.server.ports import SystemClock
from pyredis_cluster.testing.simulation.disk import SimulatedDisk
from tests.support.disk_errors import BROKEN, FULL
from tests.support.program import messages

PATH = "/a.aof"
FULL_LINE = "Error writing to the AOF file: No space left on device"


class Bench:
    """A writer on a disk whose syncs end when told, at a time that moves when told."""

    def __init__(self, policy: str) -> None:
        self.disk = SimulatedDisk(asyncio.get_running_loop(), sync_s=0.0)
        self.disk.holds_syncs = True
        self.now_ms = 1_000_000
        self.told: list[str] = []
        self.may_sync = True
        self._lines: list[bytes] = []
        self.writer = AofWriter(
            Log(SystemClock(), self._lines.append),
            lambda: self.now_ms,
            self._work,
            sync_begins=lambda: self.told.append("begins"),
            synced=lambda: self.told.append("synced"),
            changed=lambda: self.told.append("changed"),
            fatal=lambda: self.told.append("fatal"),
            may_sync=lambda: self.may_sync,
        )
        self.writer.set_policy(policy)
        self.writer.open(self.disk.append_to(PATH))

    def _work(self, call: Callable[..., object], args: tuple[Any, ...] = ()) -> None:
        call(*args)

    @property
    def content(self) -> bytes:
        return self.disk.read(PATH)

    @property
    def safe(self) -> bytes:
        """What a power failure would leave."""
        return self.disk.synced(PATH)

    def log(self) -> list[str]:
        return messages(b"".join(self._lines).decode())


async def test_always_forces_each_write_at_once() -> None:
    bench = Bench("always")
    bench.writer.append(b"one")
    assert bench.content == b"one"
    assert bench.told == ["begins"]
    assert bench.writer.is_committing
    bench.disk.finish_syncs()
    assert bench.safe == b"one"
    assert bench.told == ["begins", "synced", "changed"]
    assert not bench.writer.is_committing


async def test_what_comes_during_a_sync_shares_the_next() -> None:
    bench = Bench("always")
    for part in (b"one", b"two", b"three"):
        bench.writer.append(part)
    assert bench.content == b"one"
    assert bench.writer.buffered_bytes == 8
    bench.disk.finish_syncs()
    assert bench.content == b"onetwothree"
    assert bench.safe == b"one"
    assert bench.told == ["begins", "synced", "begins", "changed"]
    assert bench.writer.synced_position == 3
    bench.disk.finish_syncs()
    assert bench.safe == b"onetwothree"
    assert bench.writer.synced_position == bench.writer.position == 11


async def test_every_second_is_every_second() -> None:
    bench = Bench("everysec")
    bench.writer.append(b"one")
    bench.now_ms += 999
    bench.writer.append(b"two")
    bench.writer.tick()
    assert bench.told == []
    assert bench.content == b"onetwo"
    bench.now_ms += 1
    bench.writer.tick()
    assert bench.told == ["begins"]
    bench.disk.finish_syncs()
    assert bench.safe == b"onetwo"
    bench.now_ms += 5000
    bench.writer.tick()
    assert bench.told == ["begins", "synced", "changed"], "there was nothing to force to disk"


async def test_a_write_waits_two_seconds_for_a_slow_sync() -> None:
    bench = Bench("everysec")
    bench.now_ms += 1000
    bench.writer.append(b"one")
    bench.writer.append(b"two")
    bench.now_ms += 1999
    bench.writer.tick()
    assert bench.content == b"one"
    bench.now_ms += 1
    bench.writer.append(b"three")
    assert bench.content == b"onetwothree"
    assert bench.writer.delayed_syncs == 1
    assert bench.log() == [
        "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting "
        "for fsync to complete, this may slow down Redis."
    ]


async def test_what_waited_is_written_when_the_sync_is_over() -> None:
    bench = Bench("everysec")
    bench.now_ms += 1000
    bench.writer.append(b"one")
    bench.writer.append(b"two")
    bench.disk.finish_syncs()
    assert bench.content == b"onetwo"
    assert bench.writer.delayed_syncs == 0


async def test_no_is_never() -> None:
    bench = Bench("no")
    bench.writer.append(b"one")
    bench.now_ms += 10_000
    bench.writer.tick()
    assert bench.content == b"one"
    assert bench.told == []


async def test_nothing_is_forced_while_a_rewrite_forbids_it() -> None:
    bench = Bench("always")
    bench.may_sync = False
    bench.writer.append(b"one")
    assert not bench.writer.is_committing
    assert bench.told == []
    bench.may_sync = True
    bench.writer.tick()
    assert bench.told == ["begins"]


async def test_always_from_now_on_forces_what_is_there() -> None:
    bench = Bench("no")
    bench.writer.append(b"one")
    bench.writer.set_policy("always")
    bench.disk.finish_syncs()
    assert bench.safe == b"one"


async def test_always_from_now_on_does_not_take_for_safe_what_could_not_be_written() -> None:
    bench = Bench("no")
    bench.writer.append(b"one")
    bench.disk.failures["write"] = FULL
    bench.writer.append(b"two")
    bench.told.clear()
    bench.writer.set_policy("always")
    bench.disk.finish_syncs()
    assert bench.told == []


async def test_a_new_file_waits_for_the_old_one_to_be_safe() -> None:
    bench = Bench("always")
    bench.writer.append(b"one")
    assert bench.writer.flush(force=True)
    bench.writer.open(bench.disk.append_to("/b.aof"))
    bench.writer.append(b"two")
    assert bench.disk.read("/b.aof") == b""
    bench.disk.finish_syncs()
    assert bench.safe == b"one"
    assert bench.disk.read("/b.aof") == b"two"
    assert bench.writer.is_committing
    bench.disk.finish_syncs()
    assert bench.writer.synced_position == 6


async def test_a_full_disk_is_tried_again_each_second_and_loses_nothing() -> None:
    bench = Bench("everysec")
    bench.disk.failures["write"] = FULL
    bench.writer.append(b"one")
    assert str(bench.writer.error) == str(FULL)
    assert bench.told == ["changed"]
    bench.writer.append(b"two")
    del bench.disk.failures["write"]
    bench.now_ms += 500
    bench.writer.tick()
    assert bench.content == b""
    bench.now_ms += 500
    bench.writer.tick()
    assert bench.content == b"onetwo"
    assert bench.writer.error is None
    assert bench.log() == [FULL_LINE, "AOF write error looks solved, Redis can write again."]


async def test_failures_are_logged_once_in_half_a_minute() -> None:
    bench = Bench("everysec")
    bench.disk.failures["write"] = FULL
    bench.writer.append(b"one")
    for _ in range(31):
        bench.now_ms += 1000
        bench.writer.tick()
    assert bench.log() == [FULL_LINE] * 2


async def test_half_a_write_is_taken_back() -> None:
    bench = Bench("everysec")
    bench.writer.append(b"one")
    bench.disk.failures["write"] = BROKEN
    bench.disk.short_bytes = 2
    bench.writer.append(b"two")
    assert bench.content == b"one"
    assert bench.writer.error is not None
    assert bench.writer.error.errno == errno.ENOSPC
    assert bench.log() == ["Short write while writing to the AOF file: (nwritten=2, expected=3)"]
    bench.disk.failures.clear()
    assert bench.writer.flush()
    assert bench.content == b"onetwo"


async def test_half_a_write_that_cannot_be_taken_back_is_completed() -> None:
    bench = Bench("everysec")
    bench.disk.failures.update(write=FULL, truncate=BROKEN)
    bench.disk.short_bytes = 2
    bench.writer.append(b"one")
    assert bench.content == b"on"
    assert bench.log()[1] == (
        "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next "
        "time it starts.  ftruncate: Input/output error"
    )
    bench.disk.failures.clear()
    bench.writer.append(b"two")
    assert bench.content == b"onetwo"
    assert bench.writer.size == 6


@pytest.mark.parametrize("short_bytes", [0, 2])
async def test_always_cannot_go_on_without_a_write(short_bytes: int) -> None:
    bench = Bench("always")
    bench.disk.failures["write"] = FULL
    bench.disk.short_bytes = short_bytes
    bench.writer.append(b"one")
    assert bench.told == ["fatal"]
    assert bench.content == b""
    assert bench.log()[-1] == (
        "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."
    )


async def test_always_cannot_go_on_without_a_sync() -> None:
    bench = Bench("always")
    bench.disk.failures["sync"] = BROKEN
    bench.writer.append(b"one")
    bench.disk.finish_syncs()
    assert bench.told == ["begins", "fatal"]
    assert bench.log() == [
        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': Input/output error. "
        "Exiting..."
    ]


async def test_everysec_tells_of_a_failed_sync_and_tries_again() -> None:
    bench = Bench("everysec")
    bench.disk.failures["sync"] = BROKEN
    bench.writer.append(b"one")
    for _ in range(2):
        bench.now_ms += 1000
        bench.writer.tick()
        bench.disk.finish_syncs()
    assert str(bench.writer.error) == str(BROKEN)
    assert bench.writer.synced_position == 0
    assert bench.log() == ["Fail to fsync the AOF file: Input/output error"]
    bench.disk.failures.clear()
    bench.now_ms += 1000
    bench.writer.tick()
    bench.disk.finish_syncs()
    assert bench.writer.error is None
    assert bench.safe == b"one"


async def test_the_end_forces_all_to_disk() -> None:
    bench = Bench("everysec")
    bench.now_ms += 1000
    bench.writer.append(b"one")
    bench.writer.append(b"two")
    assert bench.writer.sync() is None
    assert bench.safe == b"onetwo"
    bench.disk.failures["sync"] = BROKEN
    assert bench.writer.sync() is BROKEN
    bench.writer.close()
    assert bench.writer.sync() is None
    bench.disk.finish_syncs()


async def test_a_new_beginning_forgives() -> None:
    bench = Bench("everysec")
    bench.disk.failures.update(write=FULL, sync=BROKEN)
    bench.writer.append(b"one")
    bench.writer.sync_error = BROKEN
    bench.writer.forgive()
    assert bench.writer.error is None
    assert bench.log()[1:] == [
        "AOF reopen, just ignore the AOF fsync error in bio job",
        "AOF reopen, just ignore the last error.",
    ]
