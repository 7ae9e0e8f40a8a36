"""SLOWLOG: requests that took longer than a threshold, the latest ones."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.command import SKIP_SLOWLOG
from pyredis_cluster.execution.redaction import redacted

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

MAX_ARGUMENTS = 32
MAX_ARGUMENT_BYTES = 128

_EACH_TIMED_BELOW_US = 1000
"""Below this threshold commands are timed one by one: the mean of a pipelined run says too little then."""


class SlowEntry(NamedTuple):
    """One logged request."""

    id: int
    unix_s: int
    elapsed_us: int
    argv: list[bytes]
    address: bytes
    name: bytes


class SlowLog:
    """The slow log of one server, newest entry first.

    Directives: `slowlog-log-slower-than`, `slowlog-max-len`.
    """

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self.entries: deque[SlowEntry] = deque()
        self._next_id = 0
        self._threshold_ns = -1
        self._max_entries = 0
        for name in ("slowlog-log-slower-than", "slowlog-max-len"):
            server.config.on_change(name, self.configure)
        self.configure()

    def configure(self) -> None:
        """Take over the directives."""
        server = self._server
        threshold_us = server.config.integer("slowlog-log-slower-than")
        self._threshold_ns = threshold_us * 1000
        server.set_gate(gate.GATE_SLOWLOG_ALL, 0 <= threshold_us < _EACH_TIMED_BELOW_US)
        self._max_entries = server.config.integer("slowlog-max-len")
        self._trim()

    def note(self, session: Session, argv: list[bytes], elapsed_ns: int) -> None:
        """Log a request if it took at least the threshold, unless its command is never logged."""
        server = self._server
        if not 0 <= self._threshold_ns <= elapsed_ns:
            return
        entry = server.table.find(argv)
        if entry is not None and SKIP_SLOWLOG in entry.command.flags:
            return
        logged = SlowEntry(
            id=self._next_id,
            unix_s=server.unix_ns() // 1_000_000_000,
            elapsed_us=elapsed_ns // 1000,
            argv=shortened(redacted(argv)),
            address=session.address.encode(),
            name=session.name,
        )
        self._next_id += 1
        self.entries.appendleft(logged)
        self._trim()

    def clear(self) -> None:
        """Forget all entries; their numbers are not used again."""
        self.entries.clear()

    def _trim(self) -> None:
        while len(self.entries) > self._max_entries:
            self.entries.pop()


def shortened(argv: list[bytes]) -> list[bytes]:
    """At most 32 arguments of 128 bytes each; what is left out is told in the last ones."""
    kept = argv if len(argv) <= MAX_ARGUMENTS else argv[: MAX_ARGUMENTS - 1]
    words = [
        word
        if len(word) <= MAX_ARGUMENT_BYTES
        else b"%b... (%d more bytes)" % (word[:MAX_ARGUMENT_BYTES], len(word) - MAX_ARGUMENT_BYTES)
        for word in kept
    ]
    if len(kept) < len(argv):
        words.append(b"... (%d more arguments)" % (len(argv) - len(kept)))
    return words
