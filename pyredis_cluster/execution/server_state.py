"""One server without its sockets: everything that commands work on, wired together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyredis_cluster.config.events import NOTIFY_KEY_MISS, NOTIFY_KEYEVENT, NOTIFY_KEYSPACE, NOTIFY_NEW
from pyredis_cluster.execution.authentication import Authentication
from pyredis_cluster.execution.blocking import Blocking
from pyredis_cluster.execution.command import FAST, TOUCHES_ARBITRARY_KEYS, Command
from pyredis_cluster.execution.configuration import follow_configuration
from pyredis_cluster.execution.eviction import Eviction
from pyredis_cluster.execution.latency import LatencyMonitor
from pyredis_cluster.execution.local_expiry import LocalExpiry
from pyredis_cluster.execution.metrics import Metrics
from pyredis_cluster.execution.monitors import Monitors
from pyredis_cluster.execution.pause import Pauses
from pyredis_cluster.execution.personality import commands_as_of
from pyredis_cluster.execution.propagation import Propagation
from pyredis_cluster.execution.pubsub import PubSub
from pyredis_cluster.execution.refusals import refusals_of
from pyredis_cluster.execution.replication_state import ReplicationState
from pyredis_cluster.execution.session import Session
from pyredis_cluster.execution.slowlog import SlowLog
from pyredis_cluster.execution.statistics import Statistics
from pyredis_cluster.execution.table import CommandTable, Entry
from pyredis_cluster.execution.transaction import Watches
from pyredis_cluster.execution.waits import Waits
from pyredis_cluster.execution.write_stops import WriteStops
from pyredis_cluster.keyspace.database import Database
from pyredis_cluster.keyspace.expiry_cycle import ExpiryCycle
from pyredis_cluster.keyspace.keyspace import UNSETTLED, Keyspace
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.version import NEWEST

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.execution.append_only import AppendOnly
    from pyredis_cluster.execution.cluster import Cluster
    from pyredis_cluster.execution.faults import Faults
    from pyredis_cluster.execution.host import Connection, Host
    from pyredis_cluster.execution.observer import Observer
    from pyredis_cluster.execution.persistence import Persistence
    from pyredis_cluster.execution.replication import Replicas
    from pyredis_cluster.execution.replication_roles import ReplicationRoles
    from pyredis_cluster.execution.sentinel import Sentinel
    from pyredis_cluster.ports import Clock, Random
    from pyredis_cluster.protocol.slots import ServedSlots


NEVER_NS = 2**63 - 1
"""A threshold that no command reaches."""


class ServerState:
    """All state of one server that is not a socket, a file or a timer.

    The shell (`pyredis_cluster.server`) makes one, gives it a `Host`, opens sessions, and sends what is in
    `outboxes` after each piece of work.
    """

    def __init__(
        self,
        commands: Mapping[bytes, Command],
        config: Config,
        host: Host,
        clock: Clock,
        random: Random,
    ) -> None:
        self.config = config
        self.host = host
        self.clock = clock
        self.unix_ns = clock.unix_ns
        self.monotonic_ns = clock.monotonic_ns
        self.random = random
        cluster_enabled = config.flag("cluster-enabled")
        self.keyspace = Keyspace(config.integer("databases"), random, slotted=cluster_enabled)
        self.version = config.version
        self.table = CommandTable(
            commands if self.version == NEWEST else commands_as_of(commands, self.version)
        )
        self.refusals = refusals_of(self.version)
        self.propagation = Propagation(self.keyspace)
        self.blocking = Blocking(self)
        self.watches = Watches(self)
        self.pubsub = PubSub()
        self.pauses = Pauses(self)
        self.statistics = Statistics()
        self.metrics = Metrics(self.table.total_calls, self.statistics)
        self.peak_memory = 0
        self.latency = LatencyMonitor(self.keyspace)
        self.replication = ReplicationState(random)
        self.replication_roles: ReplicationRoles | None = None
        self.persistence: Persistence | None = None
        """The snapshot file; None where nothing is kept."""
        self.replicas: Replicas | None = None
        """Who replicates from this server; None where nothing can."""
        self.append_only: AppendOnly | None = None
        """The append-only file; None where there can be none."""
        self.waits = Waits(self)
        self.sessions: dict[int, Session] = {}
        self.outboxes: dict[Session, None] = {}
        """Sessions with output that nothing has sent yet."""
        self.gate = 0
        self.cluster: Cluster | None = None
        self.served_slots: ServedSlots | None = None
        self.faults: Faults | None = None
        """What is wrong on purpose; None where nothing may be."""
        self.sentinel: Sentinel | None = None
        """What a sentinel does; None for every other server."""
        self.maxmemory = 0
        self.slow_ns = NEVER_NS
        """From how long on `note_slow` hears of a command."""
        self.notify_flags = 0
        self.http_warned_ms = 0
        self.expiry_budget_ns = 0
        """What one expiry cycle may take."""
        self.max_bulk_bytes = 0
        """proto-max-bulk-len: no string grows longer."""
        self.withholds_output: Callable[[Session], bool] | None = None
        """Whether the output of a session has to wait until what it tells of is safe on disk (whoever says so
        puts the session into `outboxes` then); None: it never has to."""
        self.on_error: Callable[[CommandError], None] | None = None
        """Told of each error, while what must not fail is run."""
        self.observer: Observer | None = None
        """Who is told what happens, in tests."""
        self.function_libraries: list[bytes] = []
        """Code of the function libraries that snapshots brought along; they are kept, not run."""
        self._resumed: list[Session] = []
        self._next_session_id = 1
        self.run_id = f"{random.getrandbits(160):040x}"
        self.update_time()
        self.started_ms = self.keyspace.now_ms
        self.authentication = Authentication(self)
        self.write_stops = WriteStops(self)
        self.monitors = Monitors(self)
        self.slowlog = SlowLog(self)
        for name in ("slowlog-log-slower-than", "latency-monitor-threshold"):
            config.on_change(name, self._renew_slow_threshold)
        self._renew_slow_threshold()
        self.expiry = ExpiryCycle(self.keyspace, clock.monotonic_ns)
        self.local_expiry = LocalExpiry(self)
        self.eviction = Eviction(self)
        follow_configuration(self)

    def _renew_slow_threshold(self) -> None:
        """`slow_ns` is the lower one of the slow log's threshold and the latency monitor's."""
        slow_us = self.config.integer("slowlog-log-slower-than")
        latency_ms = self.latency.threshold_ms = self.config.integer("latency-monitor-threshold")
        self.slow_ns = min(
            slow_us * 1000 if slow_us >= 0 else NEVER_NS, latency_ms * 1_000_000 if latency_ms else NEVER_NS
        )

    def update_time(self) -> None:
        """Read the clock; all that runs until the next reading happens at that time."""
        keyspace = self.keyspace
        now_ms = keyspace.now_ms = self.unix_ns() // 1_000_000
        keyspace.lru_clock = now_ms // 1000

    def new_session_id(self) -> int:
        """A number that no session of this server has had."""
        number = self._next_session_id
        self._next_session_id += 1
        return number

    def open_session(self, connection: Connection) -> Session:
        """A new client. The shell fills in its addresses."""
        session = Session(self, connection, self.new_session_id())
        self.sessions[session.id] = session
        self.statistics.connections_received += 1
        self.authentication.begin(session)
        return session

    def forget_session(self, session: Session) -> None:
        """A client is gone."""
        self.blocking.release(session)
        session.blocked = None
        self.watches.unwatch(session)
        self.pubsub.leave(session)
        self.monitors.remove(session)
        self.pauses.forget(session)
        self.outboxes.pop(session, None)
        self.propagation.writers.pop(session, None)
        if self.replicas is not None:
            self.replicas.forget(session)
        self.sessions.pop(session.id, None)

    def set_gate(self, bit: int, on: bool) -> None:
        """Set or clear a GATE_ bit for all sessions, present and future. O(sessions)."""
        self.gate = self.gate | bit if on else self.gate & ~bit
        for session in self.sessions.values():
            session.set_gate(bit, on)

    def observers_changed(self) -> None:
        """Someone began or ceased to care about changes of keys."""
        keyspace = self.keyspace
        is_wanted = (
            self.watches.sessions or self.blocking.waiting or self.notify_flags or keyspace.ledger is not None
        )
        keyspace.observer = self._observe if is_wanted else None

    def _observe(self, db: Database, key: bytes, event_class: int, event: bytes) -> None:
        if event_class != NOTIFY_KEY_MISS:
            if self.watches.sessions:
                self.watches.touch(db.index, key)
            if event_class == NOTIFY_NEW:
                if self.blocking.waiting:
                    self.blocking.signal(db.index, key)
            elif self.keyspace.ledger is not None:
                # A new key is told once more, when its value is complete.
                self.keyspace.ledger.note(db, key)
        if self.notify_flags & event_class:
            self._notify(db.index, key, event)

    def _notify(self, database: int, key: bytes, event: bytes) -> None:
        if self.notify_flags & NOTIFY_KEYSPACE:
            self.pubsub.publish(b"__keyspace@%d__:%b" % (database, key), event)
        if self.notify_flags & NOTIFY_KEYEVENT:
            self.pubsub.publish(b"__keyevent@%d__:%b" % (database, event), key)

    def settle(self, database: int, argv: list[bytes]) -> None:
        """What follows a command that left something to do: propagate its effects, serve who waited.

        Not called inside EXEC, which settles once at its end.
        """
        propagation = self.propagation
        propagation.collect(database, argv)
        keyspace = self.keyspace
        keyspace.unsettled = keyspace.recording
        propagation.flush(as_transaction=not propagation.has_several or not self._finds_expired_keys(argv))
        if self.blocking.waiting:
            self.blocking.serve()
            keyspace.unsettled = keyspace.recording

    def _finds_expired_keys(self, argv: list[bytes]) -> bool:
        """Whether the request may come upon any expired key; their removal does not belong together."""
        entry = self.table.find(argv)
        return entry is not None and TOUCHES_ARBITRARY_KEYS in entry.command.flags

    def resume_later(self, session: Session) -> None:
        """Run what is pending of a session once the running command is done."""
        self._resumed.append(session)
        self.outboxes[session] = None

    def flush_outboxes(self) -> None:
        """Run what became runnable, then send all output. The shell calls it after each piece of work."""
        self.deliver_effects()
        while self._resumed or self.outboxes:
            resumed, self._resumed = self._resumed, []
            for session in resumed:
                if not session.is_closing:
                    try:
                        session.run_pending()
                    except Exception as error:
                        self.host.handler_failed(session, error)
                    session.connection.resume()
                self.deliver_effects()
            sessions, self.outboxes = self.outboxes, {}
            for session in sessions:
                session.connection.flush()

    def account(
        self, session: Session, entry: Entry, argv: list[bytes], elapsed_ns: int, calls: int = 1
    ) -> None:
        """Count a run of calls that took `elapsed_ns` together (no time where the clock went back).

        `argv` is the last of them.
        """
        if elapsed_ns < 0:
            elapsed_ns = 0
        entry.calls += calls
        entry.elapsed_ns += elapsed_ns
        average_ns = elapsed_ns // calls
        entry.latency_buckets[(average_ns // 1000).bit_length()] += calls
        if average_ns >= self.slow_ns:
            self.note_slow(session, argv, average_ns)

    def note_slow(self, session: Session, argv: list[bytes], elapsed_ns: int) -> None:
        """A command took at least the slow log's or the latency monitor's threshold."""
        entry = self.table.find(argv)
        if entry is not None and self.latency.threshold_ms:
            event = b"fast-command" if FAST in entry.command.flags else b"command"
            self.latency.note(event, elapsed_ns // 1_000_000)
        self.slowlog.note(session, argv, elapsed_ns)

    def count_error(self, entry: Entry | None, error: CommandError) -> None:
        """An error reply of a command that ran."""
        if entry is not None:
            entry.failed_calls += 1
        self._count_error_code(entry, error)

    def count_rejection(self, entry: Entry | None, error: CommandError) -> None:
        """An error reply of a command that was not let run."""
        if entry is not None:
            entry.rejected_calls += 1
        self._count_error_code(entry, error)

    def _count_error_code(self, entry: Entry | None, error: CommandError) -> None:
        statistics = self.statistics
        statistics.total_error_replies += 1
        if self.on_error is not None:
            self.on_error(error)
        if self.observer is not None:
            self.observer.error_replied(entry, error)
        code = error.code
        if code in statistics.errors or len(statistics.errors) < 128:
            statistics.errors[code] = statistics.errors.get(code, 0) + 1

    def reset_statistics(self) -> None:
        """All counters of INFO back to zero, as CONFIG RESETSTAT does."""
        self.statistics.reset()
        keyspace = self.keyspace
        keyspace.hits = keyspace.misses = keyspace.expired_keys = keyspace.evicted_keys = 0
        self.expiry.reset_statistics()
        self.eviction.reset_statistics()
        if self.append_only is not None:
            self.append_only.reset_statistics()
        for entry in self.table.entries.values():
            entry.reset_statistics()

    def run_expiry_cycle(self, now_ms: int) -> None:
        """Remove keys that have expired; the shell calls it at each tick, `hz` times a second."""
        keyspace = self.keyspace
        if keyspace.active_expire_enabled and keyspace.expires_on_access and not keyspace.expiry_paused:
            expiry = self.expiry
            before_ns = expiry.elapsed_ns
            expiry.run(self.expiry_budget_ns, self.settle_alone)
            self.latency.note(b"expire-cycle", (expiry.elapsed_ns - before_ns) // 1_000_000)
        elif keyspace.active_expire_enabled and self.local_expiry:
            self.local_expiry.expire_due()
        self.eviction.refresh()

    def settle_alone(self) -> None:
        """What follows a change that no request made: propagate it by itself, serve who waited."""
        keyspace = self.keyspace
        if keyspace.unsettled == UNSETTLED:
            keyspace.unsettled = keyspace.recording
            self.propagation.flush(as_transaction=False)
            if self.blocking.waiting:
                self.blocking.serve()
                keyspace.unsettled = keyspace.recording

    def write_offset_of(self, session: Session) -> int:
        """The replication offset that has all effects of a client so far, those of this turn included."""
        propagation = self.propagation
        if propagation.batch:
            propagation.writers[session] = None
            self.deliver_effects()
        return session.write_offset

    def deliver_effects(self) -> None:
        """Hand to replicas and the AOF what commands have changed since the last time.

        The shell calls it before replies to these commands are sent.
        """
        propagation = self.propagation
        if propagation.batch:
            propagation.deliver()
        if propagation.writers:
            offset = self.replication.offset
            for session in propagation.writers:
                session.write_offset = offset
            propagation.writers.clear()
