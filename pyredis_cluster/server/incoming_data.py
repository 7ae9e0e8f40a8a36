"""The data set that a primary sends: kept in a file or in memory until it is whole, then loaded.

Where it is kept is what `repl-diskless-load` says. Old data is dropped when all of the new has come, and with
`swapdb` only when all of it is loaded, so that whatever goes wrong before leaves data to serve.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis_cluster.keyspace.keyspace import Keyspace

if TYPE_CHECKING:
    from pyredis_cluster.ports import File
    from pyredis_cluster.replication.transfer import Transfer
    from pyredis_cluster.server.server import Server

_SYNC_EVERY_BYTES: Final = 8 << 20

Done = Callable[[int | None], None]
"""Told which database is selected in the stream that follows the data, or None where it was not loaded."""


class IncomingData:
    """The one data set that a replica may be receiving. `replacing` is called before old data is dropped."""

    def __init__(self, server: Server, replacing: Callable[[], None]) -> None:
        self._server = server
        self._replacing = replacing
        self._pieces: list[bytes] | None = None
        self._file: File | None = None
        self._temporary_name = ""
        self._unsynced_bytes = 0
        self._is_swapping = False
        self._is_loading = False
        self._has_failed = False
        self.lacks_data = False
        """Whether old data is gone and what is to replace it is not all there."""

    def prepare(self) -> bool:
        """Have a place for what will come; False where there is none, the log saying why."""
        server = self._server
        self._has_failed = False
        self._is_swapping = server.config.text("repl-diskless-load") == "swapdb"
        is_empty = not server.state.keyspace.key_count()
        if self._is_swapping or (is_empty and server.config.text("repl-diskless-load") == "on-empty-db"):
            self._pieces = []
            return True
        # Several servers of this process may share a directory.
        now_s = server.state.keyspace.now_ms // 1000
        self._temporary_name = f"temp-{now_s}.{os.getpid()}-{server.state.run_id[:8]}.rdb"
        self._unsynced_bytes = 0
        try:
            self._file = server.disk.create(self._path(self._temporary_name))
        except OSError as error:
            server.log.warning(
                f"Opening the temp file needed for MASTER <-> REPLICA synchronization: {error.strerror}"
            )
            return False
        return True

    def announce(self, transfer: Transfer) -> None:
        """Tell the log what is coming."""
        where = "to disk" if self._pieces is None else "to parser"
        what = f"{transfer.size} bytes from master"
        if transfer.has_mark:
            what = "streamed RDB from master with EOF"
        self._server.log.notice(f"MASTER <-> REPLICA sync: receiving {what} {where}")

    def store(self, data: bytes) -> bool:
        """Keep a part; False where that fails, the log saying why."""
        if self._pieces is not None:
            self._pieces.append(data)
            return True
        assert self._file is not None
        try:
            self._file.write(data)
        except OSError as error:
            self._server.log.warning(
                "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA "
                f"synchronization: {error.strerror}"
            )
            return False
        self._unsynced_bytes += len(data)
        if self._unsynced_bytes >= _SYNC_EVERY_BYTES:
            self._unsynced_bytes = 0
            self._file.sync_soon(_ignore)
        return not self._has_failed

    def discard(self) -> None:
        """The rest will not come, or is not wanted any more: leave nothing of it."""
        self._pieces = None
        if self._file is not None:
            self._file.close()
            self._file = None
            with contextlib.suppress(OSError):
                self._server.disk.remove(self._path(self._temporary_name))
        if self._is_loading:
            self._is_loading = False
            self._server.loading.abort()
            if not self._is_swapping:
                self._flush()

    def load(self, done: Done, *, is_same_history: bool) -> None:
        """All has come: put it in place of the old data.

        `is_same_history` says that it only is a later state of the old data.
        """
        if self._pieces is not None:
            data = b"".join(self._pieces)
            self._pieces = None
            if self._is_swapping:
                self._load_beside(data, done, serves=is_same_history)
            else:
                self._replace(data, done, from_disk=False)
            return
        file = self._file
        assert file is not None

        def synced(error: OSError | None) -> None:
            if self._file is file:
                self._server.work(self._file_complete, (error, done))

        file.sync_soon(synced)

    def _file_complete(self, error: OSError | None, done: Done) -> None:
        """The file is on disk: it becomes the snapshot of this server, and is loaded."""
        server = self._server
        log, disk = server.log, server.disk
        name = server.config.text("dbfilename")
        target = server.config.path("dbfilename")
        what = "Failed trying to sync the temp DB to disk"
        if server.background.is_saving:
            log.notice(
                "Replica is about to load the RDB file received from the master, but there is a pending RDB "
                f"child running. Killing process {os.getpid()} and removing its temp file to avoid any race"
            )
            server.background.cancel()
        try:
            if error is not None:
                raise error
            what = f"Failed trying to rename the temp DB into {name}"
            disk.replace(self._path(self._temporary_name), target)
            assert self._file is not None
            self._file.close()
            self._file = None
            what = f"Failed trying to sync DB directory {name}"
            disk.sync_directory(server.config.text("dir"))
            what = f"Failed trying to read {name}"
            data = disk.read(target)
        except OSError as failure:
            log.warning(f"{what} in MASTER <-> REPLICA synchronization: {failure.strerror}")
            done(None)
            return
        if server.config.flag("rdb-del-sync-files") and not self._is_persistent():
            log.notice(
                "Removing the RDB file obtained from the master. This replica has persistence disabled"
            )
            with contextlib.suppress(OSError):
                disk.remove(target)
        self._replace(data, done, from_disk=True)

    def _replace(self, data: bytes | memoryview, done: Done, *, from_disk: bool) -> None:
        server = self._server
        self._make_way()
        server.log.notice("MASTER <-> REPLICA sync: Flushing old data")
        self.lacks_data = True
        self._flush()
        server.log.notice("MASTER <-> REPLICA sync: Loading DB in memory")
        self._is_loading = True

        def loaded(error: Exception | None) -> None:
            self._is_loading = False
            if error is not None:
                self._flush()
                self._log_failure(from_disk=from_disk)
                done(None)
                return
            self._tell(done)

        server.loading.begin(data, is_replica=True, done=loaded)

    def _load_beside(self, data: bytes, done: Done, *, serves: bool) -> None:
        """Load into databases of their own, and swap when all is there."""
        server = self._server
        keyspace = server.state.keyspace
        server.log.notice("MASTER <-> REPLICA sync: Loading DB in memory")
        fresh = Keyspace(len(keyspace.databases), server.state.random, slotted=keyspace.slotted)
        fresh.limits = keyspace.limits
        fresh.now_ms, fresh.lru_clock = keyspace.now_ms, keyspace.lru_clock
        fresh.is_lfu = keyspace.is_lfu
        self._is_loading = True

        def loaded(error: Exception | None) -> None:
            self._is_loading = False
            if error is not None:
                self._log_failure(from_disk=False)
                server.log.notice("MASTER <-> REPLICA sync: Discarding temporary DB in background")
                done(None)
                return
            self._make_way()
            server.log.notice("MASTER <-> REPLICA sync: Swapping active DB with loaded DB")
            self._swap(fresh)
            server.log.notice("MASTER <-> REPLICA sync: Discarding old DB in background")
            self._tell(done)

        server.loading.begin(data, is_replica=True, done=loaded, into=fresh, serves=serves)

    def _tell(self, done: Done) -> None:
        self.lacks_data = False
        note = self._server.loading.replication_note
        done(note.database if note is not None else 0)

    def _swap(self, fresh: Keyspace) -> None:
        state = self._server.state
        for database, loaded in zip(state.keyspace.databases, fresh.databases, strict=True):
            state.watches.touch_database(database, loaded)
            database.swap_contents(loaded)
        state.keyspace.dirty += 1
        state.local_expiry.forget_all()
        if state.maxmemory:
            state.eviction.count_anew()

    def _make_way(self) -> None:
        """What old data was for ends: its AOF, snapshots of it, and all that resumes from it."""
        server = self._server
        if server.background.is_active:
            server.background.cancel()
        self._replacing()

    def _flush(self) -> None:
        state = self._server.state
        state.local_expiry.forget_all()
        for database in state.keyspace.databases:
            state.watches.touch_database(database)
            database.clear()

    def _is_persistent(self) -> bool:
        config = self._server.config
        return bool(config.save_points) or config.flag("appendonly")

    def _log_failure(self, *, from_disk: bool) -> None:
        where = "DB from disk" if from_disk else "DB from socket"
        self._server.log.warning(
            f"Failed trying to load the MASTER synchronization {where}, check server logs."
        )

    def _path(self, name: str) -> str:
        return self._server.config.in_directory(name)


def _ignore(error: OSError | None) -> None:
    """What is wrong with the disk shows when all of the file is synced."""
