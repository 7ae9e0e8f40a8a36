"""The primary's side of replication, as far as it decides: what a replica is sent next, and what it has.

The life of a replica at its primary:

    PSYNC, history known ─────────────────────────────────────────────> ONLINE
    PSYNC or SYNC ──> WAIT_BGSAVE_START ──> WAIT_BGSAVE_END ──────────> ONLINE      (no file; see below)
                                                 └────> SEND_BULK ────> ONLINE      (from a file)

`WAIT_BGSAVE_START` lasts until a snapshot begins: that is the moment from which on the replica needs the
stream, so it is told its offset then. What is changed meanwhile stays in the backlog, from where every
replica is sent what it has not had yet.

One that was sent its data without a file is online, but gets no stream until its first acknowledgement: only
then has it seen the mark that ends the data.

Source: replication.c of Redis 7.2.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from pyredis_cluster.replication.backlog import Backlog


class ReplicaState(enum.Enum):
    """How far a replica is, with the word that INFO and the log have for it."""

    WAIT_BGSAVE_START = (1, "wait_bgsave")
    WAIT_BGSAVE_END = (2, "wait_bgsave")
    SEND_BULK = (3, "send_bulk")
    ONLINE = (4, "online")

    @property
    def shown(self) -> str:
        """That word."""
        return self.value[1]


@dataclass(slots=True, eq=False)
class Replica:
    """What is known of one replica. Times are milliseconds, offsets count bytes of the stream."""

    host: str
    """Address that its connection comes from."""
    listening_port: int = 0
    ip_address: str | None = None
    """What it wants to be known by instead."""
    takes_eof_mark: bool = False
    """REPLCONF capa eof: takes data whose end is a mark, so that no length has to be known before."""
    takes_new_id: bool = False
    """REPLCONF capa psync2: takes another replication id with +CONTINUE."""
    wants_only_data: bool = False
    """REPLCONF rdb-only: leaves when it has the data."""
    is_old: bool = False
    """It came with SYNC: it neither takes a +FULLRESYNC nor acknowledges anything."""
    state: ReplicaState | None = None
    """None for a client that is no replica yet."""
    since_ms: int = 0
    """When it asked for synchronisation."""
    initial_offset: int = 0
    """Where the stream begins that follows the data it is sent."""
    sent_offset: int = 0
    """What it was sent of the stream so far."""
    ack_offset: int = 0
    aof_offset: int = 0
    """What it says that its AOF has on disk."""
    ack_time_ms: int = 0
    starts_on_ack: bool = False
    """It is sent nothing of the stream before it acknowledges the data."""
    stuck_since_ms: int = 0
    """Since when its connection has taken nothing of the data; 0 where it does."""

    @property
    def shown_host(self) -> str:
        """How INFO, ROLE and the log call it."""
        return self.ip_address or self.host

    @property
    def name(self) -> str:
        """The replica for the log: `host:port`."""
        host = self.shown_host
        if not self.listening_port:
            return f"{host}:<unknown-replica-port>"
        return f"[{host}]:{self.listening_port}" if ":" in host else f"{host}:{self.listening_port}"

    @property
    def shown_state(self) -> str:
        """Its state for INFO and the log."""
        return self.state.shown if self.state is not None else ""

    @property
    def is_online(self) -> bool:
        """Whether it has the data."""
        return self.state is ReplicaState.ONLINE

    @property
    def needs_stream(self) -> bool:
        """Whether what is changed now has to be kept for it."""
        return (
            self.state is not None
            and self.state is not ReplicaState.WAIT_BGSAVE_START
            and not self.wants_only_data
        )

    @property
    def takes_stream(self) -> bool:
        """Whether it may be sent the stream now."""
        return self.state is ReplicaState.ONLINE and not self.starts_on_ack

    def begin_full_sync(self, offset: int) -> None:
        """A snapshot begins that is for this replica: the stream goes on from `offset`."""
        self.state = ReplicaState.WAIT_BGSAVE_END
        self.initial_offset = self.sent_offset = offset

    def come_online(self, now_ms: int, *, starts_on_ack: bool = False) -> None:
        """It has the data."""
        self.state = ReplicaState.ONLINE
        self.ack_time_ms = now_ms
        self.starts_on_ack = starts_on_ack
        self.stuck_since_ms = 0

    def acknowledge(self, offset: int, aof_offset: int | None, now_ms: int) -> None:
        """It says how much it has, and how much of that is on its disk. Nothing is ever taken back."""
        self.ack_offset = max(self.ack_offset, offset)
        if aof_offset is not None:
            self.aof_offset = max(self.aof_offset, aof_offset)
        self.ack_time_ms = now_ms

    def clock_moved(self, now_ms: int) -> None:
        """The clock was moved on, in one step: count silence from now on."""
        if self.ack_time_ms:
            self.ack_time_ms = now_ms
        if self.stuck_since_ms:
            self.stuck_since_ms = now_ms

    def lag_s(self, now_ms: int) -> int:
        """Seconds since it was last heard of."""
        return now_ms // 1000 - self.ack_time_ms // 1000 if self.is_online else 0

    def accepts_snapshot_of(self, other: Replica) -> bool:
        """Whether data that is being written for `other` is of use to this one, stream and all."""
        return (
            other.state is ReplicaState.WAIT_BGSAVE_END
            and (not other.wants_only_data or self.wants_only_data)
            and (self.takes_eof_mark or not other.takes_eof_mark)
            and (self.takes_new_id or not other.takes_new_id)
        )


@dataclass(frozen=True, slots=True)
class History:
    """What PSYNC is compared with; see `ReplicationState`."""

    replid: str
    second_replid: str
    second_offset: int
    offset: int
    backlog: Backlog | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a replica cannot resume: lines for the log."""

    notice: str
    warning: str | None = None


