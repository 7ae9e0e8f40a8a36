"""A client in one line: CLIENT LIST, CLIENT INFO, and log messages about clients."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.pubsub import is_subscribed
from pyredis_cluster.execution.replication_memory import BLOCK_COST_BYTES, blocks_of_replica
from pyredis_cluster.version import NEWEST

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session

_QUERY_BUFFER_BYTES = 20474
_REPLY_BUFFER_BYTES = 16384
_SHRUNK_REPLY_BUFFER_BYTES = 1024
_SHRINKS_AFTER_MS = 100
_QUERY_BUFFER_IDLE_S = 2
_CLIENT_BYTES = 768
_REPLY_BLOCK_BYTES = 40
"""What Redis, with its usual allocator, spends on a client: this server has no such buffers, and the figures
are those that its would have."""


def client_line(session: Session) -> bytes:
    """The fields of CLIENT LIST, in the order and form of Redis 7.2, without a line end."""
    now_ms = session.server.keyspace.now_ms
    idle_s = now_ms // 1000 - session.last_interaction_ms // 1000
    argv = _held_request(session)
    input_bytes = _input_bytes(session, argv)
    buffer_bytes = _query_buffer_bytes(session, idle_s, input_bytes)
    argument_bytes = sum(map(len, argv))
    transaction = session.transaction
    queued_bytes = transaction.queued_bytes if transaction is not None else 0
    is_new = now_ms - session.created_ms < _SHRINKS_AFTER_MS
    reply_buffer_bytes = _REPLY_BUFFER_BYTES if is_new else _SHRUNK_REPLY_BUFFER_BYTES
    is_replica = session.gate & gate.GATE_REPLICA
    output_bytes = 0 if is_replica else session.connection.output_bytes()
    if is_replica:
        blocks = blocks_of_replica(session)
        block_bytes = blocks * BLOCK_COST_BYTES
    else:
        blocks = max(0, -(-(output_bytes - _REPLY_BUFFER_BYTES) // _REPLY_BUFFER_BYTES))
        block_bytes = blocks * (_REPLY_BUFFER_BYTES + _REPLY_BLOCK_BYTES)
    total_bytes = (
        _CLIENT_BYTES + reply_buffer_bytes + block_bytes + argument_bytes + 8 * len(argv) + queued_bytes
    ) + (buffer_bytes and buffer_bytes + 6)
    entry = session.last_entry
    is_running = session.is_running
    line = (
        b"id=%d addr=%b laddr=%b fd=%d name=%b age=%d idle=%d flags=%b db=%d sub=%d psub=%d ssub=%d multi=%d "
        b"qbuf=%d qbuf-free=%d argv-mem=%d multi-mem=%d rbs=%d rbp=%d obl=%d oll=%d omem=%d tot-mem=%d "
        b"events=%b cmd=%b user=%b redir=-1 resp=%d lib-name=%b lib-ver=%b"
    ) % (
        session.id,
        session.address.encode(),
        session.local_address.encode(),
        session.fd,
        _shown(session.name),
        now_ms // 1000 - session.created_ms // 1000,
        idle_s,
        _flags(session),
        session.call.db.index,
        len(session.channels),
        len(session.patterns),
        len(session.shard_channels),
        len(transaction.requests) if transaction is not None else -1,
        input_bytes,
        max(0, buffer_bytes - input_bytes),
        argument_bytes,
        queued_bytes,
        reply_buffer_bytes,
        reply_buffer_bytes if is_new else 0,
        min(output_bytes, _REPLY_BUFFER_BYTES),
        blocks,
        block_bytes,
        total_bytes,
        b"rw" if output_bytes and not is_running else b"r",
        entry.command.name.encode() if entry is not None else b"NULL",
        session.user,
        session.resp,
        _shown(session.library_name),
        _shown(session.library_version),
    )
    version = session.server.version
    return line if version == NEWEST else _NEWER[version].sub(b"", line)


def _fields(names: bytes) -> re.Pattern[bytes]:
    return re.compile(rb" (?:%b)=\S*" % b"|".join(names.split()))


_NEWER = {
    (7, 0): _fields(b"lib-name lib-ver"),
    (6, 2): _fields(b"lib-name lib-ver ssub multi-mem rbs rbp resp"),
}
"""What older versions do not show."""


def _held_request(session: Session) -> list[bytes]:
    """The request that runs, or that the client is blocked in."""
    if session.blocked is not None:
        return session.blocked.argv
    return session.running_argv if session.is_running else []


def _input_bytes(session: Session, argv: list[bytes]) -> int:
    waiting = session.connection.input_bytes()
    if not session.is_running:
        return waiting
    # What runs is still in Redis's buffer.
    return (
        waiting
        + len(b"*%d\r\n" % len(argv))
        + sum(len(b"$%d\r\n\r\n" % len(word)) + len(word) for word in argv)
    )


def _query_buffer_bytes(session: Session, idle_s: int, input_bytes: int) -> int:
    if idle_s > _QUERY_BUFFER_IDLE_S or (session.last_entry is None and not input_bytes):
        return input_bytes
    return max(_QUERY_BUFFER_BYTES, input_bytes)


def _flags(session: Session) -> bytes:
    marks = (
        (session.is_monitor, b"O"),
        (session.gate & gate.GATE_REPLICA, b"S"),
        (session.obeys, b"M"),
        (is_subscribed(session), b"P"),
        (session.transaction is not None, b"x"),
        (session.gate & (gate.GATE_BLOCKED | gate.GATE_POSTPONED), b"b"),
        (session.is_dirty_cas, b"d"),
        (session.is_closing, b"c"),
        (session.is_unix_socket, b"U"),
        (session.is_readonly, b"r"),
        (session.no_evict, b"e"),
        (session.no_touch, b"T"),
    )
    return b"".join([letter for is_set, letter in marks if is_set]) or b"N"


def _shown(text: bytes) -> bytes:
    return text.partition(b"\0")[0]
