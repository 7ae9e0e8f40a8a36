"""The snapshot file of one server: when it is written, how that went, and what writes are refused for it.

Source: rdbSave, rdbSaveBackground, backgroundSaveDoneHandler and serverCron of Redis 7.2.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution.memory_report import used_bytes
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.form import Access, RdbOptions, RdbSnapshot, rdb_at_once
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.server.background import Done, JobKilledError
from pyredis_cluster.server.rdb_file import RdbFile

if TYPE_CHECKING:
    from pyredis_cluster.persistence.loading import ReplicationNote
    from pyredis_cluster.server.server import Server

_RETRY_DELAY_S: Final = 5
"""So long nobody but a client may try again after a failure."""

_MISCONFIGURED: Final = CommandError(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    "Commands that may modify the data set are disabled, because this instance is configured to report "
    "errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the "
    "Redis logs for details about the RDB error."
)
_LOADING = CommandError("LOADING Redis is loading the dataset in memory")
_FAILED = CommandError("ERR")
_NOT_LOADED = CommandError("ERR Error trying to load the RDB dump, check server logs.")


class RdbPersistence:
    """What `pyredis_cluster.execution.persistence.Persistence` describes to commands."""

    def __init__(self, server: Server) -> None:
        self._server = server
        state = server.state
        self.last_save_s = state.keyspace.now_ms // 1000
        self.last_save_ok = True
        self.stream_database: Callable[[], int | None] = _no_stream
        """Tells which database is selected at the end of the replication stream that the data belongs to.

        None: there is no such stream, and files say nothing of replication ids.
        """
        self._saved_dirty = state.keyspace.dirty
        self.on_history: Callable[[ReplicationNote], None] | None = None
        """Told of the history that the data of the start belongs to, if its file notes one."""
        self._last_try_s = 0
        self._files_made = 0
        self._is_scheduled = False
        state.persistence = self
        server.cron.every(0, self._save_if_due)
        for name in ("save", "stop-writes-on-bgsave-error"):
            server.config.on_change(name, self._judge_writes)

    # What commands ask

    @property
    def is_saving(self) -> bool:
        """See `Persistence`."""
        return self._server.background.is_saving

    @property
    def is_busy(self) -> bool:
        """See `Persistence`."""
        return self._server.background.is_active

    @property
    def changes_since_save(self) -> int:
        """How many changes there were since all data was on disk last."""
        return self._server.state.keyspace.dirty - self._saved_dirty

    def save(self) -> bool:
        """See `Persistence`."""
        server = self._server
        server.state.deliver_effects()
        file = self._new_file(waits=True)
        try:
            for piece in rdb_at_once(server.state.keyspace, self.options()):
                file.write(piece)
            file.commit()
        except OSError:
            return False
        finally:
            file.discard()
        server.log.notice("DB saved on disk")
        self._saved_dirty = server.state.keyspace.dirty
        self._succeeded()
        return True

    def save_in_background(self, ended: Done | None = None) -> None:
        """See `Persistence`. `ended` is told how it went, after the log was."""
        server = self._server
        state = server.state
        state.deliver_effects()
        dirty = state.keyspace.dirty
        state.statistics.rdb_saves += 1
        self._last_try_s = self._now_s()
        file = self._new_file(waits=False)
        server.log.notice(f"Background saving started by pid {os.getpid()}")

        def done(error: Exception | None) -> None:
            file.discard()
            self._background_save_ended(error, dirty)
            if ended is not None:
                ended(error)

        def finish(settle: Done) -> None:
            def committed(error: OSError | None) -> None:
                # As a piece of work of the server, which a frozen one does later.
                server.call_later(0, settle, error)

            file.commit_soon(committed)

        snapshot = RdbSnapshot(state.keyspace, self.options())
        server.background.start("rdb", snapshot, file.write, done, finish=finish, discard=file.discard)

    def schedule_save(self) -> None:
        """See `Persistence`."""
        self._is_scheduled = True

    def all_flushed(self) -> None:
        """See `Persistence`."""
        server = self._server
        if server.loading.is_active:
            return
        if self.is_saving:
            server.background.cancel()
        if server.config.save_points:
            self.save()

    def reload(self, *, save: bool, flush: bool, replaces: bool) -> None:
        """See `Persistence`."""
        server = self._server
        state = server.state
        if server.loading.is_active:  # only a part of the data is there to be saved
            raise _LOADING
        if save and not self.save():
            raise _FAILED
        if flush:
            for database in state.keyspace.databases:
                state.watches.touch_database(database)
                database.clear()
        try:
            data = server.disk.read(server.config.path("dbfilename"))
            server.loading.load_now(data, is_replica=not state.keyspace.expires_on_access, replaces=replaces)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self.log_unreadable(error)
            raise _NOT_LOADED from None
        except RdbError:
            raise _NOT_LOADED from None
        server.log.notice("DB reloaded by DEBUG RELOAD")

    # What the shell asks

    def options(self, *, aof_base: bool = False) -> RdbOptions:
        """What RDB data of this server has beside the keys, now; `aof_base`: it is going to begin an AOF."""
        state, config = self._server.state, self._server.config
        policy = config.text("maxmemory-policy")
        access: Access = (
            "idle" if policy.endswith("lru") else "frequency" if policy.endswith("lfu") else "none"
        )
        return RdbOptions(
            compress=config.flag("rdbcompression"),
            checksum=config.flag("rdbchecksum"),
            notes=self._notes(aof_base),
            functions=state.function_libraries,
            access=access,
        )

    def _notes(self, aof_base: bool) -> Sequence[tuple[bytes, bytes]]:
        state = self._server.state
        notes = [
            (b"redis-ver", self._server.config.release.encode()),
            (b"redis-bits", b"64"),
            (b"ctime", b"%d" % self._now_s()),
            (b"used-mem", b"%d" % used_bytes(state)),
        ]
        database = None if aof_base else self.stream_database()
        if database is not None:
            notes += [
                (b"repl-stream-db", b"%d" % database),
                (b"repl-id", state.replication.replid.encode()),
                (b"repl-offset", b"%d" % state.replication.offset),
            ]
        name = b"aof-base" if self._server.config.version >= (7, 0) else b"aof-preamble"
        return [*notes, (name, b"%d" % aof_base)]

    def information(self) -> dict[str, str]:
        """What INFO shows, by field."""
        jobs, loading = self._server.background, self._server.loading
        since_ms = jobs.started_ms if jobs.is_saving else None
        current_s = -1 if since_ms is None else self._now_s() - since_ms // 1000
        done, total = jobs.keys_done, jobs.keys_total
        return {
            "current_fork_perc": f"{100 * done / total if total else 0.0:.2f}",
            "current_save_keys_processed": str(done),
            "current_save_keys_total": str(total),
            "rdb_changes_since_last_save": str(self.changes_since_save),
            "rdb_bgsave_in_progress": str(int(jobs.is_saving)),
            "rdb_last_save_time": str(self.last_save_s),
            "rdb_last_bgsave_status": "ok" if self.last_save_ok else "err",
            "rdb_last_bgsave_time_sec": str(jobs.last_rdb_duration_s),
            "rdb_current_bgsave_time_sec": str(current_s),
            "rdb_saves": str(self._server.state.statistics.rdb_saves),
            "rdb_last_load_keys_expired": str(loading.keys_expired),
            "rdb_last_load_keys_loaded": str(loading.keys_loaded),
            **loading.fields(),
        }

    # How it goes

    def _now_s(self) -> int:
        return self._server.state.unix_ns() // 1_000_000_000

    def _new_file(self, *, waits: bool) -> RdbFile:
        server = self._server
        config = server.config
        # Several servers of this process may share a directory, and one be saving twice at a time.
        self._files_made += 1
        temporary_name = f"temp-{os.getpid()}-{server.state.run_id[:8]}-{self._files_made}.rdb"
        return RdbFile(
            server.disk,
            server.log,
            config.text("dir"),
            config.text("dbfilename"),
            temporary_name,
            syncs_early=config.flag("rdb-save-incremental-fsync"),
            waits=waits,
        )

    def _background_save_ended(self, error: Exception | None, dirty: int) -> None:
        log = self._server.log
        if error is None:
            log.notice("DB saved on disk")
            log.notice("Background saving terminated with success")
            self._saved_dirty = max(dirty, self._saved_dirty)
            self._succeeded()
        elif isinstance(error, JobKilledError):
            log.warning(f"Background saving terminated by signal {error.signal}")
        else:
            log.warning("Background saving error")
            self.last_save_ok = False
            self._judge_writes()

    def _succeeded(self) -> None:
        self.last_save_s = self._now_s()
        self.last_save_ok = True
        self._judge_writes()

    def _judge_writes(self) -> None:
        config = self._server.config
        stops = (
            not self.last_save_ok and config.flag("stop-writes-on-bgsave-error") and bool(config.save_points)
        )
        self._server.state.write_stops.set_snapshot_error(_MISCONFIGURED if stops else None)

    def _save_if_due(self, now_ms: int) -> None:
        server = self._server
        if server.background.is_active or server.loading.is_active:
            return
        now_s = now_ms // 1000
        may_try = self.last_save_ok or now_s - self._last_try_s > _RETRY_DELAY_S
        if not may_try:
            return
        for point in server.config.save_points:
            if self.changes_since_save >= point.changes and now_s - self.last_save_s > point.seconds:
                server.log.notice(f"{point.changes} changes in {point.seconds} seconds. Saving...")
                self.save_in_background()
                return
        if self._is_scheduled:
            self._is_scheduled = False
            self.save_in_background()

    def log_unreadable(self, error: OSError) -> None:
        """Say that the file cannot be opened."""
        name = self._server.config.text("dbfilename")
        self._server.log.warning(f"Fatal error: can't open the RDB file {name} for reading: {error.strerror}")


def _no_stream() -> int | None:
    return None
