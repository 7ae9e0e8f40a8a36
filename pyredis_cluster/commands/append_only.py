"""The append-only file: BGREWRITEAOF."""

from __future__ import annotations

from pyredis_cluster.commands.server import server
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, NO_ASYNC_LOADING, NOSCRIPT
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

_NO_FILES = CommandError("ERR This server keeps no files")


@server.command(
    "BGREWRITEAOF",
    arity=1,
    flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    since="1.0.0",
    complexity="O(1)",
    summary="Writes the append-only file anew, as short as can be, while clients are served.",
)
def bgrewriteaof(call: Call, argv: list[bytes]) -> Reply:
    """BGREWRITEAOF

    A status that says whether it was begun or scheduled: inside EXEC, or where something else has to end first.
    Raises an error during a rewrite, and where none can begin.
    """
    append_only = call.server.append_only
    if append_only is None:
        raise _NO_FILES
    return append_only.rewrite(in_transaction=call.session.transaction is not None)
