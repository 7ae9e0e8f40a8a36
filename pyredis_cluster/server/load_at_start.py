"""The data that a server starts with, loaded once it listens and before it serves.

Source: loadDataFromDisk and verifyClusterConfigWithData of Redis 7.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution.gate import GATE_LOADING
from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.loading import Done, is_whole_message

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


async def load_snapshot(server: Server, *, is_replica: bool) -> None:
    """Load `dbfilename`, if it is there, while clients are told to wait.

    Returns early where the server is ended meanwhile. Raises StartError for a file that cannot be read to its
    end, the log saying why: nobody is to serve a part of the data for the whole.
    """
    config, log, state = server.config, server.log, server.state
    started_ns = state.monotonic_ns()
    try:
        data = server.disk.read(config.path("dbfilename"))
    except FileNotFoundError:
        return
    except OSError as error:
        server.persistence.log_unreadable(error)
        log.warning("Fatal error loading the DB, check server logs. Exiting.")
        raise StartError from None

    def expired(database: int, key: bytes) -> None:
        if state.keyspace.propagate is not None:
            state.keyspace.propagate(database, [b"DEL", key])

    def begin(done: Done) -> None:
        server.loading.begin(data, is_replica=is_replica, done=done, on_expired=expired)

    try:
        if not await loaded(server, begin):
            return
    except Exception as failure:
        _explain(server, failure)
        raise StartError from None
    state.settle_alone()
    log.notice(f"DB loaded from disk: {(state.monotonic_ns() - started_ns) / 1e9:.3f} seconds")
    if server.loading.replication_note is not None and server.persistence.on_history is not None:
        server.persistence.on_history(server.loading.replication_note)
    state.set_gate(GATE_LOADING, False)


async def loaded(server: Server, begin: Callable[[Done], None]) -> bool:
    """Whether all was loaded that `begin` begins to load: False where the server was ended meanwhile.

    Raises what loading failed with. Either way clients are told to wait as before: it is for the caller to
    take `GATE_LOADING` away when nothing is left to do, so that nobody is served a part of the data, or
    writes before there is a file to write to.
    """
    finished: asyncio.Future[Exception | None] = server.loop.create_future()

    def done(error: Exception | None) -> None:
        server.state.set_gate(GATE_LOADING, True)
        finished.set_result(error)

    begin(done)
    stopped = asyncio.ensure_future(server.stopped.wait())
    await asyncio.wait((finished, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not finished.done():
        return False
    error = finished.result()
    if error is not None:
        raise error
    return True


def _explain(server: Server, error: Exception) -> None:
    if is_whole_message(error):
        server.log.warning("Fatal error loading the DB, check server logs. Exiting.")
    else:
        server.log.warning("Terminating server after rdb file reading failure.")


def check_databases(server: Server) -> None:
    """A cluster node has keys in its first database only. Raises StartError, the reason logged."""
    if any(len(database.values) for database in server.state.keyspace.databases[1:]):
        server.log.warning("You can't have keys in a DB different than DB 0 when in Cluster mode. Exiting.")
        raise StartError
