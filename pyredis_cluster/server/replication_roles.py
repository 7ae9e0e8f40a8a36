"""How a server becomes a replica or a primary, and what follows from being one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution.gate import GATE_LINK_DOWN, GATE_WRITABLE_REPLICA
from pyredis_cluster.execution.pause import PausePurpose
from pyredis_cluster.replication.failover import Failover, FailoverState, FailoverTimeoutError
from pyredis_cluster.replication.handshake import NO_OFFSET
from pyredis_cluster.replication.replica import LinkState, Position, ReplicaSide
from pyredis_cluster.server.primary_link import PrimaryLink

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.persistence.loading import ReplicationNote
    from pyredis_cluster.server.server import Server

_TICK_MS: Final = 1000
_FAILOVER_TICK_MS: Final = 100
"""So often while clients wait for a failover to end."""
_FIRST_OFFSET: Final = 1
"""What INFO shows where nothing is known of a stream."""


class ReplicationRoles:
    """See `pyredis_cluster.execution.replication_roles.ReplicationRoles`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = state = server.state
        self._config = config = server.config
        self._log = server.log
        self._side = ReplicaSide()
        self._failover = Failover()
        self._link = PrimaryLink(server, self._side, self)
        self._awaited_disk_offset: int | None = None
        """What was applied and not yet on disk when the primary last asked."""
        state.replication_roles = self
        server.append_only.on_synced.append(self._disk_synced)
        server.persistence.on_history = self._history_loaded
        server.cron.every(_TICK_MS, self._tick)
        server.cron.every(_FAILOVER_TICK_MS, self._tick_in_failover)
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
        if self._link.stream is not None:
            return self._link.stream.session.call.db.index
        return self._side.position.database if self._side.position is not None else None

    @property
    def silence_ms(self) -> int | None:
        """See `ReplicationRoles`."""
        if self._link.lacks_data:
            return None
        side = self._side
        return max(self._now_s() - (side.last_io_s if side.is_up else side.down_since_s), 0) * 1000

    @property
    def failover_state(self) -> str:
        """See `ReplicationRoles`."""
        return self._failover.state.value

    @property
    def session(self) -> Session | None:
        """See `ReplicationRoles`."""
        return self._link.stream.session if self._link.stream is not None else None

    def info(self) -> Iterator[tuple[str, object]]:
        """See `ReplicationRoles`."""
        side, now_s, config = self._side, self._now_s(), self._config
        if side.primary is None:
            return
        processed = side.position.offset if side.position is not None else _FIRST_OFFSET
        unprocessed = self._link.stream.held_bytes if self._link.stream is not None else 0
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
        self._link.carry_out()

    def stop_following(self) -> None:
        """See `ReplicationRoles`."""
        side, replication = self._side, self._state.replication
        if side.primary is None:
            return
        side.unfollow(self._now_s())
        self._link.carry_out()
        self._link.keep_what_is_there()
        replication.shift_id(self._state.random)
        self._log.notice(
            f"Setting secondary replication ID to {replication.second_replid}, valid up to offset: "
            f"{replication.second_offset}. New replication ID is {replication.replid}"
        )
        self._role_changed()
        if self._state.replicas is not None:
            self._state.replicas.history_changed()
        if self._state.append_only is not None:
            self._state.append_only.restart()

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
        self.link_changed()
        if state.replicas is not None:
            state.replicas.role_changed()

    def link_changed(self) -> None:
        """See `primary_link.Owner`."""
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

    def failover_answered(self, *, is_accepted: bool) -> None:
        """See `primary_link.Owner`."""
        if is_accepted:
            self._end_failover()
        else:
            self.abort_failover("Failover target rejected psync request")

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

    def release(self) -> None:
        """The server ends, in order or not: let go of the link."""
        self._link.release()

    # Time

    def _now_s(self) -> int:
        return self._state.keyspace.now_ms // 1000

    def clock_moved(self, now_ms: int) -> None:
        """Count from now on how long the primary has been silent."""
        self._side.last_io_s = now_ms // 1000

    def _tick(self, now_ms: int) -> None:
        self._check_failover(now_ms)
        side = self._side
        side.tick(now_ms // 1000, self._config.integer("repl-timeout"))
        if side.is_up and side.position is not None:
            side.acknowledge(side.position.offset, self._disk_offset())
        self._link.carry_out()

    def _tick_in_failover(self, now_ms: int) -> None:
        if self._failover.state is not FailoverState.NONE:
            self._tick(now_ms)

    def acknowledge(self) -> None:
        """See `ReplicationRoles`."""
        if self._link.stream is not None:
            self._link.stream.acknowledge_now()

    def asked_how_far(self, offset: int) -> None:
        """See `primary_link.Owner`. Once it is on disk as well, that is told, too."""
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
            self._link.carry_out()

    def _disk_offset(self) -> int | None:
        aof = self._state.append_only
        return aof.synced_offset if aof is not None and aof.synced_offset >= 0 else None
