"""What the files of an AOF have, loaded in slices.

A file that ends too early is cut there if it is the last and `aof-load-truncated` allows it. Unlike Redis
7.2, no other file is cut: the next start would take what is left of the data for all of it.

Source: loadAppendOnlyFiles, loadSingleAppendOnlyFile of Redis 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution.host import NoConnection
from pyredis_cluster.execution.obedient import ObedientSession
from pyredis_cluster.persistence.aof.stream import AofFormatError, CommandReader, Request
from pyredis_cluster.persistence.loading import KeyspaceSink
from pyredis_cluster.persistence.rdb.errors import RdbError
from pyredis_cluster.persistence.rdb.reader import RdbReader
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.server.aof_directory import AofDirectory, reason
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.load_at_start import loaded

if TYPE_CHECKING:
    from pyredis_cluster.persistence.aof.manifest import AofFile
    from pyredis_cluster.server.loading import Done
    from pyredis_cluster.server.server import Server

_SESSION_ID: Final = 2**64 - 1
_RDB_MAGICS: Final = (b"REDIS", b"VALKEY")
_ERROR_TEXT_CHARACTERS: Final = 4096


async def load_files(server: Server, directory: AofDirectory) -> bool:
    """Load what the manifest names; whether there is a dataset. Clients are told to wait, also at its end.

    Returns early where the server is ended meanwhile. Raises StartError, the reason being logged.
    """
    state = server.state
    started_ns = state.monotonic_ns()
    if directory.manifest.is_empty:
        return False
    total = directory.size_to_load()
    if total:

        def begin(done: Done) -> None:
            server.loading.begin_from(AofSource(server, directory), total, done)

        try:
            if not await loaded(server, begin):
                return False
        except Exception:
            raise StartError from None
        for entry in state.table.entries.values():
            entry.reset_statistics()
    server.log.notice(
        f"DB loaded from append only file: {(state.monotonic_ns() - started_ns) / 1e9:.3f} seconds"
    )
    return True


class AofSource:
    """A `Source` for `Loading`: all files of an AOF, one after the other.

    Raises StartError where one cannot be loaded, the log saying why. `keys_loaded` counts keys of snapshots.
    """

    def __init__(self, server: Server, directory: AofDirectory) -> None:
        self._server = server
        self._directory = directory
        self._now_ns = server.state.monotonic_ns
        self._files = directory.manifest.to_load()
        self._at = 0
        self._before = 0
        """Bytes of the files that are done."""
        self._current: _FileLoading | None = None
        self._started_ns = 0

    @property
    def position(self) -> int:
        """See `Source`."""
        return self._before + (self._current.position if self._current is not None else 0)

    def advance(self, budget: int) -> bool:
        """See `Source`."""
        current = self._current
        if current is None:
            if self._at == len(self._files):
                return True
            self._started_ns = self._now_ns()
            self._current = _FileLoading(
                self._server,
                self._directory,
                self._files[self._at],
                is_last=self._at == len(self._files) - 1,
            )
            return False
        if current.advance(budget):
            self._finish(current)
        return self._at == len(self._files)

    def _finish(self, current: _FileLoading) -> None:
        file = self._files[self._at]
        if current.size:
            kind = "base" if file.kind == "b" else "incr"
            elapsed_s = (self._now_ns() - self._started_ns) / 1e9
            self._server.log.notice(f"DB loaded from {kind} file {file.name}: {elapsed_s:.3f} seconds")
        self._before += current.size
        self._current = None
        self._at += 1


class _FileLoading:
    """One file: RDB data, commands, or the one and then the other."""

    def __init__(self, server: Server, directory: AofDirectory, file: AofFile, *, is_last: bool) -> None:
        """Raises StartError."""
        self._server = server
        self._log = server.log
        self._directory = directory
        self._name = file.name
        self._is_last = is_last
        self._is_old_style = file.name == directory.file_name
        self._failure: str | None = None
        self._snapshot: RdbReader | None = None
        self._commands: CommandReader | None = None
        try:
            self._data = server.disk.read(directory.path(file.name))
        except FileNotFoundError as error:
            self._log.warning(f"The append log file {file.name} doesn't exist: {reason(error)}")
            raise StartError from None
        except OSError as error:
            self._log.warning(
                f"Fatal error: can't open the append log file {file.name} for reading: {reason(error)}"
            )
            raise StartError from None
        self.size = len(self._data)
        # A session of its own for each file: a database and a transaction end with it.
        self._session = ObedientSession(server.state, NoConnection(), _SESSION_ID, self._note_error)
        if bytes(self._data[:6]).startswith(_RDB_MAGICS):
            self._begin_snapshot()
        else:
            self._commands = CommandReader(self._data)

    @property
    def position(self) -> int:
        """How far it has come."""
        reader = self._commands or self._snapshot
        return reader.position if reader is not None else 0

    def advance(self, budget: int) -> bool:
        """Load some more; whether that was the end. Raises StartError."""
        if self._snapshot is not None:
            return self._advance_snapshot(self._snapshot, budget)
        reader = self._commands
        assert reader is not None
        try:
            requests = reader.read(budget)
        except AofFormatError:
            self._refuse_format()
        if requests:
            self._run(requests)
            return False
        if reader.is_cut:
            self._cut(reader)
        return True

    def _begin_snapshot(self) -> None:
        server = self._server
        if self._is_old_style:
            self._log.notice("Reading RDB preamble from AOF file...")
        else:
            self._log.notice("Reading RDB base file on AOF loading...")
        keyspace = server.state.keyspace
        # Expired keys stay: the commands behind them say what became of them.
        self._sink = KeyspaceSink(keyspace, drops_expired=False, log=self._log.notice)
        self._snapshot = RdbReader(
            self._data, self._sink, keyspace.limits, check_crc=server.config.flag("rdbchecksum")
        )

    def _advance_snapshot(self, reader: RdbReader, budget: int) -> bool:
        try:
            if not reader.advance(budget):
                return False
        except RdbError as error:
            if error.line is not None:
                self._log.warning(error.line)
            self._log.warning(f"Internal error in RDB reading offset {error.offset} -> {error.message}")
            what = "RDB preamble of the AOF" if self._is_old_style else "RDB base"
            self._log.warning(f"Error reading the {what} file {self._name}, AOF loading aborted")
            raise StartError from None
        sink, loading = self._sink, self._server.loading
        skipped = f", empty keys skipped: {len(reader.empty_keys)}" if reader.empty_keys else ""
        self._log.notice(
            f"Done loading RDB, keys loaded: {sink.keys_loaded}, keys expired: {sink.keys_expired}{skipped}."
        )
        loading.keys_loaded, loading.keys_expired = sink.keys_loaded, sink.keys_expired
        self._server.state.function_libraries = sink.function_codes
        if self._is_old_style:
            self._log.notice("Reading the remaining AOF tail...")
        self._snapshot = None
        self._commands = CommandReader(self._data, reader.position)
        return False

    def _run(self, requests: list[Request]) -> None:
        if b"FUNCTION" in [request[0].upper() for request in requests if len(request[0]) == 8]:
            requests = [request for request in requests if not self._is_library(request)]
        # What is in the file already is no change that anybody has to be told of.
        propagation = self._server.state.propagation
        sinks = list(propagation.sinks)
        for sink in sinks:
            propagation.detach(sink)
        try:
            self._session.apply(requests)
        finally:
            for sink in sinks:
                propagation.attach(sink)
        if self._failure is not None:
            self._log.warning(self._failure)
            raise StartError

    def _is_library(self, request: Request) -> bool:
        """FUNCTION LOAD: libraries are kept, not run."""
        if len(request) < 3 or [word.upper() for word in request[:2]] != [b"FUNCTION", b"LOAD"]:
            return False
        self._server.state.function_libraries.append(request[-1])
        return True

    def _note_error(self, request: Request, error: CommandError) -> None:
        entry = self._server.state.table.find(request)
        name = request[0].decode("utf-8", "surrogateescape")
        if entry is None or entry.subcommands:
            if self._failure is None:
                self._failure = f"Unknown command '{name}' reading the append only file {self._name}"
            return
        arity, count = entry.arity, len(request)
        if (arity > 0 and count != arity) or count < -arity:
            self._failure = self._failure or self._bad_format()
            return
        text = error.message.decode("utf-8", "surrogateescape")[:_ERROR_TEXT_CHARACTERS]
        self._log.warning(
            f"== CRITICAL == This server is sending an error to its AOF-loading-client: '-{text}' after "
            f"processing the command '{entry.command.name}'"
        )
        self._server.state.statistics.unexpected_error_replies += 1

    def _bad_format(self) -> str:
        return (
            f"Bad file format reading the append only file {self._name}: make a backup of your AOF file, "
            "then use ./redis-check-aof --fix <filename.manifest>"
        )

    def _refuse_format(self) -> None:
        self._log.warning(self._bad_format())
        raise StartError

    def _cut(self, reader: CommandReader) -> None:
        """The file ends too early: go on without its end if that is allowed. Raises StartError."""
        log, name, size = self._log, self._name, reader.valid_up_to
        if reader.in_transaction:
            log.warning(f"Revert incomplete MULTI/EXEC transaction in AOF file {name}")
        if self._server.config.flag("aof-load-truncated"):
            log.warning(f"!!! Warning: short read while loading the AOF file {name}!!!")
            if not self._is_last:
                log.warning("Fatal error: the truncated file is not the last file")
                raise StartError
            log.warning(f"!!! Truncating the AOF {name} at offset {size} !!!")
            try:
                self._server.disk.truncate(self._directory.path(name), size)
            except OSError as error:
                log.warning(f"Error truncating the AOF file {name}: {reason(error)}")
            else:
                log.warning(f"AOF {name} loaded anyway because aof-load-truncated is enabled")
                self.size = size
                return
        log.warning(
            f"Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your "
            "AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set "
            "the 'aof-load-truncated' configuration option to yes and restart the server."
        )
        raise StartError
