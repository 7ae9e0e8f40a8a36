"""The gate: every reason to refuse, delay or redirect a request, in Redis's order.

`Session.execute` comes here when something about the session, the server or the request is unusual; the GATE_
bits say what, so that a request which none of them concerns never does.

Source: processCommand of Redis 7.2, whose order of checks decides which error a client sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.execution import protection
from pyredis_cluster.execution.command import (
    ADMIN,
    DENYOOM,
    LOADING,
    MAY_REPLICATE,
    NO_ASYNC_LOADING,
    NO_AUTH,
    NO_MULTI,
    PROTECTED,
    READONLY,
    SKIP_MONITOR,
    STALE,
    WRITE,
)
from pyredis_cluster.execution.table import KEYLESS, Entry
from pyredis_cluster.protocol.errors import (
    CROSS_SLOT,
    OUT_OF_MEMORY,
    CommandError,
    exec_abort,
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
    from pyredis_cluster.keyspace.types.value import Value

GATE_UNAUTHENTICATED = 1 << 0
GATE_MULTI = 1 << 1
GATE_SUBSCRIBED = 1 << 2
"""A subscribed client: with RESP2 it may run few commands only; what it publishes comes after its replies."""
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
GATE_REPLICA = 1 << 12
"""This client is a replica: it gets the stream and no replies."""
GATE_LINK_DOWN = 1 << 13
"""A replica that is not in sync with its primary, and may not serve old data (`replica-serve-stale-data`)."""
GATE_ASYNC_LOADING = 1 << 14
"""Data is loaded beside that which is served."""
GATE_WRITABLE_REPLICA = 1 << 15
"""A replica that takes writes: see `LocalExpiry`."""
GATE_FAULTS = 1 << 16
"""Some requests are to be answered wrongly: see `Faults`."""
GATE_BLOCKED = 1 << 20
GATE_FROZEN = 1 << 21
GATE_CLOSING = 1 << 22
GATE_POSTPONED = 1 << 23
"""This client's next request waits for the end of CLIENT PAUSE."""
GATE_SILENCED = 1 << 24
"""A fault kept a reply from this client, which would take any later one for it: there is none."""

GATE_HOLD = GATE_BLOCKED | GATE_FROZEN | GATE_CLOSING | GATE_POSTPONED | GATE_SILENCED
"""The session runs nothing: requests wait in `pending`."""

RUN_IN_MULTI = frozenset({"exec", "discard", "multi", "watch", "quit", "reset"})
_QUEUES_NOTHING = frozenset({"exec", "discard", "quit", "reset"})
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
_HTTP = frozenset({b"post", b"host:"})
"""What a browser that is made to talk to this port sends first."""

