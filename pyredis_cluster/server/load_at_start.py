"""The data that a server starts with, loaded once it listens and before it serves.

Source: loadDataFromDisk and verifyClusterConfigWithData of Redis 7.2.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyredis_cluster.server.errors import StartError
from pyredis_cluster.server.loading import is_whole_message

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

    finished: asyncio.Future[Exception | None] = server.loop.create_future()
    server.loading.begin(data, is_replica=is_replica, done=finished.set_result, on_expired=expired)
    stopped = asyncio.ensure_future(server.stopped.wait())
    await asyncio.wait((finished, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not finished.done():
        return
    failure = finished.result()
    if failure is not None:
        _explain(server, failure)
        raise StartError
    state.settle_alone()
    log.notice(f"DB loaded from disk: {(state.monotonic_ns() - started_ns) / 1e9:.3f} seconds")
    if server.loading.replication_note is not None and server.persistence.on_history is not None:
        server.persistence.on_history(server.loading.replication_note)


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
