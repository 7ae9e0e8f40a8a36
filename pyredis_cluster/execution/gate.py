"""The gate: every reason to refuse, delay or redirect a request, in Redis's order.

`Session.execute` comes here when something about the session, the server or the request is unusual; the GATE_
bits say what, so that a request which none of them concerns never does.

Source: processCommand of Redis 7.2, whose order of checks decides which error a client sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution.command import (
    DENYOOM,
    LOADING,
    NO_AUTH,
    NO_MULTI,
    PROTECTED,
    SKIP_MONITOR,
    STALE,
    WRITE,
    CommandFlag,
)
from pyredis_cluster.execution.table import KEYLESS, Entry
from pyredis_cluster.protocol.errors import (
    CROSS_SLOT,
    OUT_OF_MEMORY,
    CommandError,
    unknown_command,
    unknown_subcommand,
    wrong_arity,
)
from pyredis_cluster.protocol.errors import (
    NO_AUTH as NO_AUTH_ERROR,
)
from pyredis_cluster.protocol.reply import NO_REPLY, QUEUED, Reply
from pyredis_cluster.protocol.slots import key_slot

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session

GATE_UNAUTHENTICATED = 1 << 0
GATE_MULTI = 1 << 1
GATE_SUBSCRIBED = 1 << 2
"""A RESP2 client in a subscription may only run a few commands."""
GATE_REPLY = 1 << 3
"""CLIENT REPLY OFF or SKIP, or other output that is not simply appended."""
GATE_MONITOR = 1 << 4
"""Some client monitors this server."""
GATE_MAXMEMORY = 1 << 5
GATE_PAUSED = 1 << 6
GATE_LOADING = 1 << 7
GATE_SLOWLOG_ALL = 1 << 8
"""The slow log's threshold is so low that each command must be timed by itself."""
GATE_NO_TOUCH = 1 << 9
GATE_STOP_WRITES = 1 << 10
"""Writes are refused: a snapshot failed, replicas are missing, or the server is a read-only replica."""
GATE_ASKING = 1 << 11
GATE_READONLY = 1 << 12
"""The client said READONLY: reads of slots that its replica follows are served."""
GATE_BLOCKED = 1 << 20
GATE_FROZEN = 1 << 21
GATE_CLOSING = 1 << 22
GATE_POSTPONED = 1 << 23
"""This client's next request waits for the end of CLIENT PAUSE."""

GATE_HOLD = GATE_BLOCKED | GATE_FROZEN | GATE_CLOSING | GATE_POSTPONED
"""The session runs nothing: requests wait in `pending`."""

_ALLOWED_IN_MULTI = frozenset({"exec", "discard", "multi", "watch", "quit", "reset"})
_ALLOWED_SUBSCRIBED = frozenset(
    {
        "subscribe",
        "unsubscribe",
        "psubscribe",
        "punsubscribe",
        "ssubscribe",
        "sunsubscribe",
        "ping",
        "quit",
        "reset",
    }
)
_LOADING_ERROR = CommandError("LOADING Redis is loading the dataset in memory")


def process(session: Session, argv: list[bytes]) -> Reply:
    """Run one request through all checks; returns its reply (NO_REPLY while it waits)."""
    server = session.server
    if session.skip_replies:
        session.skip_replies -= 1
    entry = server.table.find(argv)
    refusal = _resolve(entry, argv)
    if refusal is not None:
        _reject(session, entry, refusal)
        return refusal
    assert entry is not None
    refusal = _refuse(session, entry, argv)
    if refusal is not None:
        _reject(session, entry, refusal)
        return refusal
    name = entry.command.name
    if session.transaction is not None and name not in _ALLOWED_IN_MULTI:
        session.transaction.queue(entry, argv)
        return QUEUED
    if server.pauses.holds(session, entry):
        session.set_gate(GATE_POSTPONED, True)
        session.pending.appendleft(argv)
        return NO_REPLY
    if server.monitors and not entry.command.flags & (SKIP_MONITOR | CommandFlag.ADMIN):
        server.feed_monitors(session, argv)
    return call(session, entry, argv)


