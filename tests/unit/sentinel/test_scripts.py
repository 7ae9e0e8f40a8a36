"""Scripts: when they run, how often, and what is told of them."""

from __future__ import annotations

import pytest

from pyredis_cluster.sentinel.ready import Event, KillScript, StartScript, Step
from tests.unit.sentinel.bench import Bench, told

NOTIFY = "sentinel notification-script mymaster /bin/true"


@pytest.fixture
def bench() -> Bench:
    """A sentinel that has told of its master, so that one script waits."""
    return Bench(NOTIFY, "sentinel down-after-milliseconds mymaster 100000000")


def started(steps: list[Step]) -> list[StartScript]:
    return [step for step in steps if isinstance(step, StartScript)]


def debugged(steps: list[Step]) -> list[tuple[bytes, bytes]]:
    return [(step.type, step.payload) for step in steps if isinstance(step, Event) and step.level == "debug"]


def pending(bench: Bench) -> list[dict[bytes, object]]:
    return bench.core.pending_scripts(bench.now_ms)


def test_a_warning_runs_the_notification_script(bench: Bench) -> None:
    argv = (b"/bin/true", b"+monitor", b"master mymaster 127.0.0.1 6379 quorum 2")
    assert pending(bench) == [
        {b"argv": list(argv), b"flags": b"scheduled", b"pid": b"0", b"run-delay": b"0", b"retry-num": b"0"}
    ]
    (start,) = started(bench.tick())
    assert start.argv == argv
    bench.core.script_started(start.script_id, 77, bench.now_ms)
    assert debugged(bench.done()) == [(b"+script-child", b"77")]
    bench.now_ms += 5
    assert pending(bench) == [
        {b"argv": list(argv), b"flags": b"running", b"pid": b"77", b"run-time": b"5", b"retry-num": b"1"}
    ]
    assert dict(bench.core.info_fields(bench.now_ms))[b"sentinel_running_scripts"] == b"1"
    bench.core.script_ended(start.script_id, 0, 0, bench.now_ms)
    steps = bench.done()
    assert debugged(steps) == [(b"-script-child", b"77 0 0")]
    assert not told(steps)
    assert pending(bench) == []


@pytest.mark.parametrize(("exit_code", "signal"), [(1, 0), (0, 9)])
def test_one_that_asks_for_it_runs_ten_times_with_growing_delays(
    bench: Bench, exit_code: int, signal: int
) -> None:
    delay_ms = 30_000
    for run in range(1, 11):
        (start,) = started(bench.tick(1000))
        bench.core.script_started(start.script_id, 77, bench.now_ms)
        bench.core.script_ended(start.script_id, exit_code, signal, bench.now_ms)
        steps = bench.done()
        if run == 10:
            break
        assert not told(steps)
        assert pending(bench)[0][b"run-delay"] == b"%d" % delay_ms
        assert pending(bench)[0][b"retry-num"] == b"%d" % run
        bench.now_ms += delay_ms - 1000
        bench.core.state.previous_tick_ms = bench.now_ms
        delay_ms *= 2
    assert told(steps) == [("-script-error", f"/bin/true {signal} {exit_code}")]
    assert pending(bench) == []


def test_any_other_exit_code_is_an_error(bench: Bench) -> None:
    (start,) = started(bench.tick())
    bench.core.script_ended(start.script_id, 2, 0, bench.now_ms)
    assert told(bench.done()) == [("-script-error", "/bin/true 0 2")]
    bench.core.script_ended(start.script_id, 2, 0, bench.now_ms)
    assert not bench.done()


def test_without_a_process_it_is_tried_again(bench: Bench) -> None:
    (start,) = started(bench.tick())
    bench.core.script_not_started(start.script_id, bench.now_ms)
    assert told(bench.done()) == [("-script-error", "/bin/true 99 0")]
    assert len(started(bench.tick())) == 1
    bench.core.script_not_started(99, bench.now_ms)
    bench.core.script_started(99, 1, bench.now_ms)
    assert not bench.done()


def test_one_that_runs_too_long_is_killed(bench: Bench) -> None:
    (start,) = started(bench.tick())
    bench.core.script_started(start.script_id, 77, bench.now_ms)
    bench.run(60_000)
    steps = bench.tick()
    assert ("-script-timeout", "/bin/true 77") in told(steps)
    assert KillScript(start.script_id) in steps


def test_sixteen_run_at_a_time() -> None:
    bench = Bench(NOTIFY)
    for _ in range(30):
        bench.core.reset(b"*", bench.now_ms)
    assert len(started(bench.tick())) == 16
    assert not started(bench.tick())
    bench.core.script_ended(1, 0, 0, bench.now_ms)
    assert len(started(bench.tick())) == 1


def test_the_oldest_make_place(bench: Bench) -> None:
    (start,) = started(bench.tick())
    for _ in range(300):
        bench.core.reset(b"*", bench.now_ms)
    scripts = pending(bench)
    assert len(scripts) == 256
    # But not one that runs.
    assert scripts[0][b"argv"] == list(start.argv)


def test_payloads_are_bounded() -> None:
    bench = Bench(monitor=f"sentinel monitor {'m' * 5000} 127.0.0.1 6379 1")
    (event,) = [step for step in bench.steps if isinstance(step, Event)]
    assert len(event.payload) == 1023
