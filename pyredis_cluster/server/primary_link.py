"""The link to a primary: what `ReplicaSide` asks for is done here, and what happens is told to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.replication import effects
from pyredis_cluster.replication.handshake import NO_OFFSET, Introduction
from pyredis_cluster.replication.replica import LinkState, ReplicaSide
from pyredis_cluster.server.clients import describe, sample
from pyredis_cluster.server.incoming_data import IncomingData
from pyredis_cluster.server.network import REPLICATION
from pyredis_cluster.server.primary_connection import PrimaryConnection, reason_of
from pyredis_cluster.server.primary_stream import PrimaryStream

if TYPE_CHECKING:
    from pyredis_cluster.replication.effects import Effect
    from pyredis_cluster.server.server import Server


class Owner(Protocol):
    """Who has the link."""

    def link_changed(self) -> None:
        """The link may have come up or gone down."""

    def asked_how_far(self, offset: int) -> None:
        """The primary asks how much was applied: up to `offset` when it asked."""

    def failover_answered(self, *, is_accepted: bool) -> None:
        """The target of a failover has been asked for the role of the primary."""


class PrimaryLink:
    """The connections, one after the other, of one server to its primary, and what comes over them."""

    def __init__(self, server: Server, side: ReplicaSide, owner: Owner) -> None:
        self._server = server
        self._state = server.state
        self._config = server.config
        self._log = server.log
        self._side = side
        self._owner = owner
        self._data = IncomingData(server, self._replacing)
        self._connecting: asyncio.Task[None] | None = None
        self._attempt: PrimaryConnection | None = None
        self._connection: PrimaryConnection | None = None
        self.stream: PrimaryStream | None = None
        """What applies the stream, while the link is up."""
        self._session_id = 0
        self._is_carrying_out = False
        self._is_stopped = False
        server.freezer.on_freeze.append(self._update_reading)
        server.freezer.on_thaw.append(self._update_reading)

    def _now_s(self) -> int:
        return self._state.keyspace.now_ms // 1000

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
        self.carry_out()

    def received(self, connection: PrimaryConnection, data: bytes) -> None:
        """See `primary_connection.Owner`."""
        state, stream = self._state, self.stream
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
            self.carry_out()
        state.flush_outboxes()

    def _received(self, data: bytes) -> None:
        self._side.received(data, self._now_s())
        self.carry_out()

    def lost(self, connection: PrimaryConnection, error: Exception | None) -> None:
        """See `primary_connection.Owner`."""
        if connection is self._connection:
            self._connection = None
            self._server.work(self._lost, (reason_of(error) if error is not None else "",))

    def _lost(self, reason: str) -> None:
        self._side.lost(reason, self._now_s())
        self.carry_out()

    def _update_reading(self) -> None:
        if self._connection is not None:
            self._connection.update_reading()

    async def _connect(self, host: str, port: int) -> None:
        freezer = self._server.freezer
        attempt = self._attempt = PrimaryConnection(self, freezer)
        try:
            source = self._config.text("bind-source-addr")
            await self._server.network.on(REPLICATION).connect(lambda: attempt, host, port, source=source)
        except (OSError, ValueError, OverflowError) as error:
            reason = reason_of(error)
            if freezer.is_frozen:
                freezer.postpone(lambda: self._server.work(self._connect_failed, (attempt, reason)))
            else:
                self._server.work(self._connect_failed, (attempt, reason))

    def _connect_failed(self, attempt: PrimaryConnection, reason: str) -> None:
        if attempt is self._attempt:
            self._connecting = self._attempt = None
            self._side.connect_failed(reason)
            self.carry_out()

    @property
    def lacks_data(self) -> bool:
        """Whether this server has dropped its data for that of a primary, and not got all of it."""
        return self._data.lacks_data

    def keep_what_is_there(self) -> None:
        """This server follows nobody any more: what it has is all its data."""
        self._data.lacks_data = False

    def release(self) -> None:
        """The server ends, in order or not: let go of everything, and say nothing."""
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

    def carry_out(self) -> None:
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
        self._owner.link_changed()

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
                self._owner.failover_answered(is_accepted=effect.is_accepted)

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
        self.carry_out()

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
            if state.append_only is not None:
                state.append_only.restart()
        if self._connection is None:  # it was lost while the data was loaded
            return
        if not self._session_id:
            self._session_id = state.new_session_id()
        self.stream = PrimaryStream(self._server, self._connection, position, self._session_id, self)
        self._connection.hold(False)
        if effect.data:
            self._server.loop.call_soon(self._go_on, self.stream, effect.data)

    def _go_on(self, stream: PrimaryStream, data: bytes) -> None:
        """The stream has begun in the same packet as what came before it."""
        if stream is self.stream and self._connection is not None:
            self.received(self._connection, data)

    def _end(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.end()

    # What the stream tells

    def stream_resumed(self, data: bytes) -> None:
        """See `primary_stream.Owner`."""
        if self._connection is not None:
            self.received(self._connection, data)

    def asked_how_far(self, offset: int) -> None:
        """See `primary_stream.Owner`."""
        self._owner.asked_how_far(offset)

    def stream_closed(self) -> None:
        """See `primary_stream.Owner`."""
        self._side.lost("", self._now_s())
        self.carry_out()