def call(session: Session, entry: Entry, argv: list[bytes]) -> Reply:
    """Run the handler with statistics, propagation and what follows a command, but without any check."""
    server = session.server
    started_ns = server.clock.monotonic_ns()
    error = None
    try:
        reply = entry.handler(session.call, argv)
    except CommandError as raised:
        reply = raised
    if type(reply) is CommandError:
        error = reply
        server.count_error(entry, error)
    server.account(session, entry, argv, server.clock.monotonic_ns() - started_ns)
    if server.keyspace.unsettled:
        server.settle(session.call.db.index, argv)
    return reply


def _resolve(entry: Entry | None, argv: list[bytes]) -> CommandError | None:
    """The refusal of a request that names no command, or has a wrong number of arguments."""
    if entry is None:
        return unknown_command(argv)
    count = len(argv)
    if entry.subcommands and count > 1:
        return unknown_subcommand(entry.command.name, argv[1])
    if (entry.arity > 0 and count != entry.arity) or count < -entry.arity:
        return wrong_arity(entry.command.name)
    return None


def _refuse(session: Session, entry: Entry, argv: list[bytes]) -> CommandError | None:
    server = session.server
    command = entry.command
    flags = command.flags
    in_multi = session.transaction is not None
    if PROTECTED in flags and (protected := server.protected_refusal(session, command)) is not None:
        return protected
    if session.gate & GATE_UNAUTHENTICATED and NO_AUTH not in flags:
        return NO_AUTH_ERROR
    if in_multi and NO_MULTI in flags:
        return CommandError("ERR Command not allowed inside a transaction")
    if server.cluster is not None and (entry.key_mode != KEYLESS or command.name == "exec"):
        redirected = redirection(session, entry, argv)
        if redirected is not None:
            if command.name == "exec" and session.transaction is not None:
                session.transaction.discard()
            return redirected
    if server.maxmemory and not server.evict_to_limit(session):
        denied = DENYOOM in flags
        if command.name == "exec" and session.transaction is not None:
            denied = session.transaction.has_flag(DENYOOM)
        if denied:
            return OUT_OF_MEMORY
    if session.gate & GATE_STOP_WRITES and (WRITE in flags or command.name == "ping"):
        stopped = server.write_refusal(session, command)
        if stopped is not None:
            return stopped
    if session.gate & GATE_SUBSCRIBED and session.resp == 2 and command.name not in _ALLOWED_SUBSCRIBED:
        return CommandError(
            f"ERR Can't execute '{command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
            "are allowed in this context"
        )
    if server.gate & GATE_LOADING and not flags & (LOADING | (STALE & LOADING)):
        return _LOADING_ERROR
    return None


def redirection(session: Session, entry: Entry, argv: list[bytes]) -> CommandError | None:
    """MOVED, ASK, CROSSSLOT, CLUSTERDOWN or TRYAGAIN where this node may not run the request, else None."""
    server = session.server
    if entry.command.name == "exec":
        if session.transaction is None:
            return None
        requests = session.transaction.requests
    else:
        requests = [(entry, argv)]
    slot = -1
    writes = False
    keys: list[bytes] = []
    for each, arguments in requests:
        for position in key_positions(each, arguments):
            key = arguments[position]
            keys.append(key)
            if slot < 0:
                slot = key_slot(key)
            elif slot != key_slot(key):
                return CROSS_SLOT
        writes = writes or WRITE in each.command.flags
    if slot < 0 or server.served_slots is None or server.served_slots[slot]:
        return None
    assert server.cluster is not None
    return server.cluster.redirection(session, slot, keys, writes)


def key_positions(entry: Entry, argv: list[bytes]) -> list[int]:
    """Indices of the keys in a request whose arity fits; those that cannot be found are left out."""
    command = entry.command
    if command.get_keys is not None:
        return command.get_keys(argv)
    positions: list[int] = []
    for spec in command.keys:
        positions.extend(spec.positions(argv) or ())
    return positions


def _reject(session: Session, entry: Entry | None, error: CommandError) -> None:
    """Count a refusal; inside MULTI it dooms the transaction, unless EXEC itself was refused."""
    server = session.server
    server.count_rejection(entry, error)
    transaction = session.transaction
    if transaction is None:
        return
    if entry is not None and entry.command.name == "exec":
        transaction.discard()
        server.exec_aborted(error)
    else:
        transaction.is_doomed = True
