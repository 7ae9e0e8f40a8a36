"""What execution asks of the shell around it: timers, connections, and the process itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pyredis_cluster.execution.migration import Migration, Outcome
    from pyredis_cluster.execution.session import Session


class Timer(Protocol):
    """A pending call."""

    def cancel(self) -> None:
        """Never make the call."""


class Connection(Protocol):
    """The network side of a session."""

    def flush(self) -> None:
        """Send what the session has put in its `out` list."""

    def resume(self) -> None:
        """The session can take requests again (it is no longer blocked, paused or frozen)."""

    def close(self, *, after_flush: bool) -> None:
        """Close, at once or when all output has been sent."""

    def output_bytes(self) -> int:
        """Bytes of output that the network has not taken yet."""

    def input_bytes(self) -> int:
        """Bytes of requests that are not complete or not executed yet."""


class NoConnection:
    """The connection of a session that has none: what it puts out stays there for whoever takes it."""

    def flush(self) -> None:
        """See `Connection`."""

    def resume(self) -> None:
        """See `Connection`."""

    def close(self, *, after_flush: bool) -> None:
        """See `Connection`."""

    def output_bytes(self) -> int:
        """See `Connection`."""
        return 0

    def input_bytes(self) -> int:
        """See `Connection`."""
        return 0


class Log(Protocol):
    """Where a server logs; never raises."""

    def notice(self, message: str) -> None:
        """Log what an operator wants to know."""

    def warning(self, message: str) -> None:
        """Log what an operator must know."""


class Host(Protocol):
    """The process around a server."""

    @property
    def log(self) -> Log:
        """The server's log."""

    def call_later(self, delay_ms: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call back once, `delay_ms` milliseconds from now."""

    def freeze(self, duration_ms: float) -> None:
        """Stop reading, writing and ticking on every wire for that long, as a stopped process would."""

    def migrate(self, request: Migration, done: Callable[[Outcome], None]) -> None:
        """Carry out `request` on another server, doing nothing else on any wire until it has answered.

        `done` is called later with what came of it, before anything else goes on.
        """

    def shutdown(self, *, save: bool | None, now: bool, force: bool) -> bool:
        """End the server in order; False where it goes on instead, as data would be lost.

        `save` None: as the save points have it. `force`: end although saving fails.
        """

    def abort_shutdown(self) -> bool:
        """Call off a shutdown under way; whether there was one."""

    def read_config_file(self) -> bytes | None:
        """Content of the file that the server was started with, or None if it was started without."""

    def write_config_file(self, content: bytes) -> None:
        """Replace that file, atomically. Raises OSError."""

    def handler_failed(self, session: Session, error: Exception) -> None:
        """Our own code failed while it served `session`: log that and close this client, nobody else."""

    def information(self) -> dict[str, str]:
        """Facts of the process for INFO: pid, executable, listeners, CPU seconds, memory; by INFO field."""
