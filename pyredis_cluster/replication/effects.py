"""What `ReplicaSide` asks the shell to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

POSITION_DISCARDED: Final = "Discarding previously cached master state."


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection, or give up opening it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes to the primary."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Prepare:
    """A data set is going to come: have a place for it, or call `failed`."""


@dataclass(frozen=True, slots=True)
class Announce:
    """The data set begins to come: say so."""


@dataclass(frozen=True, slots=True)
class Store:
    """A part of the data set."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Load:
    """The data set is there: put it in place of the old data, then call `loaded` or `failed`."""


@dataclass(frozen=True, slots=True)
class Discard:
    """The rest of the data set will not come."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The link is up: `data` is the first of the stream behind `position`.

    `is_full` after a data set was loaded. `replid` is the id under which the history goes on from here, ""
    where it is the same.
    """

    is_full: bool
    replid: str
    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The stream has ended: nothing of a request that is not whole counts."""


@dataclass(frozen=True, slots=True)
class FailoverAnswered:
    """The target of a failover has been asked for the role of the primary, and this is what it says."""

    is_accepted: bool


Effect = (
    Connect
    | Disconnect
    | Send
    | Log
    | Prepare
    | Announce
    | Store
    | Load
    | Discard
    | Begin
    | End
    | FailoverAnswered
)
