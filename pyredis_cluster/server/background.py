"""What goes on beside serving clients: one snapshot at a time is written, in slices.

Redis has one child process at most, and this is our child: RDB files, AOF rewrites and what replicas get in a
full synchronisation exclude each other.

Between two slices all sockets are served. While nobody asks for anything a slice takes a millisecond. Else it
is shorter, since each request that comes waits for the end of one, but gets a third of the time: clients that
never pause are not to keep it from ever finishing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer

Kind = Literal["rdb", "aof", "replication"]

KILL_SIGNAL: Final = 10
"""SIGUSR1, which is how Redis ends a child whose work is not wanted any more."""

_IDLE_SLICE_NS: Final = 1_000_000
_LEAST_BUSY_SLICE_NS: Final = 250_000
_MOST_BUSY_SLICE_NS: Final = 3_000_000
_FIRST_BYTES_PER_MS = 16 << 10
_LEAST_SLICE_BYTES = 256
_MOST_SLICE_BYTES = 1 << 20

Done = Callable[[Exception | None], None]
"""Told of the end: None where all was written, `JobKilledError`, or what `write` raised."""


class JobKilledError(Exception):
    """A job was called off; its owner logs that as `terminated by signal 10`."""

    signal = KILL_SIGNAL


class Snapshot(Protocol):
    """What is written; see `pyredis_cluster.persistence.snapshot`."""

    @property
    def keys_total(self) -> int:
        """How many keys there are."""

    @property
    def keys_done(self) -> int:
        """How many of them were written."""

    def next_piece(self, slice_bytes: int) -> bytes | None:
        """About that much more; None when there is no more."""

    def abandon(self) -> None:
        """Nothing more will be asked for."""


class _Job:
    def __init__(
        self, kind: Kind, snapshot: Snapshot, write: Callable[[bytes], None], done: Done, started_ms: int
    ) -> None:
        self.kind = kind
        self.snapshot = snapshot
        self.write = write
        self.done = done
        self.started_ms = started_ms
        self.finish: Callable[[Done], None] | None = None
        self.discard: Callable[[], None] | None = None
        self.is_paused = False
        self.timer: Timer | None = None


class BackgroundJobs:
    """The one job of a server, if it has one.

    `on_end` is called whenever a job has ended and another can start, after its owner was told.
    """

    def __init__(
        self,
        call_later: Callable[[float, Callable[[], None]], Timer],
        monotonic_ns: Callable[[], int],
        now_ms: Callable[[], int],
        failed: Callable[[str, BaseException], None],
        key_delay_us: Callable[[], int] = lambda: 0,
        request_count: Callable[[], int] = lambda: 0,
    ) -> None:
        """`call_later` is the server's own, so that a frozen server does not go on; `failed` logs.

        `key_delay_us` tells how long to wait per key: the directive `rdb-key-save-delay`. `request_count`
        grows whenever clients want something.
        """
        self._call_later = call_later
        self._monotonic_ns = monotonic_ns
        self._now_ms = now_ms
        self._failed = failed
        self._key_delay_us = key_delay_us
        self._request_count = request_count
        self._job: _Job | None = None
        self._bytes_per_ms = float(_FIRST_BYTES_PER_MS)
        self._requests_seen = 0
        self._sliced_ns = 0
        self.on_end: list[Callable[[], None]] = []
        self.last_rdb_duration_s = -1
        """How long RDB data took to write the last time; -1 before that."""

    @property
    def is_active(self) -> bool:
        """Whether there is a job; no other may be started then."""
        return self._job is not None

    @property
    def kind(self) -> Kind | None:
        """What the job is for."""
        return self._job.kind if self._job is not None else None

    @property
    def is_saving(self) -> bool:
        """Whether the job makes RDB data, for a file or for replicas: what INFO calls a bgsave."""
        return self._job is not None and self._job.kind != "aof"

    @property
    def keys_total(self) -> int:
        """How many keys the job is to write, 0 without one."""
        return self._job.snapshot.keys_total if self._job is not None else 0

    @property
    def keys_done(self) -> int:
        """How many of them it has written."""
        return self._job.snapshot.keys_done if self._job is not None else 0

    @property
    def started_ms(self) -> int | None:
        """When the job began, as unix time."""
        return self._job.started_ms if self._job is not None else None

    def start(
        self,
        kind: Kind,
        snapshot: Snapshot,
        write: Callable[[bytes], None],
        done: Done,
        *,
        finish: Callable[[Done], None] | None = None,
        discard: Callable[[], None] | None = None,
    ) -> None:
        """Hand all pieces of `snapshot` to `write`, beginning soon; then call `done`, once.

        `write` may raise OSError, which ends the job. `finish`, if given, is called after the last piece with
        a function that it calls when what remains, such as waiting for the disk, is over: until then the job
        lasts. `discard` is called in place of `done` where the job is abandoned: it leaves nothing of what
        was written.
        """
        assert self._job is None, "another job is running"
        job = self._job = _Job(kind, snapshot, write, done, self._now_ms())
        job.finish = finish
        job.discard = discard
        self._bytes_per_ms = _FIRST_BYTES_PER_MS
        self._sliced_ns = self._monotonic_ns()
        job.timer = self._call_later(0, self._go_on)

    def pause(self) -> None:
        """Write nothing until `resume`: whoever takes the pieces has enough for now."""
        if self._job is not None:
            self._job.is_paused = True

    def resume(self) -> None:
        """Go on."""
        job = self._job
        if job is not None and job.is_paused:
            job.is_paused = False
            if job.timer is None:
                job.timer = self._call_later(0, self._go_on)

    def cancel(self) -> None:
        """End the job, as killing the child does; its owner gets `JobKilledError`. Harmless without one."""
        if self._job is not None:
            self._end(self._job, JobKilledError())

    def abandon(self) -> None:
        """Forget the job and what it has written, and tell nobody how it went: the server ends."""
        job, self._job = self._job, None
        if job is not None:
            self._let_go(job)
            if job.discard is not None:
                job.discard()

    def _go_on(self) -> None:
        job = self._job
        assert job is not None
        job.timer = None
        if job.is_paused:
            return
        started_ns = self._monotonic_ns()
        delay_us = self._key_delay_us()
        keys_before = job.snapshot.keys_done
        slice_bytes = 1 if delay_us > 0 else self._next_slice_bytes()
        try:
            piece = job.snapshot.next_piece(slice_bytes)
            if piece is not None:
                job.write(piece)
        except OSError as error:
            self._end(job, error)
            return
        except Exception as error:
            self._failed("Failure while writing a snapshot", error)
            self._end(job, error)
            return
        if job is not self._job:  # whoever takes the pieces has cancelled it
            return
        if piece is None:
            self._finish(job)
            return
        wait_ms = 0.0
        if delay_us > 0:
            wait_ms = (job.snapshot.keys_done - keys_before) * delay_us / 1000
        else:
            self._sliced_ns = self._monotonic_ns()
            self._adapt(max(len(piece), slice_bytes), self._sliced_ns - started_ns)
        if not job.is_paused:
            job.timer = self._call_later(wait_ms, self._go_on)

    def _next_slice_bytes(self) -> int:
        requests = self._request_count()
        slice_ns = _IDLE_SLICE_NS
        if requests != self._requests_seen:
            since_ns = self._monotonic_ns() - self._sliced_ns
            slice_ns = min(max(since_ns // 2, _LEAST_BUSY_SLICE_NS), _MOST_BUSY_SLICE_NS)
        self._requests_seen = requests
        wanted = int(self._bytes_per_ms * slice_ns / 1_000_000)
        return min(max(wanted, _LEAST_SLICE_BYTES), _MOST_SLICE_BYTES)

    def _adapt(self, size: int, elapsed_ns: int) -> None:
        """Go on at the speed of the last slice, but at most twice that of those before."""
        measured = size * 1_000_000 / max(elapsed_ns, 1)
        self._bytes_per_ms = min(measured, 2 * self._bytes_per_ms)

    def _finish(self, job: _Job) -> None:
        def settle(error: Exception | None) -> None:
            self._end(job, error)

        if job.finish is None:
            settle(None)
            return
        try:
            job.finish(settle)
        except OSError as error:
            settle(error)
        except Exception as error:
            self._failed("Failure while finishing a snapshot", error)
            settle(error)

    def _end(self, job: _Job, error: Exception | None) -> None:
        if job is not self._job:
            return
        self._job = None
        self._let_go(job)
        if job.kind != "aof":
            self.last_rdb_duration_s = self._now_ms() // 1000 - job.started_ms // 1000
        job.done(error)
        for callback in list(self.on_end):
            callback()

    def _let_go(self, job: _Job) -> None:
        job.snapshot.abandon()
        if job.timer is not None:
            job.timer.cancel()
            job.timer = None
