"""What happens once a second for replicas: who is told that we are alive, and who is not alive.

Source: replicationCron and refreshGoodSlavesCount of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyredis_cluster.execution.pause import PausePurpose
from pyredis_cluster.execution.replication import is_replica
from pyredis_cluster.replication.primary import good_replicas

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.full_sync import FullSync
    from pyredis_cluster.server.replica_output import ReplicaOutput
    from pyredis_cluster.server.replication_stream import ReplicationStream
    from pyredis_cluster.server.server import Server


class ReplicaWatch:
    """Watches over the replicas of one server."""

    def __init__(
        self,
        server: Server,
        outputs: Mapping[Session, ReplicaOutput],
        stream: ReplicationStream,
        full_sync: FullSync,
    ) -> None:
        """`outputs` are the replicas, whatever they wait for."""
        self._state = server.state
        self._config = server.config
        self._log = server.log
        self._outputs = outputs
        self._stream = stream
        self._full_sync = full_sync
        self._ticks = 0
        self._alone_since_ms = 0
        self.good_count = 0
        """How many replicas are up to date, while `min-replicas-to-write` asks for that."""
        server.cron.every(1000, self._tick)
        for name in ("min-replicas-to-write", "min-replicas-max-lag"):
            self._config.on_change(name, self.count_good)
        self.alone_now()
        self.count_good()

    def alone_now(self) -> None:
        """There are no replicas, from now on."""
        self._alone_since_ms = self._state.keyspace.now_ms

    def _tick(self, now_ms: int) -> None:
        is_due = self._ticks % self._config.integer("repl-ping-replica-period") == 0
        self._ticks += 1
        # A failover waits for a replica to reach the end of the stream.
        if is_due and self._outputs and not self._state.pauses.is_for(PausePurpose.FAILOVER):
            self._stream.feed_own(b"PING")
        for output in list(self._outputs.values()):
            if self._full_sync.is_waiting(output):
                # So that it does not take us for dead.
                output.send(b"\n")
            self._check_timeout(output, now_ms)
        self._drop_backlog(now_ms)
        self._full_sync.start_pending()
        self._full_sync.remove_file()
        self.count_good()

    def _check_timeout(self, output: ReplicaOutput, now_ms: int) -> None:
        replica = output.replica
        if replica.is_online and not replica.is_old:
            # A replica that loads its data sends line ends, to be known as alive.
            heard_ms = max(replica.ack_time_ms, output.session.last_interaction_ms)
            what = "streaming sync"
        elif replica.stuck_since_ms:
            heard_ms = replica.stuck_since_ms
            what = "full sync"
        else:
            return
        if now_ms // 1000 - heard_ms // 1000 > self._config.integer("repl-timeout"):
            self._log.warning(f"Disconnecting timedout replica ({what}): {replica.name}")
            output.close()

    def _drop_backlog(self, now_ms: int) -> None:
        """Keep the stream no longer when nobody has wanted it for repl-backlog-ttl."""
        ttl_s = self._config.integer("repl-backlog-ttl")
        is_kept = self._state.replication.backlog is not None
        if self._outputs or not ttl_s or not is_kept or is_replica(self._state):
            return
        if now_ms // 1000 - self._alone_since_ms // 1000 > ttl_s:
            self._stream.drop()
            self._log.notice(f"Replication backlog freed after {ttl_s} seconds without connected replicas.")

    def count_good(self) -> None:
        """Stop writes while too few replicas are up to date."""
        wanted = self._config.integer("min-replicas-to-write")
        max_lag_s = self._config.integer("min-replicas-max-lag")
        if not wanted or not max_lag_s:
            self._state.write_stops.set_lacks_replicas(False)
            return
        replicas = [output.replica for output in self._outputs.values()]
        self.good_count = good_replicas(replicas, max_lag_s, self._state.keyspace.now_ms)
        lacks = not is_replica(self._state) and self.good_count < wanted
        self._state.write_stops.set_lacks_replicas(lacks)
