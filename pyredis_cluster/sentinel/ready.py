"""What the shell must do after a call of the core, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

LogLevel: TypeAlias = Literal["debug", "verbose", "notice", "warning"]

LOGGED_BYTES: Final = 1023
"""What fits into one line of the reference's log; the payloads of events have the same bound."""


class Event(NamedTuple):
    """Log `type payload` at `level`; with `publish`, publish the payload on the channel named by `type`."""

    level: LogLevel
    type: bytes
    payload: bytes
    publish: bool


class Connect(NamedTuple):
    """Connect to a numeric address, by TLS where the settings say so; `is_pubsub` is for the curious.

    Report `link_connected`, or, where that fails, `link_closed`. What is sent meanwhile waits.
    """

    link_id: int
    ip: str
    port: int
    is_pubsub: bool


class Send(NamedTuple):
    """Send a request; its reply comes by `replied`. To a link that is gone it is dropped."""

    link_id: int
    argv: tuple[bytes, ...]


class Disconnect(NamedTuple):
    """Close a link, connected or not; nothing of it is reported any more."""

    link_id: int


class StartScript(NamedTuple):
    """Run a program with this server's environment.

    Report `script_started` and, when it is over, `script_ended`; `script_not_started` where there could be
    no process. A file that cannot be executed is a script that ended with exit code 2.
    """

    script_id: int
    argv: tuple[bytes, ...]


class KillScript(NamedTuple):
    """Kill a script that runs too long; `script_ended` reports it as ever."""

    script_id: int


class Log(NamedTuple):
    """One line for the log."""

    level: LogLevel
    text: str


class Exit(NamedTuple):
    """End the process at once with this exit code, as SENTINEL SIMULATE-FAILURE asked for."""

    code: int


Step: TypeAlias = Event | Connect | Send | Disconnect | StartScript | KillScript | Log | Exit


class ErrorReply(NamedTuple):
    """An error that an instance replied: its line without `-`."""

    text: bytes


class ConfigLine(NamedTuple):
    """A line of sentinel.conf that holds state.

    `option` are its first two words: it takes the place of an old line of the same option. Where there is
    none left it is appended, but only if `always`.
    """

    option: bytes
    text: bytes
    always: bool = True


@dataclass(slots=True)
class Ready:
    """The effects of the calls since the last one, to be carried out in the order of the fields.

    `log_level` is a new value of `loglevel`: debug, verbose, notice, warning or nothing. With `rewrite`,
    sentinel.conf must be on the disk before the first of the steps: a vote or an epoch that a crash forgets
    could be given twice. A file that cannot be written is logged, and life goes on.
    """

    log_level: str | None = None
    rewrite: bool = False
    steps: list[Step] = field(default_factory=list)