_LOADING_ERROR = CommandError("LOADING Redis is loading the dataset in memory")
_LINK_DOWN = CommandError("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
_NOT_IN_MULTI = CommandError("ERR Command not allowed inside a transaction")


def process(session: Session, argv: list[bytes]) -> Reply:
    """Run one request through all checks; returns its reply (NO_REPLY while it waits)."""
    if session.skip_replies == 2:
        session.skip_replies = 1
    reply = _check_and_call(session, argv)
    if session.gate & GATE_REPLICA and reply is not NO_REPLY and session.server.replicas is not None:
        session.server.replicas.replied(session)
        return NO_REPLY
    if session.is_asking and session.transaction is None and argv[0].lower() != b"asking":
        session.is_asking = False
        session.set_gate(GATE_ASKING, False)
    return reply


def _check_and_call(session: Session, argv: list[bytes]) -> Reply:
    server = session.server
    if argv[0].lower() in _HTTP:
        protection.warn_of_http(server, session)
        session.close(after_flush=False)
        session.out.clear()
        return NO_REPLY
    entry = session.last_entry = _find(session, argv)
    if entry is None:
        return reject(session, None, argv, _unknown(session, argv))
    refusal = _refuse_client(session, entry, argv)
    if refusal is not None:
        return reject(session, entry, argv, refusal)
    redirected = _redirect(session, entry, argv)
    if redirected is not None:
        return redirected
    refusal = _refuse_for_server(session, entry)
    if refusal is not None:
        return reject(session, entry, argv, refusal)
    if not _is_exempt(session) and server.pauses.holds(session, entry):
        server.pauses.postpone(session)
        session.pending.appendleft(argv)
        return NO_REPLY
    if session.transaction is not None and entry.command.name not in RUN_IN_MULTI:
        session.transaction.queue(entry, argv)
        return QUEUED
    return call(session, entry, argv)


def call(session: Session, entry: Entry, argv: list[bytes]) -> Reply:
    """Run the handler with statistics, effects and MONITOR, but without any check.

    EXEC calls it for each queued request. The caller settles what is left to do when no more can follow.
    """
    server = session.server
    touched = _last_accesses(session, entry, argv) if session.gate & GATE_NO_TOUCH else ()
    reply, elapsed_ns = _run(session, entry, argv)
    if type(reply) is CommandError:
        server.count_error(entry, reply)
    for value, lru in touched:
        value.lru = lru
    server.account(session, entry, argv, elapsed_ns)
    if server.keyspace.unsettled:
        server.propagation.collect(session.call.db.index, argv)
    if server.monitors.sessions and not entry.command.flags & (SKIP_MONITOR | ADMIN):
        server.monitors.feed(session, argv)
    return reply


def _run(session: Session, entry: Entry, argv: list[bytes]) -> tuple[Reply, int]:
    """What the handler says, an error as a value, and the nanoseconds it took."""
    server = session.server
    clock_ns = server.monotonic_ns
    is_local = server.gate & GATE_WRITABLE_REPLICA and WRITE in entry.command.flags and not session.obeys
    if is_local:
        db = session.call.db
        server.local_expiry.begin(db, [argv[position] for position in key_positions(entry, argv)])
    started_ns = clock_ns()
    try:
        reply = entry.handler(session.call, argv)
    except CommandError as raised:
        reply = raised
    finally:
        if is_local:
            server.local_expiry.end(db)
    return reply, clock_ns() - started_ns


def call_again(session: Session, entry: Entry, argv: list[bytes]) -> Reply:
    """Run the request that a client is blocked in, as one of its keys was made; NO_REPLY: it waits on.

    The checks count again, but for those of slots: a client whose slot moves does not go on waiting. Monitors
    were shown the request when it came, and its latency was noted then.
    """
    refusal = _refuse_client(session, entry, argv) or _refuse_for_server(session, entry)
    if refusal is not None:
        return reject(session, entry, argv, refusal)
    server = session.server
    reply, elapsed_ns = _run(session, entry, argv)
    if reply is NO_REPLY:
        return reply
    entry.calls += 1
    entry.elapsed_ns += elapsed_ns
    if elapsed_ns >= server.slow_ns:
        server.note_slow(session, argv, elapsed_ns)
    if type(reply) is CommandError:
        server.count_error(entry, reply)
    return reply


def _find(session: Session, argv: list[bytes]) -> Entry | None:
    """The entry that runs the request; None for an unknown name, and for an unknown subcommand."""
    entry = session.server.table.find(argv)
    if entry is not None and entry.subcommands and len(argv) > 1 and not entry.command.takes_any_subcommand:
        return None
    return entry


def _unknown(session: Session, argv: list[bytes]) -> CommandError:
    container = session.server.table.find(argv)
    if container is None:
        return session.server.refusals.unknown_command(argv)
    return unknown_subcommand(container.command.name, argv[1])


def _refuse_client(session: Session, entry: Entry, argv: list[bytes]) -> CommandError | None:
    """What the request or its client lacks: arguments, permission, a place outside MULTI."""
    command = entry.command
    count = len(argv)
    if (entry.arity > 0 and count != entry.arity) or count < -entry.arity:
        return wrong_arity(command.name)
    if PROTECTED in command.flags:
        refusal = protection.refusal(session.server.config, session, command.name)
        if refusal is not None:
            return refusal
    if session.gate & GATE_UNAUTHENTICATED and NO_AUTH not in command.flags:
        return NO_AUTH_ERROR
    if session.transaction is not None and NO_MULTI in command.flags:
        return _NOT_IN_MULTI
    return None


def _redirect(session: Session, entry: Entry, argv: list[bytes]) -> CommandError | None:
    """The redirection of a request that another node serves. It ends a transaction at EXEC, else dooms it."""
    server = session.server
    if server.cluster is None or (entry.key_mode == KEYLESS and entry.command.name != "exec"):
        return None
    redirected = redirection(session, entry, argv)
    if redirected is None:
        return None
    server.count_rejection(entry, redirected)
    if session.transaction is not None:
        if entry.command.name == "exec":
            session.transaction.discard()
        else:
            session.transaction.is_doomed = True
    return redirected


def _is_exempt(session: Session) -> bool:
    """Whether a client is not paused; such a one must not touch keys. Monitors are replicas to Redis."""
    return session.is_monitor or bool(session.gate & GATE_REPLICA)


def _refuse_for_server(session: Session, entry: Entry) -> CommandError | None:
    """What the state of the server, or of the client's subscription, does not allow now."""
    server = session.server
    command = entry.command
    name = command.name
    flags = command.flags
    transaction = session.transaction
    may_load = LOADING in flags
    may_be_stale = STALE in flags
    if name == "exec" and transaction is not None:
        flags |= transaction.flags
        may_load = may_load and LOADING in transaction.common_flags
        may_be_stale = may_be_stale and STALE in transaction.common_flags
    needs_memory = DENYOOM in flags or (transaction is not None and name not in _QUEUES_NOTHING)
    if server.maxmemory and not server.eviction.evict_to_limit() and needs_memory:
        return OUT_OF_MEMORY
    if session.gate & GATE_STOP_WRITES:
        stopped = server.write_stops.refusal(is_write=WRITE in flags, is_ping=name == "ping")
        if stopped is not None:
            return stopped
    if session.gate & GATE_SUBSCRIBED and session.resp == 2 and name not in _ALLOWED_SUBSCRIBED:
        return CommandError(
            f"ERR Can't execute '{name}': only {server.refusals.allowed_subscribed} / PING / QUIT / RESET "
            "are allowed in this context"
        )
    if server.gate & GATE_LINK_DOWN and not may_be_stale:
        return _LINK_DOWN
    if server.gate & GATE_LOADING and not may_load:
        return _LOADING_ERROR
    if server.gate & GATE_ASYNC_LOADING and NO_ASYNC_LOADING in command.flags:
        return _LOADING_ERROR
    if _is_exempt(session) and flags & (MAY_REPLICATE | WRITE | READONLY):
        return server.refusals.replica_touches_no_keys
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
                return server.cluster.refusal_of_crossing(slot) if server.cluster is not None else CROSS_SLOT
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


def _last_accesses(session: Session, entry: Entry, argv: list[bytes]) -> list[tuple[Value, int]]:
    """Values of the request's keys with their access fields, which CLIENT NO-TOUCH keeps as they are."""
    if entry.command.name == "touch" or entry.key_mode == KEYLESS:
        return []
    values = session.call.db.values
    found = [values.get(argv[position]) for position in key_positions(entry, argv)]
    return [(value, value.lru) for value in found if value is not None]


def reject(session: Session, entry: Entry | None, argv: list[bytes], error: CommandError) -> CommandError:
    """Count a refusal; returns what the client gets. It dooms a transaction; that of EXEC itself ends it."""
    server = session.server
    if session.transaction is not None:
        session.transaction.is_doomed = True
    if entry is not None and entry.command.name == "exec":
        error = exec_abort(error)
        if session.transaction is not None:
            session.transaction.discard()
        else:
            server.watches.unwatch(session)
        # Monitors were shown MULTI: EXEC tells them that it is over.
        server.monitors.feed(session, argv)
    server.count_rejection(entry, error)
    return error
