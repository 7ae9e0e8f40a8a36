"""The replica's side of replication as a state machine: what happens goes in, what to do comes out.

    NONE ──follow──> CONNECT ──> CONNECTING ──> HANDSHAKE ──+FULLRESYNC──> TRANSFER ──loaded──> CONNECTED
                        ^                           └───────────+CONTINUE───────────────────────────^
                        └── whatever fails: tried again at once or at the next tick

The shell calls a method for whatever happens, with the time in seconds, and then carries out what is in
`out`, in order. Bytes of the stream do not pass through here: the shell has them applied, and moves
`position`.

`position` is how far the data is in which history. It outlives the link, so that what was missed is enough
when it comes back; and it comes from the server's own history when a primary turns into a replica.

Source: replication.c of Redis 7.2; the texts are those of its log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyredis_cluster.protocol.command_stream import encode_request
from pyredis_cluster.replication.effects import (
    POSITION_DISCARDED,
    Announce,
    Begin,
    Connect,
    Discard,
    Disconnect,
    Effect,
    End,
    FailoverAnswered,
    Load,
    Log,
    Prepare,
    Send,
    Store,
)
from pyredis_cluster.replication.handshake import NO_OFFSET, Handshake, Introduction, Step, Verdict
from pyredis_cluster.replication.transfer import Transfer, TransferError

_LINE_MAX_BYTES: Final = 1024
_NO_ERROR: Final = "Success"
"""What Redis says of a connection that has ended in order."""
_SYNC: Final = b"SYNC\r\n"


class LinkState(Enum):
    """Where the link is; the values are what ROLE calls it."""

    NONE = "none"
    CONNECT = "connect"
    CONNECTING = "connecting"
    HANDSHAKE = "handshake"
    TRANSFER = "sync"
    CONNECTED = "connected"


@dataclass(slots=True)
class Position:
    """`offset` bytes of history `replid` are in the data; behind them `database` is selected."""

    replid: str
    offset: int
    database: int = 0


_OF_TRANSFER: Final = (Prepare, Announce, Store, Load)


class ReplicaSide:
    """The link of one server to its primary, if it has one."""

    def __init__(self) -> None:
        self.primary: tuple[str, int] | None = None
        self.state = LinkState.NONE
        self.position: Position | None = None
        self.transfer: Transfer | None = None
        self.is_loading = False
        """Whether the data set is complete, and being loaded."""
        self.down_since_s = 0
        """When the link went down; 0 if it never was up."""
        self.last_io_s = 0
        """When something last came from the primary."""
        self.out: list[Effect] = []
        self._handshake: Handshake | None = None
        self._is_failover = False
        self._lines = b""
        self._is_lost = False
        """Whether the connection ended while the data set was loaded: what came before is not lost."""

    @property
    def incoming_replid(self) -> str:
        """The history of the data set that comes."""
        return self._handshake.replid if self._handshake is not None else ""

    @property
    def is_up(self) -> bool:
        """Whether the stream comes in."""
        return self.state is LinkState.CONNECTED

    # Roles

    def follow(
        self, host: str, port: int, now_s: int, *, own: Position | None, is_failover: bool = False
    ) -> None:
        """Have another primary, or one at all.

        `own` is how far the history of a server is that was a primary: the new one may go on from there. With
        `is_failover` the new primary is asked to take over that role.
        """
        was_primary = self.primary is None
        self._lose_stream(now_s)
        self.primary = (host, port)
        self._is_failover = is_failover
        self._cancel()
        if was_primary:
            self._discard_position()
            self._log(
                "Before turning into a replica, using my own master parameters to synthesize a cached "
                "master: I may be able to synchronize with the new master with just a partial transfer."
            )
            self.position = own
        self.state = LinkState.CONNECT
        self._connect(now_s)

    def unfollow(self, now_s: int) -> None:
        """Have no primary any more."""
        self._lose_stream(now_s)
        self._discard_position()
        self._cancel()
        self.primary = None
        self._is_failover = False
        self.state = LinkState.NONE
        self.down_since_s = 0

    def forget_position(self) -> bool:
        """Nothing can be resumed from what the data was; whether it could before."""
        had_position = self.position is not None
        self.position = None
        return had_position

    def _discard_position(self) -> None:
        if self.forget_position():
            self._log(POSITION_DISCARDED)

    def failover_is_over(self) -> None:
        """The next primary that is asked for data is not asked for its role."""
        self._is_failover = False

    # Time

    def tick(self, now_s: int, timeout_s: int) -> None:
        """Once a second: what has taken too long, and what is to be tried again."""
        if self.is_loading:
            self.out.append(Send(b"\n"))  # so that the primary sees that we are at work
            return
        silent = now_s - self.last_io_s > timeout_s
        match self.state:
            case LinkState.CONNECTING | LinkState.HANDSHAKE if silent:
                self._log("Timeout connecting to the MASTER...", is_warning=True)
                self._retry(now_s)
            case LinkState.TRANSFER if silent:
                self._log(
                    "Timeout receiving bulk data from MASTER... If the problem persists try to set the "
                    "'repl-timeout' parameter in redis.conf to a larger value.",
                    is_warning=True,
                )
                self._retry(now_s)
            case LinkState.CONNECTED if silent:
                self._log("MASTER timeout: no data nor PING received...", is_warning=True)
                self.lost("", now_s)
            case LinkState.CONNECT:
                self._connect(now_s)

    # The connection

    def connected(self, introduction: Introduction, now_s: int) -> None:
        """The connection is there."""
        self._log("Non blocking connect for SYNC fired the event.")
        position = self.position
        resumed = None
        if position is not None and position.offset != NO_OFFSET:
            resumed = (position.replid, position.offset)
        self._handshake = Handshake(introduction, resumed, is_failover=self._is_failover)
        self._lines = b""
        self.last_io_s = now_s
        self.state = LinkState.HANDSHAKE
        self.out.append(Send(self._handshake.hello()))

    def connect_failed(self, reason: str) -> None:
        """There will be no connection; the next tick tries again."""
        self._log(f"Error condition on socket for SYNC: {reason}", is_warning=True)
        self.state = LinkState.CONNECT

    def received(self, data: bytes, now_s: int) -> None:
        """Bytes came before the link was up."""
        if self.state is LinkState.HANDSHAKE:
            data = self._take_lines(data, now_s)
        if data and self.state is LinkState.TRANSFER:
            self._take_data(data, now_s)

    def lost(self, reason: str, now_s: int) -> None:
        """The connection has ended; `reason` is "" where the primary closed it in order."""
        match self.state:
            case LinkState.HANDSHAKE:
                self._handshake_lost(reason)
            case LinkState.TRANSFER if self.is_loading:
                self._is_lost = True
            case LinkState.TRANSFER:
                assert self.transfer is not None
                if self.transfer.size is None:
                    self._log(
                        f"I/O error reading bulk count from MASTER: {reason or _NO_ERROR}", is_warning=True
                    )
                else:
                    self._log(
                        f"I/O error trying to sync with MASTER: {reason or 'connection lost'}",
                        is_warning=True,
                    )
                self._retry(now_s)
            case LinkState.CONNECTED:
                self._lose_stream(now_s)
                self._reconnect("", now_s)

    def stream_broken(self, now_s: int) -> None:
        """What came is no stream, or could not be applied: nothing of it can be resumed."""
        self._log("Connection with master lost.")
        self._end_stream(now_s)
        self.position = None
        self._reconnect("", now_s)

    def reset(self, now_s: int) -> None:
        """Whatever goes on, begin anew: what was to be done could not be."""
        self.out.clear()
        if self.state is LinkState.CONNECTED:
            self.stream_broken(now_s)
        else:
            self._cancel()

    # The data set

    def failed(self, now_s: int) -> None:
        """The data set could not be stored or loaded."""
        self._retry(now_s)

    def loaded(self, database: int, now_s: int) -> None:
        """The data set is in place; `database` is selected in the stream that follows."""
        assert self.transfer is not None
        assert self._handshake is not None
        transfer, handshake = self.transfer, self._handshake
        self.transfer = None
        self.is_loading = False
        self.position = Position(handshake.replid, handshake.offset, database)
        self._come_up(now_s)
        self.out.append(Begin(is_full=True, replid="", data=transfer.rest))
        if transfer.has_mark:
            # The primary waits for this before it sends the stream.
            self.acknowledge(handshake.offset, None)
        if self._is_lost:
            self.lost("", now_s)

    # The stream

    def acknowledge(self, offset: int, disk_offset: int | None) -> None:
        """Tell the primary how much was applied, and how much of it is on disk, if an AOF is kept."""
        position = self.position
        if self.state is not LinkState.CONNECTED or position is None or position.offset == NO_OFFSET:
            return
        words = [b"REPLCONF", b"ACK", b"%d" % offset]
        if disk_offset is not None:
            words += [b"FACK", b"%d" % disk_offset]
        self.out.append(Send(encode_request(*words)))

    def _take_lines(self, data: bytes, now_s: int) -> bytes:
        """Replies of the handshake; returns what is no longer of it."""
        data = self._lines + data
        self._lines = b""
        handshake = self._handshake
        assert handshake is not None
        while self.state is LinkState.HANDSHAKE:
            line, line_end, rest = data.partition(b"\n")
            if not line_end:
                if len(data) > _LINE_MAX_BYTES:
                    self._log("Failed to read response from the server: line too long", is_warning=True)
                    self._give_up()
                else:
                    self._lines = data
                return b""
            data = rest
            self.last_io_s = now_s
            step = handshake.receive(line.removesuffix(b"\r"))
            self._take_step(step, now_s, data)
        return data if self.state is LinkState.TRANSFER else b""

    def _take_step(self, step: Step, now_s: int, rest: bytes) -> None:
        for text in step.warnings:
            self._log(text, is_warning=True)
        for text in step.notices:
            self._log(text)
        if step.send:
            self.out.append(Send(step.send))
        if step.verdict is None:
            return
        if self._is_failover and step.verdict is not Verdict.FAILED:
            is_accepted = step.verdict in (Verdict.FULL, Verdict.CONTINUE)
            self.out.append(FailoverAnswered(is_accepted))
            if not is_accepted:
                self._give_up()
                return
        match step.verdict:
            case Verdict.FULL:
                self._begin_transfer(now_s)
            case Verdict.CONTINUE:
                self._continue(now_s, rest)
            case Verdict.UNSUPPORTED:
                self._log("Retrying with SYNC...")
                self.out.append(Send(_SYNC))
                self._begin_transfer(now_s)
            case _:
                self._give_up()

    def _begin_transfer(self, now_s: int) -> None:
        self.state = LinkState.TRANSFER
        self.transfer = Transfer()
        self._is_lost = False
        self.last_io_s = now_s
        self.out.append(Prepare())

    def _continue(self, now_s: int, data: bytes) -> None:
        position, handshake = self.position, self._handshake
        assert handshake is not None
        if position is None:
            # Nothing was asked for that could go on.
            self._log("Unexpected reply to PSYNC from master: +CONTINUE", is_warning=True)
            self._give_up()
            return
        replid = handshake.replid if handshake.replid != position.replid else ""
        if replid:
            self._log(f"Master replication ID changed to {replid}")
            position.replid = replid
        self._come_up(now_s)
        self.out.append(Begin(is_full=False, replid=replid, data=data))
        self._log("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")

    def _take_data(self, data: bytes, now_s: int) -> None:
        transfer = self.transfer
        assert transfer is not None
        had_size = transfer.size is not None
        self.last_io_s = now_s
        try:
            data = transfer.feed(data)
        except TransferError as error:
            self._log(str(error), is_warning=True)
            self._retry(now_s)
            return
        if not had_size and transfer.size is not None:
            self.out.append(Announce())
        if data:
            self.out.append(Store(data))
        if transfer.is_complete:
            self.is_loading = True
            self.out.append(Load())

    # Coming up and going down

    def _come_up(self, now_s: int) -> None:
        self.state = LinkState.CONNECTED
        self.down_since_s = 0
        self.last_io_s = now_s

    def _connect(self, now_s: int) -> None:
        assert self.primary is not None
        host, port = self.primary
        self._log(f"Connecting to MASTER {host}:{port}")
        self._open(now_s)

    def _open(self, now_s: int) -> None:
        assert self.primary is not None
        self.state = LinkState.CONNECTING
        self.last_io_s = now_s
        self.out.append(Connect(*self.primary))
        self._log("MASTER <-> REPLICA sync started")

    def _reconnect(self, why: str, now_s: int) -> None:
        """Try again at once: the longer it takes the less the backlog may still hold."""
        assert self.primary is not None
        host, port = self.primary
        self._log(f"Reconnecting to MASTER {host}:{port}{why}")
        self._open(now_s)

    def _retry(self, now_s: int) -> None:
        self._cancel()
        self._reconnect(" after failure", now_s)

    def _cancel(self) -> None:
        """End an attempt that has not led to a stream yet."""
        if self.state in (LinkState.CONNECTING, LinkState.HANDSHAKE, LinkState.TRANSFER):
            # What has just come and was not taken yet is not wanted any more.
            self.out = [effect for effect in self.out if not isinstance(effect, _OF_TRANSFER)]
            self.out.append(Disconnect())
            if self.state is LinkState.TRANSFER:
                self.out.append(Discard())
            self.transfer = None
            self.is_loading = False
            self.state = LinkState.CONNECT

    def _give_up(self) -> None:
        """The attempt has failed; the next tick tries again."""
        self._cancel()

    def _handshake_lost(self, reason: str) -> None:
        assert self._handshake is not None
        self._log(f"Failed to read response from the server: {reason or _NO_ERROR}", is_warning=True)
        if self._handshake.expects_psync_reply:
            self._log("Master did not reply to PSYNC, will try later", is_warning=True)
            if self._is_failover:
                self.out.append(FailoverAnswered(is_accepted=False))
        else:
            self._log("Master did not respond to command during SYNC handshake", is_warning=True)
        self._give_up()

    def _lose_stream(self, now_s: int) -> None:
        """The link goes down, if it was up; what follows `position` is enough when it comes back."""
        if self.state is LinkState.CONNECTED:
            self._log("Connection with master lost.")
            self._log("Caching the disconnected master state.")
            self._end_stream(now_s)

    def _end_stream(self, now_s: int) -> None:
        self.out.append(End())
        self.out.append(Disconnect())
        self.state = LinkState.CONNECT
        self.down_since_s = now_s

    def _log(self, text: str, *, is_warning: bool = False) -> None:
        self.out.append(Log(text, is_warning))