def refusal_to_resume(history: History, replid: str, offset: int, name: str) -> Refusal | None:
    """Why the replica called `name` cannot go on with byte number `offset` of history `replid`; None if it
    can.

    Source: masterTryPartialResynchronization.
    """
    asked = replid.lower()
    if asked != history.replid and (asked != history.second_replid or offset > history.second_offset):
        if replid.startswith("?"):
            return Refusal(f"Full resync requested by replica {name}")
        if asked != history.second_replid:
            return Refusal(
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for "
                f"'{replid}', my replication IDs are '{history.replid}' and '{history.second_replid}')"
            )
        return Refusal(
            f"Partial resynchronization not accepted: Requested offset for second ID was {offset}, but I can "
            f"reply up to {history.second_offset}"
        )
    backlog = history.backlog
    if backlog is not None and backlog.first_offset <= offset <= backlog.end_offset + 1:
        return None
    warning = None
    if offset > history.offset:
        warning = (
            f"Warning: replica {name} tried to PSYNC with an offset that is greater than the master "
            "replication offset."
        )
    return Refusal(
        f"Unable to partial resync with replica {name} for lack of backlog (Replica request was: {offset}).",
        warning,
    )


def acknowledged(replicas: Iterable[Replica], offset: int) -> int:
    """How many replicas have the stream up to `offset`."""
    return sum(replica.is_online and replica.ack_offset >= offset for replica in replicas)


def on_disk(replicas: Iterable[Replica], offset: int) -> int:
    """How many replicas have the stream up to `offset` in their AOF."""
    return sum(replica.is_online and replica.aof_offset >= offset for replica in replicas)


def good_replicas(replicas: Iterable[Replica], max_lag_s: int, now_ms: int) -> int:
    """How many replicas were heard of in the last `max_lag_s` seconds."""
    return sum(replica.is_online and replica.lag_s(now_ms) <= max_lag_s for replica in replicas)


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """The directives that say how data is sent."""

    diskless: bool
    delay_s: int
    max_replicas: int


def ready_to_sync(replicas: Iterable[Replica], settings: SyncSettings, now_ms: int) -> list[Replica]:
    """Those for whom a snapshot should begin now, all together; without a file one waits for others to come.

    Source: shouldStartChildReplication.
    """
    waiting = [replica for replica in replicas if replica.state is ReplicaState.WAIT_BGSAVE_START]
    if not waiting:
        return []
    longest_s = max(now_ms // 1000 - replica.since_ms // 1000 for replica in waiting)
    if not settings.diskless or 0 < settings.max_replicas <= len(waiting) or longest_s >= settings.delay_s:
        return waiting
    return []
