"""MIGRATE, as it is between the command and the shell: what to ask of another server, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyredis_cluster.protocol.command_stream import Request
from pyredis_cluster.protocol.errors import CommandError

CONNECTING_FAILED = CommandError("IOERR error or timeout connecting to the client")
WRITING_FAILED = CommandError("IOERR error or timeout writing to target instance")
READING_FAILED = CommandError("IOERR error or timeout reading to target instance")


@dataclass(frozen=True, slots=True)
class Migration:
    """Requests for the server at `host` and `port`, to be run there in `database`.

    `auth` are the arguments of AUTH, none for no AUTH. Each step (connecting, sending 64 KiB, a reply) may
    take `timeout_ms`.
    """

    host: bytes
    port: int
    database: int
    timeout_ms: int
    auth: tuple[bytes, ...]
    restores: list[Request]


@dataclass(slots=True)
class Outcome:
    """What came back: a line for each request that was answered, in order, `+` or `-` first.

    `refusal` is the first error line with which AUTH or SELECT was answered. `failure` says why there are
    fewer replies than requests.
    """

    refusal: bytes | None = None
    replies: list[bytes] = field(default_factory=list)
    failure: CommandError | None = None

    @property
    def first_error(self) -> bytes | None:
        """The first error line of the other server, where any reply to a request came."""
        if self.replies and self.refusal is not None:
            return self.refusal
        return next((line for line in self.replies if line.startswith(b"-")), None)

    def is_acknowledged(self, index: int) -> bool:
        """Whether the other server has run the request at `index`, and for the right database."""
        return self.refusal is None and index < len(self.replies) and not self.replies[index].startswith(b"-")
