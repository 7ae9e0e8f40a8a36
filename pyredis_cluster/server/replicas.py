"""Those who replicate from this server: their connections, the stream they get, and what they say they have.

Source: the part of replication.c of Redis 7.2 that a primary runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, cast

from pyredis_cluster.execution.client_line import client_line
from pyredis_cluster.execution.gate import GATE_REPLICA
from pyredis_cluster.execution.replication import is_replica
from pyredis_cluster.protocol.command_stream import encode_requests
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import NO_REPLY, Reply
from pyredis_cluster.replication.primary import (
    History,
    Replica,
    ReplicaState,
    good_replicas,
    refusal_to_resume,
)
from pyredis_cluster.server.full_sync import FullSync
from pyredis_cluster.server.replica_output import ReplicaOutput

if TYPE_CHECKING:
    from pyredis_cluster.execution.propagation import Batch
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.client import ClientConnection
    from pyredis_cluster.server.server import Server

_NONE_SELECTED: Final = -1
_PING: Final = encode_requests([[b"PING"]])
_GETACK: Final = encode_requests([[b"REPLCONF", b"GETACK", b"*"]])
_NO_FAILOVER: Final = "no-failover"

_FAILING_OVER = CommandError("NOMASTERLINK Can't SYNC while failing over")
_LINK_DOWN = CommandError("NOMASTERLINK Can't SYNC while not connected with my master")
_PENDING_OUTPUT = CommandError("ERR SYNC and PSYNC are invalid with pending output")
_FAILOVER_TO_PRIMARY = CommandError("ERR PSYNC FAILOVER can't be sent to a master.")
_FAILOVER_OF_OTHER = CommandError("ERR PSYNC FAILOVER replid must match my replid.")


class Replicas:
    """See `pyredis_cluster.execution.replication.Replicas`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = state = server.state
        self._config = config = server.config
        self._log = server.log
        self._known: dict[Session, Replica] = {}
        """What clients have told by REPLCONF, whether they are replicas or not."""
        self._outputs: dict[Session, ReplicaOutput] = {}
        """The replicas."""
        self._selected = _NONE_SELECTED
        """The database that the stream has selected."""
        self._is_attached = False
        self._unsent: list[bytes] = []
        """What the stream got in this turn."""
        self._is_sending_due = False
        self._wants_acknowledgements = False
        self._ticks = 0
        self._alone_since_ms = state.keyspace.now_ms
        self.good_count = 0
        self.on_acknowledged: list[Callable[[], None]] = [state.waits.check]
        """Called when a replica has said how far it is."""
        self.full_sync = FullSync(server, self._outputs, self._came_online)
        state.replicas = self
        server.freezer.on_thaw.append(self._thaw)
        server.stopping.on_stop.append(self._send_all)
        server.cron.every(1000, self._tick)
        server.cron.every(0, self._send_requests)
        for name in ("min-replicas-to-write", "min-replicas-max-lag"):
            config.on_change(name, self._count_good)
        config.on_change("repl-backlog-size", self._resize_backlog)
        config.on_change("appendonly", self._attach_or_detach)
        config.on_change("appendonly", state.waits.check)
        server.persistence.stream_database = lambda: self.stream_database
        self._attach_or_detach()
        self._count_good()

    def __len__(self) -> int:
        """See `Replicas`."""
        return len(self._outputs)

    def __iter__(self) -> Iterator[Replica]:
        """See `Replicas`."""
        return iter([output.replica for output in self._outputs.values()])

    def of(self, session: Session) -> Replica | None:
        """See `Replicas`."""
        return self._known.get(session)

    def announce(self, session: Session) -> Replica:
        """See `Replicas`."""
        replica = self._known.get(session)
        if replica is None:
            host = session.address.rpartition(":")[0].strip("[]")
            replica = self._known[session] = Replica(host)
        return replica

    @property
    def _is_replica(self) -> bool:
        """Whether this server is a replica itself: it hands on its primary's stream, byte for byte."""
        return is_replica(self._state)

    @property
    def _is_failing_over(self) -> bool:
        roles = self._state.replication_roles
        return roles is not None and roles.failover_state != _NO_FAILOVER

    @property
    def stream_database(self) -> int | None:
        """The database that is selected in the stream that goes on from the data there is now, for a note
        beside that data; None where there is no such stream.

        Source: rdbPopulateSaveInfo.
        """
        if self._is_replica:
            roles = self._state.replication_roles
            return roles.stream_database if roles is not None else None
        if self._state.replication.backlog is None:
            return None
        return max(self._selected, 0)

    def forget_selected(self) -> None:
        """The stream begins with a SELECT again: for someone new, nothing is selected."""
        self._selected = _NONE_SELECTED

    # The stream

    def feed(self, data: bytes) -> None:
        """See `Replicas`."""
        self._state.replication.append(data)
        if self._outputs:
            self._unsent.append(data)
            if not self._is_sending_due:
                self._is_sending_due = True
                self._server.loop.call_soon(self._send)

    def _send(self) -> None:
        """Send what came since the last time, to all in one write each."""
        self._is_sending_due = False
        data = b"".join(self._unsent)
        self._unsent.clear()
        offset = self._state.replication.offset
        start = offset - len(data)
        for output in list(self._outputs.values()):
            replica = output.replica
            if not replica.takes_stream or not output.is_ready:
                continue
            if replica.sent_offset == start:
                replica.sent_offset = offset
                output.send(data)
            else:
                output.send_stream()
        self._keep_what_is_unsent()

    def _keep_what_is_unsent(self) -> None:
        """Have the backlog keep what some replica has yet to get; close those that have too much to get."""
        replication = self._state.replication
        if replication.backlog is None:
            return
        limits = self._server.clients.output_limits
        first = replication.offset
        for output in list(self._outputs.values()):
            replica = output.replica
            if replica.needs_stream and replica.sent_offset < replication.offset:
                if output.session.is_closing or limits.check(
                    output.connection, output.session, output.unsent_bytes
                ):
                    continue
                first = min(first, replica.sent_offset)
        replication.backlog.keep_from(first + 1 if first < replication.offset else None)

    def _take(self, batch: Batch) -> None:
        """What clients have changed: the stream of a primary goes on."""
        replication = self._state.replication
        if self._is_replica:
            return
        if replication.backlog is None:
            # Nobody reads the stream, but what the AOF has on disk is told in offsets: of commands, then.
            replication.offset += sum(map(_count_commands, batch.requests))
            return
        if batch.database != self._selected:
            self.feed(encode_requests([[b"SELECT", b"%d" % batch.database]]) + batch.wire())
        else:
            self.feed(batch.wire())
        self._selected = batch.last_database

    def _feed_own(self, data: bytes) -> None:
        """A command of this server's own. That of a replica is its primary's stream, and nothing else."""
        self._state.deliver_effects()
        if self._is_replica:
            return
        if self._state.replication.backlog is not None:
            self.feed(data)
        else:
            self._state.replication.offset += 1

    def replicate(self, request: list[bytes]) -> None:
        """See `Replicas`."""
        self._feed_own(encode_requests([request]))

    def _attach_or_detach(self) -> None:
        """Have effects recorded only if somebody is told of them."""
        is_told = self._state.replication.backlog is not None or self._config.flag("appendonly")
        wanted = is_told and not self._is_replica
        if wanted != self._is_attached:
            self._is_attached = wanted
            propagation = self._state.propagation
            if wanted:
                propagation.attach(self._take)
                # The AOF asks for the offset of what it is handed, which has to be counted by then.
                propagation.sinks.insert(0, propagation.sinks.pop())
            else:
                propagation.detach(self._take)

    def keep_backlog(self) -> None:
        """See `Replicas`."""
        self._state.replication.make_backlog(self._config.integer("repl-backlog-size"))
        self._attach_or_detach()

    def _resize_backlog(self) -> None:
        backlog = self._state.replication.backlog
        if backlog is not None:
            backlog.resize(self._config.integer("repl-backlog-size"))

    def history_changed(self) -> None:
        """See `Replicas`."""
        self.disconnect_all()
        self._alone_since_ms = self._state.keyspace.now_ms
        self.role_changed()

    def role_changed(self) -> None:
        """See `Replicas`."""
        self._selected = _NONE_SELECTED
        self._attach_or_detach()
        self._count_good()

    # Coming and going

    def synchronise(self, session: Session, argv: Sequence[bytes]) -> Reply:
        """See `Replicas`."""
        if session.gate & GATE_REPLICA or session.is_monitor:
            return NO_REPLY
        is_psync = argv[0].lower() == b"psync"
        if is_psync and len(argv) > 3 and argv[3].lower() == b"failover":
            self._take_over_from_primary(session, argv[1])
        self._refuse_sync(session)
        # What was changed before is part of the data that the replica gets, not of its stream.
        self._state.deliver_effects()
        replica = self.announce(session)
        self._log.notice(f"Replica {replica.name} asks for synchronization")
        if not is_psync:
            replica.is_old = True
        elif self._resume(session, replica, argv):
            return NO_REPLY
        self._state.statistics.sync_full += 1
        self._join(session, replica, ReplicaState.WAIT_BGSAVE_START)
        if self._config.flag("repl-disable-tcp-nodelay"):
            self._outputs[session].delay_small_packets()
        if self._state.replication.backlog is None:
            self._begin_history()
        self.full_sync.arrived(self._outputs[session])
        return NO_REPLY

    def _refuse_sync(self, session: Session) -> None:
        """Raise CommandError where nobody can replicate from this server now, or not over this connection."""
        roles = self._state.replication_roles
        if self._is_failing_over:
            raise _FAILING_OVER
        if roles is not None and roles.primary is not None and not roles.is_link_up:
            raise _LINK_DOWN
        if session.out or session.connection.output_bytes():
            raise _PENDING_OUTPUT

    def _take_over_from_primary(self, session: Session, replid: bytes) -> None:
        """PSYNC FAILOVER: our primary wants to be our replica. Raises CommandError."""
        shown = replid.decode("utf-8", "replace")
        self._log.notice(f"Failover request received for replid {shown}.")
        roles = self._state.replication_roles
        if roles is None or roles.primary is None:
            raise _FAILOVER_TO_PRIMARY
        if shown.lower() != self._state.replication.replid:
            raise _FAILOVER_OF_OTHER
        roles.stop_following()
        client = client_line(session).decode("utf-8", "replace")
        self._log.notice(f"MASTER MODE enabled (failover request from '{client}')")

    def _resume(self, session: Session, replica: Replica, argv: Sequence[bytes]) -> bool:
        """PSYNC: go on where the replica was, if we have what it misses. Raises CommandError."""
        statistics = self._state.statistics
        replication = self._state.replication
        try:
            offset = integer(argv[2])
        except CommandError:
            self._log.warning(
                f"Replica {replica.name} asks for synchronization but with a wrong offset",
            )
            raise
        replid = argv[1].decode("utf-8", "replace")
        history = History(
            replication.replid,
            replication.second_replid,
            replication.second_offset,
            replication.offset,
            replication.backlog,
        )
        refusal = refusal_to_resume(history, replid, offset, replica.name)
        if refusal is not None:
            self._log.notice(refusal.notice)
            if refusal.warning is not None:
                self._log.warning(refusal.warning)
            if not replid.startswith("?"):
                statistics.sync_partial_err += 1
            return False
        statistics.sync_partial_ok += 1
        self._join(session, replica, ReplicaState.ONLINE)
        replica.ack_time_ms = self._state.keyspace.now_ms
        replica.sent_offset = offset - 1
        output = self._outputs[session]
        output.send(
            b"+CONTINUE %b\r\n" % replication.replid.encode() if replica.takes_new_id else b"+CONTINUE\r\n"
        )
        self._log.notice(
            f"Partial resynchronization request from {replica.name} accepted. Sending "
            f"{replication.offset - offset + 1} bytes of backlog starting from offset {offset}."
        )
        output.send_stream()
        self._keep_what_is_unsent()
        self._count_good()
        return True

    def _join(self, session: Session, replica: Replica, state: ReplicaState) -> None:
        replica.state = state
        replica.since_ms = self._state.keyspace.now_ms
        session.set_gate(GATE_REPLICA, True)
        connection = cast("ClientConnection", session.connection)
        self._outputs[session] = ReplicaOutput(self._state, session, replica, connection, self._drained)

    def _begin_history(self) -> None:
        """Keep the stream from now on; what was before nobody can resume from."""
        replication = self._state.replication
        if not self._is_replica:
            replication.change_id(self._state.random)
        self.keep_backlog()
        self._log.notice(
            f"Replication backlog created, my new replication IDs are '{replication.replid}' and "
            f"'{replication.second_replid}'"
        )

    def replied(self, session: Session) -> None:
        """See `Replicas`."""
        entry = session.last_entry
        name = entry.command.name if entry is not None else "<unknown>"
        client = client_line(session).decode("utf-8", "replace")
        self._log.warning(f"Replica generated a reply to command '{name}', disconnecting it: {client}")
        session.close(after_flush=False)

    def forget(self, session: Session) -> None:
        """See `Replicas`."""
        self._known.pop(session, None)
        output = self._outputs.pop(session, None)
        if output is None:
            return
        self._log.notice(f"Connection with replica {output.replica.name} lost.")
        self.full_sync.left(output)
        if not self._outputs:
            self._alone_since_ms = self._state.keyspace.now_ms
            self._unsent.clear()
        self._keep_what_is_unsent()
        self._count_good()

    def disconnect_all(self) -> None:
        """See `Replicas`."""
        for output in list(self._outputs.values()):
            output.close()

    # What replicas say

    def acknowledged(self, session: Session, offset: int, aof_offset: int | None) -> None:
        """See `Replicas`."""
        output = self._outputs.get(session)
        if output is None:
            return
        replica = output.replica
        replica.acknowledge(offset, aof_offset, self._state.keyspace.now_ms)
        # It may have taken the end of the data before we know that our side of it is over.
        self.full_sync.has_taken_all(output)
        if replica.starts_on_ack and replica.is_online:
            replica.starts_on_ack = False
            output.send_stream()
        for callback in self.on_acknowledged:
            callback()

    def request_acknowledgements(self) -> None:
        """See `Replicas`."""
        if not self._wants_acknowledgements:
            self._wants_acknowledgements = True
            self._server.loop.call_soon(self._send_requests)

    def _send_requests(self, now_ms: int = 0) -> None:
        # While clients are paused the stream stands still, so that replicas can reach its end.
        if self._wants_acknowledgements and not self._state.pauses.is_active and not self._server.is_frozen:
            self._wants_acknowledgements = False
            self.send_request_for_acknowledgements()

    def send_request_for_acknowledgements(self) -> None:
        """Ask the replicas how far they are, with the next bytes of the stream."""
        if self._outputs:
            self._feed_own(_GETACK)

    # Time

    def _tick(self, now_ms: int) -> None:
        """Once a second."""
        is_due = self._ticks % self._config.integer("repl-ping-replica-period") == 0
        # A failover waits for a replica to reach the end of the stream.
        if is_due and self._outputs and not self._is_failing_over:
            self._feed_own(_PING)
        self._ticks += 1
        for output in list(self._outputs.values()):
            if self.full_sync.is_waiting(output):
                # So that it does not take us for dead.
                output.send(b"\n")
            self._check_timeout(output, now_ms)
        self._drop_backlog(now_ms)
        self.full_sync.start_pending()
        self.full_sync.remove_file()
        self._count_good()

    def _check_timeout(self, output: ReplicaOutput, now_ms: int) -> None:
        replica = output.replica
        timeout_s = self._config.integer("repl-timeout")
        if replica.is_online and not replica.is_old:
            # A replica that loads its data sends line ends, to be known as alive.
            heard_ms = max(replica.ack_time_ms, output.session.last_interaction_ms)
            what = "streaming sync"
        elif replica.stuck_since_ms:
            heard_ms = replica.stuck_since_ms
            what = "full sync"
        else:
            return
        if now_ms // 1000 - heard_ms // 1000 > timeout_s:
            self._log.warning(f"Disconnecting timedout replica ({what}): {replica.name}")
            output.close()

    def _drop_backlog(self, now_ms: int) -> None:
        """Keep the stream no longer when nobody has wanted it for repl-backlog-ttl."""
        replication = self._state.replication
        ttl_s = self._config.integer("repl-backlog-ttl")
        if self._outputs or not ttl_s or replication.backlog is None or self._is_replica:
            return
        if now_ms // 1000 - self._alone_since_ms // 1000 > ttl_s:
            # From here on the offset stands still though data changes: this is another history.
            self._state.deliver_effects()
            replication.change_id(self._state.random)
            replication.drop_backlog()
            self._attach_or_detach()
            self._log.notice(f"Replication backlog freed after {ttl_s} seconds without connected replicas.")

    def _count_good(self) -> None:
        """Stop writes while too few replicas are up to date."""
        wanted = self._config.integer("min-replicas-to-write")
        max_lag_s = self._config.integer("min-replicas-max-lag")
        if not wanted or not max_lag_s:
            self._state.write_stops.set_lacks_replicas(False)
            return
        self.good_count = good_replicas(self, max_lag_s, self._state.keyspace.now_ms)
        is_primary = not self._is_replica
        self._state.write_stops.set_lacks_replicas(is_primary and self.good_count < wanted)

    # Connections

    def _came_online(self, output: ReplicaOutput, *, starts_on_ack: bool) -> None:
        """A replica has the data."""
        replica = output.replica
        if replica.wants_only_data:
            self._log.notice(
                f"RDB transfer completed, rdb only replica ({replica.name}) should be disconnected asap"
            )
            output.session.close(after_flush=True)
            return
        replica.come_online(self._state.keyspace.now_ms, starts_on_ack=starts_on_ack)
        self._count_good()
        self._log.notice(f"Synchronization with replica {replica.name} succeeded")
        if not starts_on_ack:
            output.send_stream()

    def _drained(self, output: ReplicaOutput) -> None:
        """A connection takes more."""
        if output.replica.takes_stream:
            output.send_stream()
            self._keep_what_is_unsent()
        else:
            self.full_sync.drained(output)

    def _send_all(self) -> None:
        """The server ends: hand over what was changed last."""
        self._state.deliver_effects()
        self._send()

    def _thaw(self) -> None:
        for output in list(self._outputs.values()):
            output.go_on()


def _count_commands(request: list[bytes] | bytes) -> int:
    """How many commands these are, but for SELECT; exact unless a value looks like the begin of one."""
    if type(request) is bytes:
        return 1 + request.count(b"\r\n*")
    return int(request[0] != b"SELECT")
