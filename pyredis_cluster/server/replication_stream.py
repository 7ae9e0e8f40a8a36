"""The stream that replicas get: where it comes from, where it is kept, and when it is sent.

A primary makes it of what its clients change, and of commands of its own; a replica hands on what its primary
sends, byte for byte.

Source: replicationFeedSlaves and replicationFeedStreamFromMasterStream of Redis 7.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pyredis_cluster.execution.replication import is_replica
from pyredis_cluster.protocol.command_stream import encode_requests

if TYPE_CHECKING:
    from pyredis_cluster.execution.propagation import Batch
    from pyredis_cluster.execution.session import Session
    from pyredis_cluster.server.replica_output import ReplicaOutput
    from pyredis_cluster.server.server import Server

_NONE_SELECTED: Final = -1


class ReplicationStream:
    """The stream of one server."""

    def __init__(self, server: Server, outputs: Mapping[Session, ReplicaOutput]) -> None:
        """`outputs` are the replicas, whatever they wait for."""
        self._server = server
        self._state = server.state
        self._config = server.config
        self._outputs = outputs
        self._selected = _NONE_SELECTED
        """The database that the stream has selected."""
        self._is_attached = False
        self._unsent: list[bytes] = []
        """What the stream got in this turn."""
        self._is_sending_due = False
        self._config.on_change("repl-backlog-size", self._resize)
        self._config.on_change("appendonly", self.attach_or_detach)
        server.stopping.on_stop.append(self._send_last)
        self.attach_or_detach()

    @property
    def database(self) -> int | None:
        """The database that is selected in the stream that goes on from the data there is now, for a note
        beside that data; None where there is no such stream.

        Source: rdbPopulateSaveInfo.
        """
        if is_replica(self._state):
            roles = self._state.replication_roles
            return roles.stream_database if roles is not None else None
        if self._state.replication.backlog is None:
            return None
        return max(self._selected, 0)

    def forget_selected(self) -> None:
        """Begin with a SELECT again: for someone new nothing is selected, nor is it in another history."""
        self._selected = _NONE_SELECTED

    # Where it comes from

    def attach_or_detach(self) -> None:
        """Have effects recorded only if somebody is told of them."""
        is_told = self._state.replication.backlog is not None or self._config.flag("appendonly")
        wanted = is_told and not is_replica(self._state)
        if wanted == self._is_attached:
            return
        self._is_attached = wanted
        propagation = self._state.propagation
        if wanted:
            propagation.attach(self._take)
            # The AOF asks for the offset of what it is handed, which has to be counted by then.
            propagation.sinks.insert(0, propagation.sinks.pop())
        else:
            propagation.detach(self._take)

    def _take(self, batch: Batch) -> None:
        """What clients have changed."""
        replication = self._state.replication
        if is_replica(self._state):
            return
        if replication.backlog is None:
            # Nobody reads the stream, but what the AOF has on disk is told in offsets: of commands, then.
            replication.offset += batch.command_count
            return
        self.feed(batch.introduction(self._selected) + batch.wire())
        self._selected = batch.last_database

    def feed_own(self, *request: bytes) -> None:
        """A command of this server's own. The stream of a replica is its primary's, and nothing else."""
        self._state.deliver_effects()
        if is_replica(self._state):
            return
        if self._state.replication.backlog is not None:
            self.feed(encode_requests([list(request)]))
        else:
            self._state.replication.offset += 1

    def feed(self, data: bytes) -> None:
        """The stream goes on with `data`: count it, keep it in the backlog, send it to all who take it."""
        self._state.replication.append(data)
        if self._outputs:
            self._unsent.append(data)
            if not self._is_sending_due:
                self._is_sending_due = True
                self._server.loop.call_soon(self._send)

    # Where it is kept

    def keep(self) -> None:
        """Begin to keep it, unless it is kept."""
        self._state.replication.make_backlog(self._config.integer("repl-backlog-size"))
        self.attach_or_detach()

    def drop(self) -> None:
        """Keep it no longer. From here on the offset stands still though data changes: another history."""
        self._state.deliver_effects()
        self._state.replication.change_id(self._state.random)
        self._state.replication.drop_backlog()
        self.attach_or_detach()

    def _resize(self) -> None:
        backlog = self._state.replication.backlog
        if backlog is not None:
            backlog.resize(self._config.integer("repl-backlog-size"))

    def keep_what_is_unsent(self) -> None:
        """Keep what some replica has yet to get, whatever the size; close those that have too much to get."""
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

    # When it is sent

    def _send(self) -> None:
        """Send what came since the last time, to all in one write each."""
        self._is_sending_due = False
        data = b"".join(self._unsent)
        self._unsent.clear()
        offset = self._state.replication.offset
        start = offset - len(data)
        for output in list(self._outputs.values()):
            replica = output.replica
            if not replica.takes_stream or not output.is_ready or output.session.is_closing:
                continue
            try:
                if replica.sent_offset == start:
                    replica.sent_offset = offset
                    output.send(data)
                else:
                    output.send_stream()
            except Exception as error:
                self._server.log.failure(f"Failure while sending to replica {replica.name}", error)
                output.close()
        self.keep_what_is_unsent()

    def send_to(self, output: ReplicaOutput) -> None:
        """Send one replica what it has not had, as far as its connection takes it."""
        output.send_stream()
        self.keep_what_is_unsent()

    def replica_left(self) -> None:
        """A replica is gone, and what was kept for it may go."""
        if not self._outputs:
            self._unsent.clear()
        self.keep_what_is_unsent()

    def _send_last(self) -> None:
        """The server ends: hand over what was changed last."""
        self._state.deliver_effects()
        self._send()
