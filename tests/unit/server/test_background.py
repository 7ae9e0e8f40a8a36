"""One job at a time, in slices, and its end told exactly once."""

from __future__ import annotations

import pytest

from pyredis_cluster.server.background import BackgroundJobs, Done, JobKilledError
from tests.support.disk_errors import FULL
from tests.support.inprocess import FakeHost, ManualClock


class Numbers:
    """A snapshot of so many keys, one a piece; each takes some time to make."""

    def __init__(self, clock: ManualClock, count: int, cost_us: int = 0) -> None:
        self._clock = clock
        self._cost_us = cost_us
        self.keys_total = count
        self.keys_done = 0
        self.sizes: list[int] = []
        self.is_abandoned = False

    def next_piece(self, slice_bytes: int) -> bytes | None:
        """See `Snapshot`."""
        self.sizes.append(slice_bytes)
        self._clock.now_us += self._cost_us
        if self.keys_done == self.keys_total:
            return None
        self.keys_done += 1
        return b"%d" % self.keys_done

    def abandon(self) -> None:
        """See `Snapshot`."""
        self.is_abandoned = True


class Bench:
    """Jobs on a manual clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.host = FakeHost(self.clock)
        self.delay_us = 0
        self.requests = 0
        self.failures: list[str] = []
        self.written: list[bytes] = []
        self.ends: list[Exception | None] = []
        self.jobs = BackgroundJobs(
            self.host.call_later,
            lambda: self.clock.now_us * 1000,
            lambda: self.clock.now_us // 1000,
            lambda text, error: self.failures.append(text),
            lambda: self.delay_us,
            lambda: self.requests,
        )

    def numbers(self, count: int = 3, cost_us: int = 0) -> Numbers:
        return Numbers(self.clock, count, cost_us)

    def step(self) -> None:
        """Let the next timer fire."""
        due_us = self.host.next_due_us()
        assert due_us is not None
        self.clock.now_us = max(self.clock.now_us, int(due_us))
        self.host.fire_next()

    def run(self) -> None:
        """Let all happen that there is to do."""
        while self.host.next_due_us() is not None:
            self.step()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_hands_over_all_pieces_and_tells_the_end(bench: Bench) -> None:
    snapshot = bench.numbers()
    bench.jobs.start("rdb", snapshot, bench.written.append, bench.ends.append)
    assert (bench.jobs.kind, bench.jobs.is_active, bench.jobs.is_saving) == ("rdb", True, True)
    assert bench.written == []
    bench.step()
    assert (bench.written, bench.jobs.keys_done, bench.jobs.keys_total) == ([b"1"], 1, 3)
    bench.run()
    assert (bench.written, bench.ends) == ([b"1", b"2", b"3"], [None])
    assert (bench.jobs.kind, bench.jobs.is_active, bench.jobs.keys_total) == (None, False, 0)
    assert bench.jobs.started_ms is None


def test_an_aof_is_no_save(bench: Bench) -> None:
    bench.jobs.start("aof", bench.numbers(), bench.written.append, bench.ends.append)
    assert not bench.jobs.is_saving
    bench.run()
    assert bench.jobs.last_rdb_duration_s == -1


def test_duration_of_what_makes_rdb_data_is_kept(bench: Bench) -> None:
    bench.jobs.start("replication", bench.numbers(4, 500_000), bench.written.append, bench.ends.append)
    bench.run()
    assert bench.jobs.last_rdb_duration_s == 2


def test_slices_are_made_to_take_a_millisecond(bench: Bench) -> None:
    slow, fast = bench.numbers(20, 4000), bench.numbers(20, 1)
    for snapshot in (slow, fast):
        bench.jobs.start("rdb", snapshot, bench.written.append, bench.ends.append)
        bench.run()
    assert slow.sizes[0] == fast.sizes[0]
    assert slow.sizes[1] == slow.sizes[0] // 4
    assert fast.sizes[1] == 2 * fast.sizes[0]
    assert min(slow.sizes) == 256
    assert max(fast.sizes) == 1 << 20


@pytest.mark.parametrize(
    ("others_us", "share"), [(None, 1.0), (0, 0.25), (1000, 0.5), (4000, 2.0), (100_000, 3.0)]
)
def test_busy_clients_get_two_thirds_of_the_time(bench: Bench, others_us: int | None, share: float) -> None:
    snapshot = bench.numbers(6, 1000)
    bench.jobs.start("rdb", snapshot, bench.written.append, bench.ends.append)
    bench.step()
    if others_us is not None:
        bench.requests += 1
        bench.clock.now_us += others_us
    bench.step()
    assert snapshot.sizes[1] == snapshot.sizes[0] * share


def test_keys_are_delayed_as_told(bench: Bench) -> None:
    bench.delay_us = 2000
    snapshot = bench.numbers(10)
    started_us = bench.clock.now_us
    bench.jobs.start("rdb", snapshot, bench.written.append, bench.ends.append)
    bench.run()
    assert bench.clock.now_us - started_us == 10 * 2000
    assert set(snapshot.sizes) == {1}


def test_error_of_the_disk_ends_the_job(bench: Bench) -> None:
    snapshot = bench.numbers()

    def fail(piece: bytes) -> None:
        raise FULL

    bench.jobs.start("rdb", snapshot, fail, bench.ends.append)
    bench.run()
    assert (bench.ends, bench.failures, snapshot.is_abandoned) == ([FULL], [], True)


def test_error_of_ours_is_logged_too(bench: Bench) -> None:
    def fail(piece: bytes) -> None:
        raise ValueError

    bench.jobs.start("rdb", bench.numbers(), fail, bench.ends.append)
    bench.run()
    assert [type(end) for end in bench.ends] == [ValueError]
    assert bench.failures == ["Failure while writing a snapshot"]


def test_cancelled_job_is_told_so(bench: Bench) -> None:
    snapshot = bench.numbers()
    bench.jobs.start("rdb", snapshot, bench.written.append, bench.ends.append)
    bench.step()
    bench.jobs.cancel()
    bench.jobs.cancel()
    assert [type(end) for end in bench.ends] == [JobKilledError]
    assert snapshot.is_abandoned
    bench.run()
    assert bench.written == [b"1"]


def test_whoever_takes_the_pieces_may_cancel(bench: Bench) -> None:
    bench.jobs.start("rdb", bench.numbers(), lambda piece: bench.jobs.cancel(), bench.ends.append)
    bench.run()
    assert [type(end) for end in bench.ends] == [JobKilledError]


def test_abandoned_job_tells_nobody(bench: Bench) -> None:
    snapshot = bench.numbers()
    bench.jobs.start("rdb", snapshot, bench.written.append, bench.ends.append)
    bench.jobs.abandon()
    bench.run()
    assert (bench.written, bench.ends, snapshot.is_abandoned) == ([], [], True)


def test_abandoned_job_leaves_nothing_of_what_it_has_written(bench: Bench) -> None:
    bench.jobs.start(
        "rdb", bench.numbers(), bench.written.append, bench.ends.append, discard=bench.written.clear
    )
    bench.step()
    assert bench.written == [b"1"]
    bench.jobs.abandon()
    assert (bench.written, bench.ends) == ([], [])


def test_waits_while_paused(bench: Bench) -> None:
    def take(piece: bytes) -> None:
        bench.written.append(piece)
        bench.jobs.pause()

    bench.jobs.start("replication", bench.numbers(2), take, bench.ends.append)
    bench.run()
    assert bench.written == [b"1"]
    bench.jobs.resume()
    bench.jobs.resume()
    bench.run()
    assert (bench.written, bench.ends) == ([b"1", b"2"], [])
    bench.jobs.resume()
    bench.run()
    assert bench.ends == [None]


class TestFinish:
    def test_keeps_the_job_until_it_is_over(self, bench: Bench) -> None:
        waiting: list[Done] = []
        bench.jobs.start(
            "rdb", bench.numbers(), bench.written.append, bench.ends.append, finish=waiting.append
        )
        bench.run()
        assert (len(bench.written), bench.ends, bench.jobs.kind) == (3, [], "rdb")
        waiting[0](FULL)
        waiting[0](None)
        assert (bench.ends, bench.jobs.kind) == ([FULL], None)

    def test_of_a_cancelled_job_does_nothing_more(self, bench: Bench) -> None:
        waiting: list[Done] = []
        bench.jobs.start(
            "rdb", bench.numbers(), bench.written.append, bench.ends.append, finish=waiting.append
        )
        bench.run()
        bench.jobs.cancel()
        bench.jobs.start("aof", bench.numbers(), bench.written.append, bench.ends.append)
        waiting[0](None)
        assert (len(bench.ends), bench.jobs.kind) == (1, "aof")

    @pytest.mark.parametrize(("error", "logged"), [(FULL, 0), (ValueError(), 1)])
    def test_may_fail_at_once(self, bench: Bench, error: Exception, logged: int) -> None:
        def finish(settle: Done) -> None:
            raise error

        bench.jobs.start("rdb", bench.numbers(), bench.written.append, bench.ends.append, finish=finish)
        bench.run()
        assert (bench.ends, len(bench.failures)) == ([error], logged)


def test_another_may_start_when_one_has_ended(bench: Bench) -> None:
    def start_next() -> None:
        if len(bench.ends) == 1:
            bench.jobs.start("aof", bench.numbers(1), bench.written.append, bench.ends.append)

    bench.jobs.on_end.append(start_next)
    bench.jobs.start("rdb", bench.numbers(1), bench.written.append, bench.ends.append)
    bench.run()
    assert bench.ends == [None, None]
