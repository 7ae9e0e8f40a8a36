"""What the shell must do after a step of the core, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

LogLevel: TypeAlias = Literal["debug", "verbose", "notice", "warning"]


class Connect(NamedTuple):
    """Open a connection; report it by `link_connected`, or its failure by `link_closed`."""

    link_id: int
    ip: str
    port: int


class Delivery(NamedTuple):
    """Hand a message that another node published to the subscribers of this one."""

    channel: bytes
    message: bytes
    sharded: bool


class SlotsLost(NamedTuple):
    """Delete the keys of slots that now belong to another node."""

    slots: tuple[int, ...]


class SlotsReleased(NamedTuple):
    """Slots changed or lost their owner: shard channel subscriptions in them end, waiters are asked anew."""

    slots: tuple[int, ...]


class StateChanged(NamedTuple):
    """The cluster's state turned ok or fail: clients blocked on keys are asked anew."""

    ok: bool


class FollowPrimary(NamedTuple):
    """Replicate from this address: the node became a replica, or its primary moved."""

    node_id: str
    ip: str
    port: int


class StopFollowing(NamedTuple):
    """Replicate from nobody; the data stays."""


class DataDropped(NamedTuple):
    """Delete all keys, telling nobody: they were copies of what others have."""


class PauseWrites(NamedTuple):
    """Have writes wait, and let nothing else change the data, for that long or until `ResumeWrites`."""

    duration_ms: int


class ResumeWrites(NamedTuple):
    """What `PauseWrites` was for is over."""


Event: TypeAlias = (
    SlotsLost
    | SlotsReleased
    | StateChanged
    | FollowPrimary
    | StopFollowing
    | DataDropped
    | PauseWrites
    | ResumeWrites
)


class LogLine(NamedTuple):
    """One line for the log."""

    level: LogLevel
    text: str


@dataclass(slots=True)
class Ready:
    """The effects of the steps since the last one, to be carried out in the order of the fields.

    `config` is the text to be saved as nodes.conf, None where nothing is to be saved now; with `fsync` it
    must be on the disk before anything is sent: a vote that a crash forgets could be given twice.
    Sends to links that are not connected yet wait for the connection; to unknown links they are dropped.
    """

    config: str | None = None
    fsync: bool = False
    sends: list[tuple[int, bytes]] = field(default_factory=list)
    disconnects: list[int] = field(default_factory=list)
    connects: list[Connect] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)


@dataclass(slots=True)
class Outbox:
    """Where the parts of the core leave what is to be done; `ClusterCore.ready` turns it into a `Ready`."""

    save: bool = False
    fsync: bool = False
    hearsay: bool = False
    update_state: bool = False
    released_slots: set[int] = field(default_factory=set)
    ready: Ready = field(default_factory=Ready)

    def save_config(self, *, fsync: bool = False) -> None:
        """Have nodes.conf saved before the next message leaves."""
        self.save = True
        self.fsync |= fsync

    def save_hearsay(self) -> None:
        """Have nodes.conf saved before long: what changed is only what this node was told about others.

        A node that forgets it is where it would be had that message been lost.
        """
        self.hearsay = True

    def log(self, level: LogLevel, text: str) -> None:
        """Have a line logged."""
        self.ready.logs.append(LogLine(level, text))

    def emit(self, event: Event) -> None:
        """Have the shell act on `event`, after those before it."""
        self.ready.events.append(event)
