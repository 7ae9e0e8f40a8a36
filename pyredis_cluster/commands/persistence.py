"""Saving all data: SAVE, BGSAVE, LASTSAVE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.commands.server import server
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    ADMIN,
    FAST,
    LOADING,
    NO_ASYNC_LOADING,
    NO_MULTI,
    NOSCRIPT,
    STALE,
    Category,
)
from pyredis_cluster.protocol.errors import SYNTAX_ERROR, CommandError
from pyredis_cluster.protocol.reply import OK, Reply, Status

if TYPE_CHECKING:
    from pyredis_cluster.execution.persistence import Persistence

_SAVING_ALREADY = CommandError("ERR Background save already in progress")
_BUSY = CommandError(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to "
    "schedule a BGSAVE whenever possible."
)
_FAILED = CommandError("ERR")
_NO_FILES = CommandError("ERR This server keeps no files")


def persistence_of(call: Call) -> Persistence:
    """The snapshot file of this server. Raises CommandError where it was given none."""
    persistence = call.server.persistence
    if persistence is None:
        raise _NO_FILES
    return persistence


@server.command(
    "SAVE",
    arity=1,
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    complexity="O(N) where N is the total number of keys in all databases",
    summary="Saves all data to disk before it answers.",
)
def save(call: Call, argv: list[bytes]) -> Reply:
    """SAVE

    `OK`. Raises an error where the file cannot be written, and during a background save.
    """
    persistence = persistence_of(call)
    if persistence.is_saving:
        raise _SAVING_ALREADY
    # Only what was asked for is counted, not what FLUSHALL, DEBUG RELOAD or the end of the server save.
    call.server.statistics.rdb_saves += 1
    if not persistence.save():
        raise _FAILED
    return OK


server.before("7.0.0", "SAVE", drops=NO_MULTI)


@server.command(
    "BGSAVE",
    arity=-1,
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    complexity="O(1)",
    syntax="[SCHEDULE@3.2.2]",
    summary="Saves all data to disk while clients are served.",
    history=(("3.2.2", "Added the `SCHEDULE` option."),),
)
def bgsave(call: Call, argv: list[bytes]) -> Reply:
    """BGSAVE [SCHEDULE]

    A status that says whether it was begun or scheduled: inside EXEC, or where it has to wait for something
    else and SCHEDULE is given. Raises an error during a background save, or where it would have to wait.
    """
    is_scheduled = len(argv) == 2 and argv[1].lower() == b"schedule"
    if len(argv) > 1 and not is_scheduled:
        raise SYNTAX_ERROR
    persistence = persistence_of(call)
    if persistence.is_saving:
        raise _SAVING_ALREADY
    is_in_exec = call.session.transaction is not None
    if not persistence.is_busy and not is_in_exec:
        persistence.save_in_background()
        return Status(b"Background saving started")
    if not is_scheduled and not is_in_exec:
        raise _BUSY
    persistence.schedule_save()
    return Status(b"Background saving scheduled")


@server.command(
    "LASTSAVE",
    arity=1,
    flags=LOADING | STALE | FAST,
    categories=Category.ADMIN | Category.DANGEROUS,
    complexity="O(1)",
    summary="Answers when all data was saved last.",
    tips=("nondeterministic_output",),
)
def lastsave(call: Call, argv: list[bytes]) -> Reply:
    """LASTSAVE

    Unix time in seconds; when the server started if nothing was saved since.
    """
    return persistence_of(call).last_save_s
