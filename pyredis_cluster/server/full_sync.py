"""Full synchronisations: when a snapshot for replicas begins, who gets it, and how it reaches them.

Source: startBgsaveForReplication, updateSlavesWaitingBgsave and the end of syncCommand of Redis 7.2.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.execution.gate import GATE_LOADING
from pyredis_cluster.persistence.rdb.form import RdbSnapshot
from pyredis_cluster.replication.primary import ReplicaState, SyncSettings, ready_to_sync
from pyredis_cluster.server.background import JobKilledError
from pyredis_cluster.server.bulk_transfer import BulkTransfer
from pyredis_cluster.server.diskless import DisklessTransfer

if TYPE_CHECKING:
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.replica_output import ReplicaOutput
    from pyredis_cluster.server.server import Server


class CameOnline(Protocol):
    """Told of a replica that has all the data."""

    def __call__(self, output: ReplicaOutput, *, starts_on_ack: bool) -> None:
        """`starts_on_ack`: the stream has to wait until the replica has acknowledged the data."""


class FullSync:
    """The synchronisations of one server."""

    def __init__(
        self,
        server: Server,
        outputs: Mapping[Session, ReplicaOutput],
        came_online: CameOnline,
        forget_selected: Callable[[], None],
    ) -> None:
        """`outputs` are the replicas, whatever they wait for. `forget_selected` has the stream begin with a
        SELECT.
        """
        self._server = server
        self._state = server.state
        self._log = server.log
        self._jobs = server.background
        self._outputs = outputs
        self._came_online = came_online
        self._forget_selected = forget_selected
        self._diskless: DisklessTransfer | None = None
        self._path = ""
        """Of the file that is being made for replicas: `dbfilename` may be changed meanwhile."""
        self._has_file = False
        """Whether that was made for nobody else, and is to be removed again."""
        self._bulk: dict[ReplicaOutput, BulkTransfer] = {}
        self._jobs.on_end.append(self.start_pending)

    def is_waiting(self, output: ReplicaOutput) -> bool:
        """Whether a replica waits for its data to begin, and is to be told that we are alive."""
        state = output.replica.state
        return state is ReplicaState.WAIT_BGSAVE_START or (
            state is ReplicaState.WAIT_BGSAVE_END and self._diskless is None
        )

    def arrived(self, output: ReplicaOutput) -> None:
        """A replica needs all data: begin, have it share what is being made, or let it wait."""
        kind = self._jobs.kind
        replica = output.replica
        if kind == "rdb":
            shared = [each for each in self._waiting_for_end() if replica.accepts_snapshot_of(each.replica)]
            if shared:
                self._set_up(output, shared[0].replica.initial_offset)
                self._log.notice("Waiting for end of BGSAVE for SYNC")
            else:
                self._log.notice(
                    "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC"
                )
        elif kind == "replication":
            self._log.notice("Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC")
        elif self._is_diskless([output]) and self._server.config.integer("repl-diskless-sync-delay"):
            self._log.notice("Delay next BGSAVE for diskless SYNC")
        elif kind is None:
            self._start(self._waiting_for_start())
        else:
            self._log.notice(
                "No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed"
            )

    def start_pending(self) -> None:
        """Begin for those who have waited long enough, if nothing else is under way."""
        if self._jobs.is_active or self._state.gate & GATE_LOADING:
            return
        config = self._server.config
        settings = SyncSettings(
            config.flag("repl-diskless-sync"),
            config.integer("repl-diskless-sync-delay"),
            config.integer("repl-diskless-sync-max-replicas"),
        )
        waiting = self._waiting_for_start()
        ready = ready_to_sync([output.replica for output in waiting], settings, self._state.keyspace.now_ms)
        if ready:
            self._start(waiting)

    def _waiting_for_start(self) -> list[ReplicaOutput]:
        return self._in_state(ReplicaState.WAIT_BGSAVE_START)

    def _waiting_for_end(self) -> list[ReplicaOutput]:
        return self._in_state(ReplicaState.WAIT_BGSAVE_END)

    def _in_state(self, state: ReplicaState) -> list[ReplicaOutput]:
        return [output for output in self._outputs.values() if output.replica.state is state]

    def _is_diskless(self, outputs: Iterable[ReplicaOutput]) -> bool:
        """Whether these can be sent data of unknown length, and should be."""
        return self._server.config.flag("repl-diskless-sync") and all(
            output.replica.takes_eof_mark for output in outputs
        )

    def _start(self, outputs: list[ReplicaOutput]) -> None:
        """Begin a snapshot for all who wait for one."""
        is_diskless = self._is_diskless(outputs)
        self._log.notice(
            f"Starting BGSAVE for SYNC with target: {'replicas sockets' if is_diskless else 'disk'}"
        )
        # What was changed before is part of the data, and not of what follows it.
        self._state.deliver_effects()
        if is_diskless:
            self._start_diskless(outputs)
        else:
            self._start_on_disk(outputs)

    def _set_up(self, output: ReplicaOutput, offset: int) -> None:
        """From here on a replica needs the stream."""
        replica = output.replica
        replica.begin_full_sync(offset)
        self._forget_selected()
        if not replica.is_old:
            replid = self._state.replication.replid.encode()
            output.send(b"+FULLRESYNC %b %d\r\n" % (replid, offset))

    def _start_diskless(self, outputs: list[ReplicaOutput]) -> None:
        options = self._server.persistence.options()
        for output in outputs:
            self._set_up(output, self._state.replication.offset)
        mark = b"%040x" % self._state.random.getrandbits(160)
        self._log.notice(f"Background RDB transfer started by pid {os.getpid()}")
        transfer = self._diskless = DisklessTransfer(
            self._jobs, outputs, mark, self._log, lambda: self._state.keyspace.now_ms
        )
        self._jobs.start(
            "replication",
            RdbSnapshot(self._state.keyspace, options),
            transfer.write,
            self._diskless_ended,
            finish=transfer.finish,
        )

    def _diskless_ended(self, error: Exception | None) -> None:
        transfer, self._diskless = self._diskless, None
        assert transfer is not None
        if error is None:
            self._log.notice("Background RDB transfer terminated with success")
        elif isinstance(error, JobKilledError):
            self._log.warning(f"Background transfer terminated by signal {error.signal}")
        else:
            self._log.warning("Background transfer error")
        for output in list(transfer.outputs):
            if error is not None:
                self._fail(output)
                continue
            self._log.notice(
                f"Streamed RDB transfer with replica {output.replica.name} succeeded (socket). Waiting for "
                "REPLCONF ACK from replica to enable streaming"
            )
            self._came_online(output, starts_on_ack=True)

    def _fail(self, output: ReplicaOutput) -> None:
        self._log.warning("SYNC failed. BGSAVE child returned an error")
        output.close()

    def remove_file(self) -> None:
        """Remove the file that was made for replicas only, when nobody needs it (`rdb-del-sync-files`).

        Source: removeRDBUsedToSyncReplicas.
        """
        config = self._server.config
        if not config.flag("rdb-del-sync-files"):
            self._has_file = False
        is_needed = any(not output.replica.is_online for output in self._outputs.values())
        is_persistent = bool(config.save_points) or config.flag("appendonly")
        if not self._has_file or is_needed or is_persistent:
            return
        self._has_file = False
        with contextlib.suppress(OSError):
            if self._server.disk.exists(self._path):
                self._log.notice("Removing the RDB file used to feed replicas in a persistence-less instance")
                self._server.disk.remove(self._path)

    def _start_on_disk(self, outputs: list[ReplicaOutput]) -> None:
        self._path = self._server.config.path("dbfilename")
        self._has_file = self._server.config.flag("rdb-del-sync-files")
        self._server.persistence.save_in_background(self._save_ended)
        for output in outputs:
            self._set_up(output, self._state.replication.offset)

    def _save_ended(self, error: Exception | None) -> None:
        """The file that some replicas may wait for is there, or is not."""
        for output in self._waiting_for_end():
            if error is not None:
                self._fail(output)
                continue
            try:
                data = self._server.disk.read(self._path)
            except OSError as failure:
                self._log.warning(f"SYNC failed. Can't open/stat DB after BGSAVE: {failure.strerror}")
                output.close()
                continue
            output.replica.state = ReplicaState.SEND_BULK
            self._bulk[output] = transfer = BulkTransfer(output, data)
            self._send_bulk(output, transfer)

    def _send_bulk(self, output: ReplicaOutput, transfer: BulkTransfer) -> None:
        if transfer.go_on():
            del self._bulk[output]
            self._came_online(output, starts_on_ack=False)

    def drained(self, output: ReplicaOutput) -> None:
        """The connection of a replica takes more."""
        transfer = self._bulk.get(output)
        if transfer is not None:
            self._send_bulk(output, transfer)
        elif self._diskless is not None and output in self._diskless.outputs:
            self._diskless.drained(output)

    def has_taken_all(self, output: ReplicaOutput) -> None:
        """A replica has acknowledged its data."""
        if self._diskless is not None and output in self._diskless.outputs:
            self._diskless.acknowledged(output)

    def left(self, output: ReplicaOutput) -> None:
        """A replica is gone."""
        self._bulk.pop(output, None)
        if self._diskless is not None and output in self._diskless.outputs:
            self._diskless.left(output)
        elif (
            output.replica.state is ReplicaState.WAIT_BGSAVE_END
            and self._jobs.kind == "rdb"
            and not self._waiting_for_end()
            and not self._server.config.save_points
        ):
            # The file was for nobody else.
            self._jobs.cancel()
