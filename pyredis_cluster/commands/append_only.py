"""The append-only file: BGREWRITEAOF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.commands.server import server
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import ADMIN, NO_ASYNC_LOADING, NOSCRIPT
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import Reply

if TYPE_CHECKING:
    from pyredis_cluster.execution.append_only import AppendOnly

_NO_FILES = CommandError("ERR This server keeps no files")


def append_only_of(call: Call) -> AppendOnly:
    """The append-only file of this server. Raises CommandError where it keeps no files."""
    append_only = call.server.append_only
    if append_only is None:
        raise _NO_FILES
    return append_only


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

    A status that says whether it was begun, or scheduled as it is inside EXEC or something else goes on.
    Raises an error during a rewrite, and where none can begin.
    """
    return append_only_of(call).rewrite(in_transaction=call.session.transaction is not None)
