"""One client: its state, and the loop that runs its requests.

`execute` is the hottest code of the product. A request that nothing unusual concerns pays a table lookup,
arity, slot check, the handler and the encoding of its reply; all that is unusual is folded into `gate`, one
integer, and sends the request through `pyredis_cluster.execution.gate` instead.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.call import Call
from pyredis_cluster.execution.table import ONE_KEY, Entry
from pyredis_cluster.keyspace.keyspace import RECORDING
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.reply import (
    BULK_HEADER,
    INTEGER_WIRE,
    NO_REPLY,
    Replies,
    Reply,
    Status,
    encode_into,
)
from pyredis_cluster.protocol.slots import key_slot

if TYPE_CHECKING:
    from pyredis_cluster.execution.blocking import Blocked
    from pyredis_cluster.execution.host import Connection
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.transaction import Transaction

Request = list[bytes]

_OPENING_BRACE = ord("{")

_OUTPUT_PAUSE_BYTES = 1 << 20
"""Output of one batch after which the rest of its requests waits until the network has taken some."""


def _ignore(value: bool) -> None:
    pass


class Session:
    """State of one client connection, without the connection.

    Output goes to `out`, which the connection sends. `gate` holds the GATE_ bits of
    `pyredis_cluster.execution.gate`, those of the server included; 0 is the common case.
    """

    obeys = False
    """Whether requests are run without asking whether this server serves their slots (`ObedientSession`)."""

    # Slots: with so many attributes, an instance's own dictionary would make each access slower.
    __slots__ = (
        "_bound",
        "_held_pushes",
        "_holds_pushes",
        "address",
        "blocked",
        "call",
        "channels",
        "connection",
        "created_ms",
        "deny_blocking",
        "fd",
        "gate",
        "id",
        "is_asking",
        "is_authenticated",
        "is_closing",
        "is_dirty_cas",
        "is_monitor",
        "is_readonly",
        "is_unix_socket",
        "last_entry",
        "last_interaction_ms",
        "library_name",
        "library_version",
        "local_address",
        "name",
        "no_evict",
        "no_touch",
        "on_authentication",
        "out",
        "patterns",
        "pending",
        "reply_off",
        "resp",
        "retrying",
        "running_argv",
        "server",
        "shard_channels",
        "skip_replies",
        "transaction",
        "user",
        "watched",
        "write_offset",
    )

    def __init__(self, server: ServerState, connection: Connection, session_id: int) -> None:
        self.server = server
        self.connection = connection
        self.id = session_id
        self.call = Call(server, self)
        self.out: list[bytes] = []
        self.gate = server.gate
        self._bound = (
            self.call,
            self.out.append,
            self.out.extend,
            server.table.fast,
            server.unix_ns,
            server.propagation,
            server.propagation.batch.append,
        )
        self.resp = 2
        self.address = ""
        self.local_address = ""
        self.fd = -1
        self.is_unix_socket = False
        self.name = b""
        self.library_name = b""
        self.library_version = b""
        self.user = b"default"
        self.created_ms = server.keyspace.now_ms
        self.last_interaction_ms = self.created_ms
        self.last_entry: Entry | None = None
        self.is_readonly = False
        self.is_asking = False
        self.no_evict = False
        self.no_touch = False
        self.is_monitor = False
        self.is_authenticated = True
        self.on_authentication: Callable[[bool], None] = _ignore
        """Told whether the client may send requests of any size, when that may have changed."""
        self.reply_off = False
        self.skip_replies = 0
        """CLIENT REPLY SKIP: 2 until the request that is not answered has come, 1 while it runs."""
        self.transaction: Transaction | None = None
        self.watched: dict[tuple[int, bytes], bool] = {}
        """Watched keys → whether they were expired already when WATCH came."""
        self.is_dirty_cas = False
        self.write_offset = 0
        """Replication offset that has all effects of this client: what WAIT waits for."""
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.shard_channels: dict[bytes, None] = {}
        self.blocked: Blocked | None = None
        self.retrying = False
        self.deny_blocking = False
        self.running_argv: Request = []
        self.pending: deque[Request] = deque()
        """Requests that came while the session could not run any."""
        self.is_closing = False
        self._holds_pushes = False
        self._held_pushes: list[bytes] = []

    def execute(self, requests: list[Request]) -> None:
        """Run requests in order: their replies are in `out` afterwards, or they wait in `pending`."""
        if self.pending or self.gate & gate.GATE_HOLD:
            self._postpone(requests)
            return
        server = self.server
        keyspace = server.keyspace
        call, append, extend, entries, unix_ns, propagation, record = self._bound
        # The reading that update_time makes, without the calls around it. It serves as the start of the
        # first command too: a step of the wall clock spoils one figure, a second reading costs every batch.
        started_ns = unix_ns()
        self.last_interaction_ms = keyspace.now_ms = now_ms = started_ns // 1_000_000
        keyspace.lru_clock = now_ms // 1000
        served = None if self.obeys else server.served_slots
        known_keys = () if served is None else served.known_keys
        output_bytes = 0
        # Runs of the same brief command share one clock reading: `last` is the entry of the run, and
        # `running` too unless it is one that must be timed call by call.
        last: Entry | None = None
        running: Entry | None = None
        run = 0
        waiting = iter(requests)
        for argv in waiting:
            entry: Entry | None
            try:
                entry = entries[argv[0]]
            except KeyError:
                entry = None
            if (
                entry is None
                or self.gate
                or ((count := len(argv)) != entry.arity and (entry.arity > 0 or count < -entry.arity))
                or (
                    served is not None
                    and (mode := entry.key_mode)
                    and not (
                        argv[1] in known_keys
                        or served[
                            crc_hqx(key, 0) & 16383
                            if _OPENING_BRACE not in (key := argv[1])
                            else key_slot(key)
                        ]
                        if mode == ONE_KEY
                        else entry.key_slice is not None and served.serves_all(argv[entry.key_slice])
                    )
                )
            ):
                if last is not None:
                    server.account(self, last, self.running_argv, unix_ns() - started_ns, run)
                    last = running = None
                if self.gate & gate.GATE_HOLD:
                    self._postpone([argv, *waiting])
                    break
                self.execute_gated(argv)
                started_ns = unix_ns()
                continue
            if entry is not running:
                if last is not None:
                    finished_ns = unix_ns()
                    server.account(self, last, self.running_argv, finished_ns - started_ns, run)
                    started_ns = finished_ns
                last = entry
                running = entry if entry.is_brief else None
                run = 0
            run += 1
            self.running_argv = argv
            try:
                reply = entry.handler(call, argv)
            except CommandError as error:
                reply = error
            kind = type(reply)
            if kind is bytes:
                size = len(reply)
                if size < 1024:
                    extend((BULK_HEADER[size], reply, b"\r\n"))
                else:
                    extend((b"$%d\r\n" % size, reply, b"\r\n"))
                    output_bytes += size
            elif kind is Status:
                append(reply.wire)
            elif kind is int:
                append(INTEGER_WIRE[reply] if 0 <= reply < 1024 else b":%d\r\n" % reply)
            elif reply is None:
                append(b"$-1\r\n" if self.resp == 2 else b"_\r\n")
            elif kind is list and not reply:
                append(b"*0\r\n")
            else:
                if kind is CommandError:
                    server.count_error(entry, reply)
                pieces = len(self.out)
                encode_into(append, reply, self.resp)
                if len(self.out) - pieces > 64 or (len(self.out) > pieces and len(self.out[-1]) > 1024):
                    output_bytes += sum(map(len, self.out[pieces:]))
            if unsettled := keyspace.unsettled:
                if unsettled != RECORDING:
                    server.settle(call.db.index, argv)
                elif (dirty := keyspace.dirty) != propagation.settled_dirty:
                    # What `settle` comes to for a request that is propagated as it came.
                    propagation.settled_dirty = dirty
                    if call.db is propagation.db:
                        record(argv)
                    else:
                        propagation.record(call.db.index, argv)
            if output_bytes > _OUTPUT_PAUSE_BYTES:
                self._postpone(list(waiting))
                break
        if last is not None:
            self.last_entry = last
            if served is not None and last.key_mode == ONE_KEY and argv[1] not in known_keys:
                served.remember(argv[1])
            server.account(self, last, self.running_argv, unix_ns() - started_ns, run)
        if propagation.batch:
            propagation.writers[self] = None

    def _postpone(self, requests: list[Request]) -> None:
        if not self.is_closing:
            self.pending.extend(requests)

    def execute_gated(self, argv: Request) -> None:
        """Run one request through the whole gate; its reply, if any, goes to `out`."""
        if self.gate & gate.GATE_FAULTS and self.server.faults is not None:
            self.server.faults.execute(self, argv)
        else:
            self.execute_checked(argv)

    def execute_checked(self, argv: Request) -> None:
        """As `execute_gated`, whatever faults there are."""
        self.running_argv = argv
        self._holds_pushes = True
        self.reply(gate.process(self, argv))
        self._release_pushes()
        if self.server.keyspace.unsettled:
            self.server.settle(self.call.db.index, argv)
        self._end_skip()

    def set_reply_mode(self, *, off: bool, skip_next: bool = False) -> None:
        """CLIENT REPLY: answer nothing, or not the request after this one."""
        self.reply_off = off
        self.skip_replies = 2 if skip_next else 0
        self.set_gate(gate.GATE_REPLY, off or skip_next)

    def reset_modes(self) -> None:
        """Forget the client's name and all modes that it has switched on."""
        self.name = b""
        self.is_asking = self.is_readonly = self.no_touch = self.no_evict = self.reply_off = False
        if self.skip_replies == 2:
            self.skip_replies = 0
        self.set_gate(gate.GATE_ASKING | gate.GATE_NO_TOUCH, False)
        self.set_gate(gate.GATE_REPLY, bool(self.skip_replies))

    @property
    def is_running(self) -> bool:
        """Whether a request of this session runs now, and went through the gate."""
        return self._holds_pushes

    @property
    def is_silent(self) -> bool:
        """Whether CLIENT REPLY suppresses replies now."""
        return self.reply_off or self.skip_replies == 1

    def _end_skip(self) -> None:
        if self.skip_replies == 1 and not self.gate & (gate.GATE_BLOCKED | gate.GATE_POSTPONED):
            self.skip_replies = 0
            self.set_gate(gate.GATE_REPLY, self.reply_off)

    def reply(self, reply: Reply) -> None:
        """Append a reply to the output, unless CLIENT REPLY says otherwise (not for what SUBSCRIBE tells)."""
        if self.is_silent and type(reply) is not Replies:
            return
        encode_into(self.out.append, reply, self.resp)

    def send_push(self, wire: bytes) -> None:
        """Append an out-of-band message, and have it sent even if the session is not executing.

        What a request of the session itself causes comes after its reply. Subscribers and monitors always
        go through the gate, so nothing else needs to know.
        """
        if self.is_closing:
            return
        if self._holds_pushes:
            self._held_pushes.append(wire)
        else:
            self.out.append(wire)
            self.wake()

    def _release_pushes(self) -> None:
        self._holds_pushes = False
        if self._held_pushes:
            self.out.extend(self._held_pushes)
            self._held_pushes.clear()
            self.wake()

    def wake(self) -> None:
        """Have the connection send `out` soon, where nothing else would."""
        self.server.outboxes[self] = None

    def set_gate(self, bit: int, on: bool) -> None:
        """Set or clear one GATE_ bit of this session."""
        self.gate = self.gate | bit if on else self.gate & ~bit

    def become_blocked(self, blocked: Blocked) -> None:
        """Wait for keys: no further request runs until `unblock`."""
        self.blocked = blocked
        # It counts as a call when the wait is over; who runs it is about to count it now.
        blocked.entry.calls -= 1
        self.set_gate(gate.GATE_BLOCKED, True)

    def retry(self) -> None:
        """Run the request again that the session is blocked on; unblock if it has a reply now."""
        blocked = self.blocked
        assert blocked is not None
        self.retrying = self._holds_pushes = True
        try:
            reply = gate.call_again(self, blocked.entry, blocked.argv)
        finally:
            self.retrying = False
        if reply is not NO_REPLY:
            propagation = self.server.propagation
            propagation.collect(self.call.db.index, blocked.argv)
            self._end_wait(reply)
            # What each client that was served has changed is a unit of its own.
            propagation.flush()
        self._release_pushes()

    def unblock(self, reply: Reply) -> None:
        """End the wait with `reply` (an error counts as the command's), and go on with what is pending."""
        blocked = self.blocked
        assert blocked is not None
        blocked.entry.calls += 1
        if isinstance(reply, CommandError):
            self.server.count_error(blocked.entry, reply)
        self._end_wait(reply)

    def _end_wait(self, reply: Reply) -> None:
        server = self.server
        server.blocking.release(self)
        self.blocked = None
        self.set_gate(gate.GATE_BLOCKED, False)
        self.reply(reply)
        self._end_skip()
        self.wake()
        server.resume_later(self)

    def run_pending(self) -> None:
        """Run requests that waited, now that the session may run again."""
        if self.pending and not self.gate & gate.GATE_HOLD:
            requests = list(self.pending)
            self.pending.clear()
            self.execute(requests)

    def close(self, *, after_flush: bool) -> None:
        """Run nothing more; close the connection at once, or when all output was sent."""
        self.is_closing = True
        self.pending.clear()
        self.set_gate(gate.GATE_CLOSING, True)
        self.connection.close(after_flush=after_flush)

    def leave(self) -> None:
        """The connection is gone: let go of all that the server holds for this session."""
        self.is_closing = True
        self.set_gate(gate.GATE_CLOSING, True)
        self.pending.clear()
        self.server.forget_session(self)
