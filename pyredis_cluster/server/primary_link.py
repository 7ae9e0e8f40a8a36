"""This server as a replica: the link to its primary, and how it becomes a replica or a primary.

What to do is decided by `pyredis_cluster.replication.replica.ReplicaSide`; here it is done.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution.gate import GATE_LINK_DOWN, GATE_WRITABLE_REPLICA
from pyredis_cluster.execution.pause import PausePurpose
from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.replication import replica as effects
from pyredis_cluster.replication.failover import Failover, FailoverState, FailoverTimeoutError
from pyredis_cluster.replication.handshake import NO_OFFSET, Introduction
from pyredis_cluster.replication.replica import Effect, LinkState, Position, ReplicaSide
from pyredis_cluster.server.clients import describe, sample
from pyredis_cluster.server.incoming_data import IncomingData
from pyredis_cluster.server.primary_connection import PrimaryConnection
from pyredis_cluster.server.primary_stream import PrimaryStream

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.persistence.loading import ReplicationNote
    from pyredis_cluster.server.server import Server

_TICK_MS: Final = 1000
_FAILOVER_TICK_MS: Final = 100
"""So often while clients wait for a failover to end."""
_FIRST_OFFSET: Final = 1
"""What INFO shows where nothing is known of a stream."""


class PrimaryLink:
    """See `pyredis_cluster.execution.replication_roles.ReplicationRoles`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = state = server.state
        self._config = config = server.config
        self._log = server.log
        self._side = ReplicaSide()
        self._failover = Failover()
        self._data = IncomingData(server, self._replacing)
        self._connecting: asyncio.Task[None] | None = None
        self._attempt: PrimaryConnection | None = None
        self._connection: PrimaryConnection | None = None
        self._stream: PrimaryStream | None = None
        self._session_id = 0
        self._is_carrying_out = False
        self._is_stopped = False
        self._awaited_disk_offset: int | None = None
        """What was applied and not yet on disk when the primary last asked."""
        state.replication_roles = self
        server.append_only.on_synced.append(self._disk_synced)
        server.persistence.on_history = self._history_loaded
        server.cron.every(_TICK_MS, self._tick)
        server.cron.every(_FAILOVER_TICK_MS, self._tick_in_failover)
        server.stopping.on_stop.append(self.stop)
        server.freezer.on_freeze.append(self._update_reading)
        server.freezer.on_thaw.append(self._update_reading)
        for name in ("replica-read-only", "replica-serve-stale-data"):
            config.on_change(name, self._role_changed)

    # What commands ask

    @property
    def primary(self) -> tuple[str, int] | None:
        """See `ReplicationRoles`."""
        return self._side.primary

    @property
    def is_link_up(self) -> bool:
        """See `ReplicationRoles`."""
        return self._side.is_up

    @property
    def link_state(self) -> str:
        """See `ReplicationRoles`."""
        return self._side.state.value

    @property
    def processed_offset(self) -> int:
        """See `ReplicationRoles`."""
        position = self._side.position
        return max(position.offset, 0) if position is not None and self.primary is not None else 0

    @property
    def stream_offset(self) -> int:
        """See `ReplicationRoles`."""
        position = self._side.position
        return position.offset if position is not None and self._side.is_up else NO_OFFSET

    @property
    def stream_database(self) -> int | None:
        """See `ReplicationRoles`."""
        if self._stream is not None:
            return self._stream.session.call.db.index
        return self._side.position.database if self._side.position is not None else None

    @property
    def silence_ms(self) -> int | None:
        """See `ReplicationRoles`."""
        side = self._side
        since_s = side.last_io_s if side.is_up else side.down_since_s
        return max(self._now_s() - since_s, 0) * 1000 if since_s else None

    @property
    def failover_state(self) -> str:
        """See `ReplicationRoles`."""
        return self._failover.state.value

    @property
    def session(self) -> Session | None:
        """See `ReplicationRoles`."""
        return self._stream.session if self._stream is not None else None

    def info(self) -> Iterator[tuple[str, object]]:
        """See `ReplicationRoles`."""
        side, now_s, config = self._side, self._now_s(), self._config
        if side.primary is None:
            return
        processed = side.position.offset if side.position is not None else _FIRST_OFFSET
        unprocessed = self._stream.held_bytes if self._stream is not None else 0
        yield "master_host", side.primary[0]
        yield "master_port", side.primary[1]
        yield "master_link_status", "up" if side.is_up else "down"
        yield "master_last_io_seconds_ago", now_s - side.last_io_s if side.is_up else -1
        yield "master_sync_in_progress", int(side.state is LinkState.TRANSFER)
        yield "slave_read_repl_offset", processed + unprocessed
        yield "slave_repl_offset", processed
        if side.transfer is not None:
            size = -1 if side.transfer.size is None else side.transfer.size
            read = side.transfer.read_bytes
            yield "master_sync_total_bytes", size
            yield "master_sync_read_bytes", read
            yield "master_sync_left_bytes", size - read
            yield "master_sync_perc", f"{100 * read / size if size else 0.0:.2f}"
            yield "master_sync_last_io_seconds_ago", now_s - side.last_io_s
        if not side.is_up:
            yield "master_link_down_since_seconds", now_s - side.down_since_s if side.down_since_s else -1
        yield "slave_priority", config.integer("replica-priority")
        yield "slave_read_only", int(config.flag("replica-read-only"))
        yield "replica_announced", int(config.flag("replica-announced"))

    # Roles

    def start(self) -> None:
        """Become what the configuration says, before data is loaded; the first tick connects."""
        primary = self._config.replica_of
        if primary is not None:
            self._side.primary = primary
            self._side.state = LinkState.CONNECT
            self._role_changed()

    def follow(self, host: str, port: int) -> None:
        """See `ReplicationRoles`."""
        state = self._state
        own = None
        if self.primary is None:
            # What was changed before is still of the history that others may have of us.
            state.deliver_effects()
            own = Position(state.replication.replid, state.replication.offset)
        self._side.follow(
            host,
            port,
            self._now_s(),
            own=own,
            is_failover=self._failover.state is FailoverState.IN_PROGRESS,
        )
        state.blocking.disconnect_all()
        self._role_changed()
        self._carry_out()

    def stop_following(self) -> None:
        """See `ReplicationRoles`."""
        side, replication = self._side, self._state.replication
        if side.primary is None:
            return
        side.unfollow(self._now_s())
        self._carry_out()
        replication.shift_id(self._state.random)
        self._log.notice(
            f"Setting secondary replication ID to {replication.second_replid}, valid up to offset: "
            f"{replication.second_offset}. New replication ID is {replication.replid}"
        )
        self._role_changed()
        if self._state.replicas is not None:
            self._state.replicas.history_changed()
        self._restart_aof()

    def resume_from(self, replid: str, offset: int, database: int) -> None:
        """See `ReplicationRoles`."""
        self._state.replication.adopt(replid, offset)
        self._side.position = Position(replid, offset, database)

    def _history_loaded(self, note: ReplicationNote) -> None:
        """The data that was loaded at start belongs to a history."""
        if self._server.starts_as_replica:
            self.resume_from(note.replid, note.offset, note.database)
            return
        self._state.replication.begin_after(note.replid, note.offset)
        if self._state.replicas is not None:
            self._state.replicas.keep_backlog()

    def _role_changed(self) -> None:
        """Put into effect what this server is now."""
        state, primary = self._state, self.primary
        is_replica = primary is not None
        self._log.role = "S" if is_replica else "M"
        if self._config.replica_of != primary:
            self._config.put("replicaof", primary)
        state.keyspace.expires_on_access = not is_replica
        is_read_only = self._config.flag("replica-read-only")
        state.write_stops.set_read_only(is_replica and is_read_only)
        state.set_gate(GATE_WRITABLE_REPLICA, is_replica and not is_read_only)
        if not is_replica:
            state.local_expiry.forget_all()
        self._link_changed()
        if state.replicas is not None:
            state.replicas.role_changed()

    def _link_changed(self) -> None:
        serves = self.primary is None or self.is_link_up or self._config.flag("replica-serve-stale-data")
        if bool(self._state.gate & GATE_LINK_DOWN) == serves:
            self._state.set_gate(GATE_LINK_DOWN, not serves)

    # Failover

    def fail_over(self, host: str, port: int, *, timeout_ms: int, force: bool) -> None:
        """See `ReplicationRoles`."""
        target = f"{host}:{port}" if host else "any replica"
        self._log.notice(f"FAILOVER requested to {target}.")
        now_ms = self._state.keyspace.now_ms
        self._failover.request(host, port, timeout_ms=timeout_ms, force=force, now_ms=now_ms)
        self._state.pauses.pause(None, all_commands=False, purpose=PausePurpose.FAILOVER)

    def abort_failover(self, reason: str) -> None:
        """See `ReplicationRoles`."""
        failover = self._failover
        if failover.state is FailoverState.NONE:
            return
        self._log.notice(failover.aborted(reason))
        if failover.state is FailoverState.IN_PROGRESS:
            self.stop_following()
        self._end_failover()

    def _end_failover(self) -> None:
        self._failover.clear()
        self._side.failover_is_over()
        self._state.pauses.unpause(PausePurpose.FAILOVER)

    def _check_failover(self, now_ms: int) -> None:
        failover, state = self._failover, self._state
        if failover.state is not FailoverState.WAITING:
            return
        state.deliver_effects()
        try:
            line = failover.choose(state.replicas or (), state.replication.offset, now_ms)
        except FailoverTimeoutError:
            self.abort_failover("Replica never caught up before timeout")
            return
        if line is not None:
            self._log.notice(line)
            self.follow(failover.host, failover.port)

    # Time

    def _now_s(self) -> int:
        return self._state.keyspace.now_ms // 1000

    def _tick(self, now_ms: int) -> None:
        self._check_failover(now_ms)
        side = self._side
        side.tick(now_ms // 1000, self._config.integer("repl-timeout"))
        if side.is_up and side.position is not None:
            side.acknowledge(side.position.offset, self._disk_offset())
        self._carry_out()

    def _tick_in_failover(self, now_ms: int) -> None:
        if self._failover.state is not FailoverState.NONE:
            self._tick(now_ms)

    def acknowledge(self) -> None:
        """See `ReplicationRoles`."""
        if self._stream is not None:
            self._stream.acknowledge_now()

    def send_acknowledgement(self, offset: int) -> None:
        """Tell the primary that the stream was applied up to `offset`, and once it is on disk, that it is."""
        disk_offset = self._disk_offset()
        self._awaited_disk_offset = offset if disk_offset is not None and disk_offset < offset else None
        self._side.acknowledge(offset, disk_offset)

    def _disk_synced(self) -> None:
        awaited, disk_offset = self._awaited_disk_offset, self._disk_offset()
        if awaited is None or disk_offset is None or disk_offset < awaited:
            return
        # The primary has asked, and could be told no more than what was on disk. Redis forces its files to
        # disk before it reads the question.
        self._awaited_disk_offset = None
        side = self._side
        if side.is_up and side.position is not None:
            side.acknowledge(side.position.offset, disk_offset)
            self._carry_out()

    def _disk_offset(self) -> int | None:
        aof = self._state.append_only
        return aof.synced_offset if aof is not None and aof.synced_offset >= 0 else None

    # What happens to connections

    def connected(self, connection: PrimaryConnection) -> None:
        """See `primary_connection.Owner`."""
        self._connecting = self._attempt = None
        self._connection = connection
        self._server.work(self._introduce)

    def _introduce(self) -> None:
        config = self._config
        password = config.data("masterauth")
        user = config.data("masteruser")
        introduction = Introduction(
            port=config.integer("replica-announce-port") or config.integer("port"),
            auth=((user, password) if user else (password,)) if password else (),
            announce_ip=config.text("replica-announce-ip"),
        )
        self._side.connected(introduction, self._now_s())
        self._carry_out()

    def received(self, connection: PrimaryConnection, data: bytes) -> None:
        """See `primary_connection.Owner`."""
        state, stream = self._state, self._stream
        if stream is not None or self._side.state is LinkState.TRANSFER:
            state.statistics.net_repl_input_bytes += len(data)
        if stream is None:
            self._server.work(self._received, (data,))
            return
        try:
            stream.feed(data)
            self._side.last_io_s = state.keyspace.now_ms // 1000
        except ProtocolError as error:
            self._log.warning(
                f"Protocol error ({error.reason.decode('utf-8', 'replace')}) from client: "
                f"{describe(stream.session)}. Query buffer during protocol error: {sample(data)}"
            )
            self._side.stream_broken(self._now_s())
        except Exception as failure:
            self._log.failure("Failure while applying the stream of the primary", failure)
            self._side.stream_broken(self._now_s())
        if self._side.out:
            self._carry_out()
        state.flush_outboxes()

    def _received(self, data: bytes) -> None:
        self._side.received(data, self._now_s())
        self._carry_out()

    def lost(self, connection: PrimaryConnection, error: Exception | None) -> None:
        """See `primary_connection.Owner`."""
        if connection is self._connection:
            self._connection = None
            self._server.work(self._lost, (_reason(error) if error is not None else "",))

    def _lost(self, reason: str) -> None:
        self._side.lost(reason, self._now_s())
        self._carry_out()

    def _update_reading(self) -> None:
        if self._connection is not None:
            self._connection.update_reading()

    async def _connect(self, host: str, port: int) -> None:
        freezer = self._server.freezer
        attempt = self._attempt = PrimaryConnection(self, freezer)
        try:
            source = self._config.text("bind-source-addr")
            await self._server.network.connect(lambda: attempt, host, port, source=source)
        except (OSError, ValueError, OverflowError) as error:
            reason = _reason(error)
            if freezer.is_frozen:
                freezer.postpone(lambda: self._server.work(self._connect_failed, (attempt, reason)))
            else:
                self._server.work(self._connect_failed, (attempt, reason))

    def _connect_failed(self, attempt: PrimaryConnection, reason: str) -> None:
        if attempt is self._attempt:
            self._connecting = self._attempt = None
            self._side.connect_failed(reason)
            self._carry_out()

    def stop(self) -> None:
        """The server ends: let go of everything, and say nothing."""
        self._is_stopped = True
        self._disconnect()
        self._data.discard()

    def _disconnect(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._attempt is not None:
            self._attempt.abandon()
            self._attempt = None
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    # What is to be done

    def _carry_out(self) -> None:
        """Do what the core asks for, in order; what that leads it to ask for as well."""
        if self._is_carrying_out:
            return
        self._is_carrying_out = True
        side = self._side
        while side.out and not self._is_stopped:
            try:
                self._do(side.out.pop(0))
            except Exception as failure:
                self._log.failure("Failure in the link to the primary", failure)
                side.reset(self._now_s())
        self._is_carrying_out = False
        self._link_changed()

    def _do(self, effect: Effect) -> None:
        match effect:
            case effects.Log():
                if effect.is_warning:
                    self._log.warning(effect.text)
                else:
                    self._log.notice(effect.text)
            case effects.Send():
                if self._connection is not None:
                    self._state.statistics.net_output_bytes += len(effect.data)
                    self._connection.write(effect.data)
            case effects.Connect():
                self._disconnect()
                self._connecting = self._server.loop.create_task(self._connect(effect.host, effect.port))
            case effects.Disconnect():
                self._disconnect()
            case effects.Store():
                if not self._data.store(effect.data):
                    self._side.failed(self._now_s())
            case effects.Prepare():
                if not self._data.prepare():
                    self._side.failed(self._now_s())
            case effects.Announce():
                if self._side.transfer is not None:
                    self._data.announce(self._side.transfer)
            case effects.Load():
                self._load()
            case effects.Discard():
                self._data.discard()
            case effects.Begin():
                self._begin(effect)
            case effects.End():
                self._end()
            case effects.FailoverAnswered():
                if effect.is_accepted:
                    self._end_failover()
                else:
                    self.abort_failover("Failover target rejected psync request")

    def _load(self) -> None:
        if self._connection is not None:
            self._connection.hold(True)
        is_same_history = self._side.incoming_replid == self._state.replication.replid
        self._data.load(self._loaded, is_same_history=is_same_history)

    def _loaded(self, database: int | None) -> None:
        if database is None:
            self._side.failed(self._now_s())
        else:
            self._side.loaded(database, self._now_s())
        self._carry_out()

    def _replacing(self) -> None:
        """Old data is about to go, and with it what can be resumed from it here."""
        state = self._state
        if state.append_only is not None:
            state.append_only.stop()
        if self._side.forget_position():
            self._log.notice(effects.POSITION_DISCARDED)
        state.replication.drop_backlog()
        if state.replicas is not None:
            state.replicas.history_changed()

    def _begin(self, effect: effects.Begin) -> None:
        """The link is up."""
        state, position = self._state, self._side.position
        replication, replicas = state.replication, state.replicas
        assert position is not None
        assert self._connection is not None or effect.is_full
        if effect.is_full:
            if position.offset == NO_OFFSET:
                replication.change_id(state.random)
            else:
                replication.adopt(position.replid, position.offset)
        elif effect.replid:
            replication.continue_as(effect.replid)
            if replicas is not None:
                replicas.disconnect_all()
        if replicas is not None:
            replicas.keep_backlog()
        if effect.is_full:
            self._log.notice("MASTER <-> REPLICA sync: Finished with success")
            self._restart_aof()
        if self._connection is None:  # it was lost while the data was loaded
            return
        if not self._session_id:
            self._session_id = state.new_session_id()
        self._stream = PrimaryStream(
            self._server, self._connection, position, self._session_id, self._stream_closed
        )
        self._connection.hold(False)
        if effect.data:
            self._server.loop.call_soon(self._go_on, self._stream, effect.data)

    def _go_on(self, stream: PrimaryStream, data: bytes) -> None:
        """The stream has begun in the same packet as what came before it."""
        if stream is self._stream and self._connection is not None:
            self.received(self._connection, data)

    def _stream_closed(self) -> None:
        """Somebody has closed the session of the stream."""
        self._side.lost("", self._now_s())
        self._carry_out()

    def _end(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.end()

    def _restart_aof(self) -> None:
        if self._state.append_only is not None:
            self._state.append_only.restart()


def _reason(error: Exception) -> str:
    """What the system says of a failure, in its own words."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)
