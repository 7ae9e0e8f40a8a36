"""Replies that wait until what they tell of is on disk: `appendfsync always`.

While anything waits to be forced to disk, no client is told anything: neither that its write was done, nor of
a write by another one. What clients would have got is collected in groups. All of a group leaves when what
had been written by the time it was closed is safe; a new one collects meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState
    from pyredis_cluster.execution.session import Session

Group = dict["Session", list[bytes]]


class WithheldOutput:
    """The output of one server's clients that has to wait."""

    def __init__(self, state: ServerState, is_unsafe: Callable[[], bool]) -> None:
        """`is_unsafe` tells whether anything that was run is not on disk yet."""
        self._state = state
        self._is_unsafe = is_unsafe
        self._closed: Group = {}
        self._open: Group = {}
        self._is_releasing = False
        self._is_forever = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._closed and not self._open

    def withholds(self, session: Session) -> bool:
        """`ServerState.withholds_output`: takes the session's output if it has to wait."""
        if self._is_releasing:
            return False
        if not (
            self._state.propagation.batch
            or self._is_unsafe()
            or session in self._open
            or session in self._closed
            or self._is_forever
        ):
            return False
        out = session.out
        if out:
            self._open.setdefault(session, []).append(b"".join(out))
            out.clear()
            return True
        return session in self._open or session in self._closed or self._is_forever

    def close_group(self) -> None:
        """What was written so far is about to be forced to disk: what comes now waits for the next time."""
        if self._closed:
            for session, wires in self._open.items():
                self._closed.setdefault(session, []).extend(wires)
        else:
            self._closed = self._open
        self._open = {}

    def release_group(self) -> None:
        """What had been written when the group was closed is safe."""
        group, self._closed = self._closed, {}
        for session, wires in group.items():
            if session.is_closing and session in self._open:
                # The connection ends when it is flushed, so all that is left has to go in one piece.
                self._open[session] = wires + self._open[session]
            else:
                self._send(session, wires)

    def release_all(self) -> None:
        """Everything is safe."""
        self.close_group()
        self.release_group()

    def keep_forever(self) -> None:
        """What waits will never be safe, nor will anything that follows: nobody is told anything any more."""
        self._is_forever = True
        self._open.clear()
        self._closed.clear()

    def _send(self, session: Session, wires: list[bytes]) -> None:
        out = session.out
        if out:
            self._open.setdefault(session, []).append(b"".join(out))
            out.clear()
        out.extend(wires)
        self._is_releasing = True
        try:
            session.connection.flush()
        finally:
            self._is_releasing = False
