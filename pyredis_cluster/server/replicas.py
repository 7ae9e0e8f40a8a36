"""Those who replicate from this server: how they come, what they say they have, how they go.

Source: syncCommand, replconfCommand and masterTryPartialResynchronization of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, cast

from pyredis_cluster.execution.client_line import client_line
from pyredis_cluster.execution.gate import GATE_REPLICA
from pyredis_cluster.execution.replication import is_replica
from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.protocol.numbers import integer
from pyredis_cluster.protocol.reply import NO_REPLY, Reply
from pyredis_cluster.replication.primary import History, Replica, ReplicaState, refusal_to_resume
from pyredis_cluster.server.full_sync import FullSync
from pyredis_cluster.server.replica_output import ReplicaOutput
from pyredis_cluster.server.replica_watch import ReplicaWatch
from pyredis_cluster.server.replication_stream import ReplicationStream

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.client import ClientConnection
    from pyredis_cluster.server.server import Server

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
        self._config = server.config
        self._log = server.log
        self._known: dict[Session, Replica] = {}
        """What clients have told by REPLCONF, whether they are replicas or not."""
        self._outputs: dict[Session, ReplicaOutput] = {}
        """The replicas."""
        self._wants_acknowledgements = False
        self.on_acknowledged: list[Callable[[], None]] = [state.waits.check]
        """Called when a replica has said how far it is."""
        self._stream = ReplicationStream(server, self._outputs)
        self.full_sync = FullSync(server, self._outputs, self._came_online, self._stream.forget_selected)
        self._watch = ReplicaWatch(server, self._outputs, self._stream, self.full_sync)
        state.replicas = self
        server.persistence.stream_database = lambda: self._stream.database
        server.freezer.on_thaw.append(self._thaw)
        server.cron.every(0, self._request_acknowledgements)
        self._config.on_change("appendonly", state.waits.check)

    @property
    def good_count(self) -> int:
        """See `Replicas`."""
        return self._watch.good_count

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

    # The stream

    def feed(self, data: bytes) -> None:
        """See `Replicas`."""
        self._stream.feed(data)

    def replicate(self, request: list[bytes]) -> None:
        """See `Replicas`."""
        self._stream.feed_own(*request)

    def keep_backlog(self) -> None:
        """See `Replicas`."""
        self._stream.keep()

    def history_changed(self) -> None:
        """See `Replicas`."""
        self.disconnect_all()
        self._watch.alone_now()
        self.role_changed()

    def role_changed(self) -> None:
        """See `Replicas`."""
        self._stream.forget_selected()
        self._stream.attach_or_detach()
        self._watch.count_good()

    # Coming

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
        output = self._join(session, replica, ReplicaState.WAIT_BGSAVE_START)
        if self._config.flag("repl-disable-tcp-nodelay"):
            output.delay_small_packets()
        if self._state.replication.backlog is None:
            self._begin_history()
        self.full_sync.arrived(output)
        return NO_REPLY

    def _refuse_sync(self, session: Session) -> None:
        """Raise CommandError where nobody can replicate from this server now, or not over this connection."""
        roles = self._state.replication_roles
        if roles is not None:
            if roles.failover_state != _NO_FAILOVER:
                raise _FAILING_OVER
            if roles.primary is not None and not roles.is_link_up:
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
        try:
            offset = integer(argv[2])
        except CommandError:
            self._log.warning(f"Replica {replica.name} asks for synchronization but with a wrong offset")
            raise
        replid = argv[1].decode("utf-8", "replace")
        if not self._may_resume(replica, replid, offset):
            return False
        replication = self._state.replication
        self._state.statistics.sync_partial_ok += 1
        output = self._join(session, replica, ReplicaState.ONLINE)
        replica.ack_time_ms = self._state.keyspace.now_ms
        replica.sent_offset = offset - 1
        new_id = b" " + replication.replid.encode() if replica.takes_new_id else b""
        output.send(b"+CONTINUE%b\r\n" % new_id)
        self._log.notice(
            f"Partial resynchronization request from {replica.name} accepted. Sending "
            f"{replication.offset - offset + 1} bytes of backlog starting from offset {offset}."
        )
        self._stream.send_to(output)
        self._watch.count_good()
        return True

    def _may_resume(self, replica: Replica, replid: str, offset: int) -> bool:
        replication = self._state.replication
        history = History(
            replication.replid,
            replication.second_replid,
            replication.second_offset,
            replication.offset,
            replication.backlog,
        )
        refusal = refusal_to_resume(history, replid, offset, replica.name)
        if refusal is None:
            return True
        self._log.notice(refusal.notice)
        if refusal.warning is not None:
            self._log.warning(refusal.warning)
        if not replid.startswith("?"):
            self._state.statistics.sync_partial_err += 1
        return False

    def _join(self, session: Session, replica: Replica, state: ReplicaState) -> ReplicaOutput:
        replica.state = state
        replica.since_ms = self._state.keyspace.now_ms
        session.set_gate(GATE_REPLICA, True)
        connection = cast("ClientConnection", session.connection)
        output = ReplicaOutput(self._state, session, replica, connection, self._drained)
        self._outputs[session] = output
        return output

    def _begin_history(self) -> None:
        """Keep the stream from now on; what was before nobody can resume from."""
        replication = self._state.replication
        if not is_replica(self._state):
            replication.change_id(self._state.random)
        self._stream.keep()
        self._log.notice(
            f"Replication backlog created, my new replication IDs are '{replication.replid}' and "
            f"'{replication.second_replid}'"
        )

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
        self._watch.count_good()
        self._log.notice(f"Synchronization with replica {replica.name} succeeded")
        if not starts_on_ack:
            self._stream.send_to(output)

    # What they say

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
            self._stream.send_to(output)
        for callback in self.on_acknowledged:
            callback()

    def request_acknowledgements(self) -> None:
        """See `Replicas`."""
        if not self._wants_acknowledgements:
            self._wants_acknowledgements = True
            self._server.loop.call_soon(self._request_acknowledgements)

    def _request_acknowledgements(self, now_ms: int = 0) -> None:
        # While clients are paused the stream stands still, so that replicas can reach its end.
        if self._wants_acknowledgements and not self._state.pauses.is_active and not self._server.is_frozen:
            self._wants_acknowledgements = False
            self.send_request_for_acknowledgements()

    def send_request_for_acknowledgements(self) -> None:
        """Ask the replicas how far they are, with the next bytes of the stream."""
        if self._outputs:
            self._stream.feed_own(b"REPLCONF", b"GETACK", b"*")

    def clock_moved(self, now_ms: int) -> None:
        """Count from now on how long each has been silent."""
        for output in self._outputs.values():
            output.replica.clock_moved(now_ms)

    # Going

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
            self._watch.alone_now()
        self._stream.replica_left()
        self._watch.count_good()

    def disconnect_all(self) -> None:
        """See `Replicas`."""
        for output in list(self._outputs.values()):
            output.close()

    # Connections

    def _drained(self, output: ReplicaOutput) -> None:
        """A connection takes more."""
        if output.replica.takes_stream:
            self._stream.send_to(output)
        else:
            self.full_sync.drained(output)

    def _thaw(self) -> None:
        for output in list(self._outputs.values()):
            output.go_on()
