"""The append-only file of one server: on, off, or about to be on once a first base is written.

Source: aof.c of Redis 7.2.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Final

from pyredis_cluster.config.config import ApplyError
from pyredis_cluster.execution.append_only import NO_OFFSET
from pyredis_cluster.execution.gate import GATE_LOADING
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Status
from pyredis_cluster.server.aof_directory import AofDirectory, reason
from pyredis_cluster.server.aof_files import AofFiles
from pyredis_cluster.server.aof_loading import AofSource, load_files
from pyredis_cluster.server.aof_rewrite import BaseFile, Rewriter
from pyredis_cluster.server.aof_stream import AofStream
from pyredis_cluster.server.aof_writer import ALWAYS, AofWriter
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.withheld import WithheldOutput

if TYPE_CHECKING:
    from pyredis_cluster.execution.propagation import Batch
    from pyredis_cluster.server.server import Server

_RESTARTS: Final = 10
_RESTART_DELAY_MS: Final = 1000

_STARTED = Status(b"Background append only file rewriting started")
_SCHEDULED = Status(b"Background append only file rewriting scheduled")
_IN_PROGRESS = CommandError("ERR Background append only file rewriting already in progress")
_CANNOT = CommandError(
    "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
)
_NOT_LOADED = CommandError("ERR Error trying to load the AOF files, check server logs.")


class _Mode(Enum):
    OFF = "off"
    WAITING = "waiting"
    """Changes go to a temporary increment while the first base is written; nothing holds all data yet."""
    ON = "on"


class AppendOnlyFile:
    """See `pyredis_cluster.execution.append_only.AppendOnly`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = state = server.state
        self._config = config = server.config
        self._log = server.log
        self._mode = _Mode.OFF
        self._synced_offset = 0
        self._offset_of_sync = 0
        self.on_synced: list[Callable[[], None]] = []
        self.directory = AofDirectory(config, server.disk, server.log)
        self._writer = AofWriter(
            server.log,
            lambda: state.keyspace.now_ms,
            server.work,
            sync_begins=self._sync_begins,
            synced=self._synced,
            changed=self._changed,
            fatal=self._fatal,
            may_sync=self._may_sync,
        )
        self._stream = AofStream(config, self._writer, lambda: state.keyspace.now_ms)
        self._files = AofFiles(self.directory, self._writer, server.disk, server.log)
        self._withheld = WithheldOutput(state, lambda: self._writer.is_committing)
        self._rewriter = Rewriter(
            server,
            self.directory,
            begin=self._switch_increment,
            succeeded=self._take_base,
            ended=self._rewrite_ended,
        )
        self.on_synced.append(state.waits.check)
        state.append_only = self
        self._apply_policy()
        config.on_change("appendonly", self._switch)
        config.on_change("appendfsync", self._apply_policy)
        config.on_change("aof-disable-auto-gc", self.directory.remove_history)
        server.cron.every(0, self._tick)
        server.stopping.before_saving.append(self._finish)

    # What commands ask

    @property
    def is_enabled(self) -> bool:
        """See `AppendOnly`."""
        return self._config.flag("appendonly")

    @property
    def synced_offset(self) -> int:
        """See `AppendOnly`."""
        if self._mode is _Mode.ON:
            return self._synced_offset
        return NO_OFFSET if self._mode is _Mode.OFF else 0

    def rewrite(self, *, in_transaction: bool) -> Status:
        """See `AppendOnly`."""
        if self._rewriter.is_running:
            raise _IN_PROGRESS
        if self._server.background.is_active or in_transaction:
            self._rewriter.is_scheduled = True
            self._rewriter.failures = 0
            return _SCHEDULED
        if not self._rewriter.start():
            raise _CANNOT
        return _STARTED

    def reload(self) -> None:
        """See `AppendOnly`."""
        state = self._state
        state.deliver_effects()
        self._writer.flush(force=True)
        try:
            self.directory.load_manifest()
            self.directory.remove_history()
            self.directory.upgrade()
            if self.directory.manifest.is_empty:
                raise StartError
            self.directory.size_to_load()
            for database in state.keyspace.databases:
                state.watches.touch_database(database)
                database.clear()
            self._server.loading.load_from(AofSource(self._server, self.directory))
        except StartError:
            raise _NOT_LOADED from None
        self._log.notice("Append Only File loaded by DEBUG LOADAOF")

    def stop(self) -> None:
        """See `AppendOnly`."""
        if self._mode is not _Mode.OFF:
            self._turn_off()

    def restart(self) -> None:
        """See `AppendOnly`."""
        self._try_restart(_RESTARTS)

    def _try_restart(self, tries: int) -> None:
        if not self.is_enabled or self._mode is not _Mode.OFF:
            return
        if self._state.gate & GATE_LOADING:
            # A base would have a part of the data only. Whoever loads it calls `restart` at its end.
            return
        if self._turn_on():
            return
        self._log.warning(
            "Failed enabling the AOF after successful master synchronization! Trying it again in one second."
        )
        if tries > 1:
            self._server.call_later(_RESTART_DELAY_MS, self._try_restart, tries - 1)
            return
        self._log.warning(
            "FATAL: this replica instance finished the synchronization with its master, but the AOF can't be "
            "turned on. Exiting now."
        )
        self._server.stopping.fail()

    def information(self) -> Iterator[tuple[str, object]]:
        """See `AppendOnly`."""
        writer, rewriter = self._writer, self._rewriter
        yield "aof_enabled", int(self._mode is not _Mode.OFF)
        yield "aof_rewrite_in_progress", int(rewriter.is_running)
        yield "aof_rewrite_scheduled", int(rewriter.is_scheduled)
        yield "aof_last_rewrite_time_sec", rewriter.last_duration_s
        yield "aof_current_rewrite_time_sec", rewriter.current_duration_s
        yield "aof_last_bgrewrite_status", "ok" if rewriter.last_status_ok else "err"
        yield "aof_rewrites", rewriter.count
        yield "aof_rewrites_consecutive_failures", rewriter.failures
        yield "aof_last_write_status", "ok" if writer.error is None else "err"
        yield "aof_last_cow_size", 0
        yield "module_fork_in_progress", 0
        yield "module_fork_last_cow_size", 0
        if self.is_enabled:
            yield "aof_current_size", self._files.size
            yield "aof_base_size", self._files.base_size
            yield "aof_pending_rewrite", int(rewriter.is_scheduled)
            yield "aof_buffer_length", writer.buffered_bytes
            yield "aof_pending_bio_fsync", int(writer.is_syncing)
            yield "aof_delayed_fsync", writer.delayed_syncs

    def reset_statistics(self) -> None:
        """As CONFIG RESETSTAT has it."""
        self._rewriter.count = self._rewriter.failures = self._writer.delayed_syncs = 0

    # Start and end

    def look(self) -> None:
        """See which files there are, also while `appendonly` is no: a rewrite may be asked for at any time.

        Raises StartError, the reason being logged.
        """
        self.directory.load_manifest()

    async def load(self) -> None:
        """Load what the files have, while clients are told to wait; then begin to write.

        Returns early where the server is ended meanwhile. Raises StartError, the reason being logged.
        """
        self.directory.upgrade()
        if await load_files(self._server, self.directory):
            self._files.loaded()
        if not self._server.stopped.is_set():
            self._files.open(
                is_rdb=self._config.flag("aof-use-rdb-preamble"), write_base=self._rewriter.write_at_once
            )
            self._enter(_Mode.ON)
            self._state.set_gate(GATE_LOADING, False)

    def loaded(self) -> None:
        """The server has its data, wherever from: what a rewrite had replaced is not needed."""
        self.directory.remove_history()

    def _finish(self, force: bool) -> bool:
        """The server is to end: have everything on disk. False where it must not, as no file has all data."""
        log = self._log
        if self._rewriter.is_running:
            if self._mode is _Mode.WAITING:
                if not force:
                    log.warning("Writing initial AOF, can't exit.")
                    return False
                log.warning("Writing initial AOF. Exit anyway.")
            log.warning("There is a child rewriting the AOF. Killing it!")
            self._server.background.cancel()
        if self._mode is not _Mode.OFF:
            log.notice("Calling fsync() on the AOF file.")
            self._state.deliver_effects()
            error = self._writer.sync()
            if error is not None:
                log.warning(f"Fail to fsync the AOF file: {reason(error)}.")
            elif not self._writer.buffered_bytes:
                self._withheld.release_all()
        return True

    def release(self) -> None:
        """Let go of the file; part of ending, also where that went wrong."""
        self._writer.close()

    # On and off

    def _switch(self) -> None:
        wanted = self.is_enabled
        if not wanted:
            self.stop()
        elif self._mode is _Mode.OFF and not self._state.gate & GATE_LOADING and not self._turn_on():
            raise ApplyError("Unable to turn on AOF. Check server logs.")

    def _turn_on(self) -> bool:
        """Begin with a rewrite; until it is done, nothing counts."""
        log, background = self._log, self._server.background
        self._enter(_Mode.WAITING)
        if background.kind == "aof":
            log.notice(
                "AOF was enabled but there is already an AOF rewriting in background. Stopping "
                "background AOF and starting a rewrite now."
            )
            # Others may have waited for its end, replicas that need data say: then they come first.
            background.cancel()
        if background.is_active:
            self._rewriter.is_scheduled = True
            log.notice(
                "AOF was enabled but there is already another background operation. An AOF background was "
                "scheduled to start when possible."
            )
        elif self._state.propagation.has_effects:
            self._rewriter.is_scheduled = True
            log.notice(
                "AOF was enabled during a transaction. An AOF background was scheduled to start when "
                "possible."
            )
        elif not self._rewriter.start():
            self._leave()
            log.warning(
                "Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. "
                "Check the above logs for more info about the error."
            )
            return False
        self._writer.forgive()
        self._changed()
        return True

    def _turn_off(self) -> None:
        self._state.deliver_effects()
        error = self._writer.sync()
        if error is not None:
            self._log.warning(f"Fail to fsync the AOF file: {reason(error)}")
        was_waiting = self._mode is _Mode.WAITING
        self._leave()
        self._rewriter.is_scheduled = False
        if self._rewriter.is_running:
            self._log.notice(f"Killing running AOF rewrite child: {os.getpid()}")
            self._server.background.cancel()
        if was_waiting:
            self.directory.remove(self.directory.temporary_increment)
        self._withheld.release_all()

    def _enter(self, mode: _Mode) -> None:
        if self._mode is _Mode.OFF:
            self._stream.forget_selected()
            self._synced_offset = 0
            self._state.propagation.attach(self._take)
        self._mode = mode
        self._apply_policy()

    def _leave(self) -> None:
        self._mode = _Mode.OFF
        self._state.propagation.detach(self._take)
        self._files.close()
        self._state.write_stops.set_append_only_error(None)
        self._apply_policy()

    # Writing

    def _take(self, batch: Batch) -> None:
        """A `Sink`: write what clients have changed."""
        self._stream.write(batch)
        if not self._withheld.is_empty and not self._writer.is_committing:
            # It was withheld as nobody knew yet that there is nothing to wait for.
            self._withheld.release_all()

    def _tick(self, now_ms: int) -> None:
        if self._mode is not _Mode.OFF:
            self._writer.tick()
        if self._state.gate & GATE_LOADING:
            return
        self._rewriter.tick(
            now_ms, is_on=self._mode is _Mode.ON, size=self._files.size, base_size=self._files.base_size
        )

    # Forcing to disk

    def _may_sync(self) -> bool:
        return not (self._server.background.is_active and self._config.flag("no-appendfsync-on-rewrite"))

    def _apply_policy(self) -> None:
        policy = self._config.text("appendfsync")
        withholds = policy == ALWAYS and self._mode is not _Mode.OFF
        if withholds or not self._withheld.is_empty:
            self._state.withholds_output = self._withheld.withholds
        else:
            self._state.withholds_output = None
        self._writer.set_policy(policy)

    def _sync_begins(self) -> None:
        self._offset_of_sync = self._state.replication.offset
        self._withheld.close_group()

    def _synced(self) -> None:
        self._synced_offset = max(self._synced_offset, self._offset_of_sync)
        self._withheld.release_group()

    def _changed(self) -> None:
        """Something was forced to disk, or errors began or ended."""
        writer = self._writer
        error = writer.error
        self._state.write_stops.set_append_only_error(
            None
            if error is None
            else CommandError(f"MISCONF Errors writing to the AOF file: {reason(error)}")
        )
        if not writer.is_committing and not self._state.propagation.batch:
            if writer.synced_position == writer.position:
                self._synced_offset = self._state.replication.offset
            if not self._withheld.is_empty:
                self._withheld.release_all()
                self._apply_policy()
        for callback in self.on_synced:
            callback()

    def _fatal(self) -> None:
        self._withheld.keep_forever()
        self._state.withholds_output = self._withheld.withholds
        self._server.stopping.fail()

    # Rewriting

    def _switch_increment(self) -> bool:
        """A rewrite begins: what changes from now on goes to a new increment."""
        if self._mode is _Mode.OFF:
            return True
        self._stream.forget_selected()
        if not self._writer.flush(force=True):
            self._log.warning("The AOF buffer cannot be written: no rewrite can begin")
            return False
        return self._files.begin_increment(is_temporary=self._mode is _Mode.WAITING)

    def _take_base(self, base: BaseFile) -> bool:
        """A rewrite is done: its base counts."""
        is_first = self._mode is _Mode.WAITING
        if not self._files.take_base(base, is_written=self._mode is not _Mode.OFF, is_temporary=is_first):
            return False
        if is_first:
            self._mode = _Mode.ON
            self._changed()
        return True

    def _rewrite_ended(self) -> None:
        if self._mode is _Mode.WAITING:
            self._files.drop_temporary()
            self._rewriter.is_scheduled = True
            self._withheld.release_all()
