"""Data coming in: at start, from a primary, or on demand, while clients are told to wait.

Loading goes on in slices of the event loop, between which all sockets are served: requests that need data are
refused by the gate (`-LOADING`), the others run.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from pyredis_cluster.execution.gate import GATE_ASYNC_LOADING, GATE_LOADING
from pyredis_cluster.persistence.loading import KeyspaceSink, ReplicationNote
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.reader import RdbReader
from pyredis_cluster.server.errors import StartError

if TYPE_CHECKING:
    from pyredis_cluster.execution.host import Timer
    from pyredis_cluster.keyspace.keyspace import Keyspace
    from pyredis_cluster.server.server import Server

_SLICE_NS: Final = 2_000_000
_FIRST_SLICE_BYTES: Final = 64 << 10
_LEAST_SLICE_BYTES: Final = 4 << 10
_LARGE_SLICE_BYTES: Final = 1 << 20
_EMPTY_KEYS_LOGGED: Final = 10
_FREEZE_FROM_KEYS: Final = 10_000

Done = Callable[[Exception | None], None]


_WHOLE_MESSAGES: Final = (
    "Wrong signature trying to load DB from file",
    "Can't handle RDB format version",
    "FATAL: Data file was created",
    "The RDB file contains AUX module data",
)


def is_whole_message(error: Exception) -> bool:
    """Whether Redis says nothing but the message, as data is none that it could read."""
    return isinstance(error, RdbError) and error.message.startswith(_WHOLE_MESSAGES)


class Source(Protocol):
    """What is loaded, piece by piece: `RdbReader`, or what reads an AOF."""

    @property
    def position(self) -> int:
        """How many bytes were read."""

    def advance(self, budget: int) -> bool:
        """Load about `budget` bytes more; whether that was the end. What it raises ends the loading."""


class _Run:
    def __init__(self, source: Source, total_bytes: int, started_ms: int, done: Done) -> None:
        self.source = source
        self.total_bytes = total_bytes
        self.started_ms = started_ms
        self.done = done
        self.timer: Timer | None = None
        self.sink: KeyspaceSink | None = None


class Loading:
    """What one server is loading, if it is, and what INFO tells of the last time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._run: _Run | None = None
        self._enables_gc = False
        self._slice_bytes = _FIRST_SLICE_BYTES
        self.keys_loaded = 0
        self.keys_expired = 0
        self.replication_note: ReplicationNote | None = None
        """The history that what was loaded last belongs to, if it told."""

    @property
    def is_active(self) -> bool:
        """Whether data is being loaded in slices now."""
        return self._run is not None

    def begin(
        self,
        data: bytes | memoryview,
        *,
        is_replica: bool,
        done: Done,
        on_expired: Callable[[int, bytes], None] | None = None,
        into: Keyspace | None = None,
        serves: bool = False,
    ) -> None:
        """Load RDB data into the databases as they are, or those of `into`; then call `done`, once.

        With `is_replica` expired keys stay, as the primary's DEL will come. `done` gets None when all of it
        is there, or what is wrong (RdbError, and the log has it): part of the data is there then. It is not
        called after `abort`. `on_expired` is told database and key of what was dropped. `serves`: see
        `begin_from`.
        """
        sink, reader = self._open(
            data, is_replica=is_replica, replaces=False, on_expired=on_expired, into=into
        )

        def finish(error: Exception | None) -> None:
            if error is None:
                self._loaded(sink, reader)
            done(error)

        self.begin_from(reader, len(data), finish, sink=sink, serves=serves)

    def begin_from(
        self,
        source: Source,
        total_bytes: int,
        done: Done,
        *,
        sink: KeyspaceSink | None = None,
        serves: bool = False,
    ) -> None:
        """Load from any source; `done` as with `begin`. `sink` is where the keys go, for INFO.

        `serves` has requests served meanwhile, as what is loaded is not the data they see.
        """
        assert self._run is None, "something else is being loaded"
        run = self._run = _Run(source, total_bytes, self._server.state.keyspace.now_ms, done)
        run.sink = sink
        self.keys_loaded = self.keys_expired = 0
        self._slice_bytes = _FIRST_SLICE_BYTES
        self._enter(GATE_ASYNC_LOADING if serves else GATE_LOADING)
        # What fits into one slice nobody is refused for: Redis loads it between two requests.
        self._go_on()

    def abort(self) -> None:
        """Load no more, and tell nobody; part of the data is there. Harmless when nothing is loaded."""
        run, self._run = self._run, None
        if run is not None:
            if run.timer is not None:
                run.timer.cancel()
            self._leave()

    def load_now(self, data: bytes | memoryview, *, is_replica: bool, replaces: bool = False) -> None:
        """Load RDB data before this returns. Raises RdbError, the log having it; part is there then.

        `replaces` has keys that are there take the value of the file.
        """
        sink, reader = self._open(data, is_replica=is_replica, replaces=replaces, on_expired=None)
        self._enter(GATE_LOADING)
        try:
            while not reader.advance(len(data)):
                pass
        except RdbError as error:
            self._report(error)
            raise
        finally:
            self._leave()
        self._loaded(sink, reader)

    def load_from(self, source: Source) -> None:
        """Load from any source before this returns. Raises what the source does."""
        self._enter(GATE_LOADING)
        try:
            while not source.advance(_LARGE_SLICE_BYTES):
                pass
        finally:
            self._leave()

    def fields(self) -> dict[str, str]:
        """What INFO shows while data is loaded, in its order."""
        run = self._run
        if run is None:
            return {}
        loaded = run.source.position
        total = run.total_bytes
        elapsed_s = (self._server.state.keyspace.now_ms - run.started_ms) // 1000
        eta_s = elapsed_s * (total - loaded) // loaded if elapsed_s and loaded else 1
        return {
            "loading_start_time": str(run.started_ms // 1000),
            "loading_total_bytes": str(total),
            "loading_rdb_used_mem": str(run.sink.used_memory_bytes if run.sink is not None else 0),
            "loading_loaded_bytes": str(loaded),
            "loading_loaded_perc": f"{100 * loaded / total if total else 0.0:.2f}",
            "loading_eta_seconds": str(eta_s),
        }

    def _open(
        self,
        data: bytes | memoryview,
        *,
        is_replica: bool,
        replaces: bool,
        on_expired: Callable[[int, bytes], None] | None,
        into: Keyspace | None = None,
    ) -> tuple[KeyspaceSink, RdbReader]:
        server = self._server
        keyspace = into or server.state.keyspace
        sink = KeyspaceSink(
            keyspace,
            drops_expired=not is_replica,
            replaces=replaces,
            log=server.log.notice,
            on_expired=on_expired,
        )
        reader = RdbReader(
            data,
            sink,
            keyspace.limits,
            check_crc=server.config.flag("rdbchecksum"),
            now_ms=0 if is_replica else keyspace.now_ms,
        )
        self.keys_loaded = self.keys_expired = 0
        self.replication_note = None
        return sink, reader

    def _go_on(self) -> None:
        run = self._run
        assert run is not None
        run.timer = None
        try:
            is_done, wait_ms = self._advance(run)
        except RdbError as error:
            self._report(error)
            self._end(run, error)
        except Exception as error:
            if not isinstance(error, (OSError, StartError)):
                self._server.log.failure("Failure while loading", error)
            self._end(run, error)
        else:
            if self._run is not run:
                return
            if run.sink is not None:
                self.keys_loaded, self.keys_expired = run.sink.keys_loaded, run.sink.keys_expired
            if is_done:
                self._end(run, None)
            else:
                run.timer = self._server.call_later(wait_ms, self._go_on)

    def _advance(self, run: _Run) -> tuple[bool, float]:
        """One slice: whether it was the last, and how long to wait before the next."""
        server = self._server
        config = server.config
        delay_us = config.integer("key-load-delay")
        if delay_us > 0 and run.sink is not None:
            before = run.sink.keys_loaded
            is_done = run.source.advance(1)
            return is_done, (run.sink.keys_loaded - before) * delay_us / 1000
        limit = config.integer("loading-process-events-interval-bytes")
        slice_bytes = min(self._slice_bytes, limit)
        started_ns = server.state.monotonic_ns()
        is_done = run.source.advance(slice_bytes)
        elapsed_ns = max(server.state.monotonic_ns() - started_ns, _SLICE_NS // 2)
        self._slice_bytes = max(slice_bytes * _SLICE_NS // elapsed_ns, _LEAST_SLICE_BYTES)
        return is_done, 0

    def _end(self, run: _Run, error: Exception | None) -> None:
        if self._run is not run:
            return
        self._run = None
        if run.sink is not None and run.sink.keys_loaded >= _FREEZE_FROM_KEYS:
            # They are there to stay: no collection of garbage has to walk through them.
            gc.freeze()
        self._leave()
        run.done(error)

    def _enter(self, gate_bit: int) -> None:
        self._server.state.set_gate(gate_bit, True)
        # Everything that is made now is kept, so looking for garbage among it would only take time.
        self._enables_gc = gc.isenabled()
        gc.disable()

    def _leave(self) -> None:
        state = self._server.state
        if self._enables_gc:
            gc.enable()
        if state.maxmemory:
            state.eviction.count_anew()
        state.set_gate(GATE_LOADING | GATE_ASYNC_LOADING, False)

    def _loaded(self, sink: KeyspaceSink, reader: RdbReader) -> None:
        log = self._server.log
        for key in reader.empty_keys[:_EMPTY_KEYS_LOGGED]:
            log.notice(f"rdbLoadObject skipping empty key: {key.decode('utf-8', 'surrogateescape')}")
        if reader.checksum_disabled:
            log.notice("RDB file was saved with checksum disabled: no check performed.")
        skipped = f", empty keys skipped: {len(reader.empty_keys)}" if reader.empty_keys else ""
        log.notice(
            f"Done loading RDB, keys loaded: {sink.keys_loaded}, keys expired: {sink.keys_expired}{skipped}."
        )
        self.keys_loaded, self.keys_expired = sink.keys_loaded, sink.keys_expired
        self.replication_note = sink.replication_note
        self._server.state.function_libraries = sink.function_codes

    def _report(self, error: RdbError) -> None:
        log = self._server.log
        if error.line is not None:
            log.warning(error.line)
        if is_whole_message(error):
            log.warning(error.message)
        else:
            log.warning(f"Internal error in RDB reading offset {error.offset} -> {error.message}")
