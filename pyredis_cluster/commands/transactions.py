"""MULTI and what belongs to it."""

from __future__ import annotations

from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.command import (
    ALLOW_BUSY,
    FAST,
    LOADING,
    NOSCRIPT,
    SKIP_SLOWLOG,
    STALE,
    Category,
    Group,
)
from pyredis_cluster.execution.keyspec import RO, KeyRange
from pyredis_cluster.execution.transaction import Execution, Transaction
from pyredis_cluster.protocol.errors import EXEC_ABORT, CommandError
from pyredis_cluster.protocol.reply import NULL_ARRAY, OK, Reply

transactions = Group("transactions", Category.TRANSACTION)


@transactions.command(
    "MULTI",
    arity=1,
    flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    since="1.2.0",
    summary="Starts a transaction: requests are queued until EXEC.",
)
def multi(call: Call, argv: list[bytes]) -> Reply:
    """MULTI

    `OK`. Raises an error inside MULTI.
    """
    if call.session.transaction is not None:
        raise CommandError("ERR MULTI calls can not be nested")
    call.session.transaction = Transaction(call.session)
    return OK


@transactions.command(
    "DISCARD",
    arity=1,
    flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    since="2.0.0",
    complexity="O(N), when N is the number of queued commands",
    summary="Drops the queued requests and ends the transaction.",
)
def discard(call: Call, argv: list[bytes]) -> Reply:
    """DISCARD

    `OK`. Raises an error outside MULTI.
    """
    transaction = call.session.transaction
    if transaction is None:
        raise CommandError("ERR DISCARD without MULTI")
    transaction.discard()
    return OK


@transactions.command(
    "EXEC",
    arity=1,
    flags=NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG,
    since="1.2.0",
    complexity="Depends on commands in the transaction",
    summary="Runs the queued requests of the transaction.",
)
def exec_(call: Call, argv: list[bytes]) -> Reply:
    """EXEC

    An array of the replies; a null array where a watched key changed. Raises EXECABORT where a queued
    request was refused, and an error outside MULTI.
    """
    session = call.session
    transaction = session.transaction
    if transaction is None:
        raise CommandError("ERR EXEC without MULTI")
    if call.server.watches.has_expired_key(session):
        session.is_dirty_cas = True
    is_dirty = session.is_dirty_cas
    call.server.watches.unwatch(session)
    if transaction.is_doomed or is_dirty:
        transaction.discard()
        if transaction.is_doomed:
            raise EXEC_ABORT
        return NULL_ARRAY
    transaction.execution = Execution(session, transaction)
    return transaction.execution.run()


@transactions.command(
    "WATCH",
    arity=-2,
    flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    keys=KeyRange(1, last=-1, flags=RO),
    since="2.2.0",
    complexity="O(1) for every key.",
    syntax="key [key ...]",
    summary="Has the next EXEC do nothing if one of the keys changes before it.",
)
def watch(call: Call, argv: list[bytes]) -> Reply:
    """WATCH key [key ...]

    `OK`. Raises an error inside MULTI.
    """
    if call.session.transaction is not None:
        raise CommandError("ERR WATCH inside MULTI is not allowed")
    if not call.session.is_dirty_cas:
        for key in argv[1:]:
            call.server.watches.watch(call.session, call.db, key)
    return OK


@transactions.command(
    "UNWATCH",
    arity=1,
    flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY,
    since="2.2.0",
    summary="Forgets the keys that were watched.",
)
def unwatch(call: Call, argv: list[bytes]) -> Reply:
    """UNWATCH

    `OK`.
    """
    call.server.watches.unwatch(call.session)
    return OK
