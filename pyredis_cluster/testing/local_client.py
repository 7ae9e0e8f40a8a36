"""A client of a server in this process, without a socket between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hiredis

from pyredis_cluster.execution.host import NoConnection

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


class LocalClient(NoConnection):
    """Runs one command after the other, each to its end; those that wait for something cannot be run.

    To the server it is a client like others.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reader = hiredis.Reader()
        self._session = session = server.state.open_session(self)
        session.is_authenticated = True
        server.state.authentication.update(session)

    def run(self, *words: str | bytes | int) -> Any:
        """The reply of a command, as hiredis has it. Raises `hiredis.ReplyError` for an error.

        Raises RuntimeError where there is no reply, as the command waits, or the server is paused.
        """
        session = self._session
        argv = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self._server.state.update_time()
        session.execute([argv])
        self._server.state.flush_outboxes()
        self._reader.feed(b"".join(session.out))
        session.out.clear()
        reply = self._reader.gets()
        if reply is False:
            raise RuntimeError(f"{words[0]!r} has no reply yet")
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def leave(self) -> None:
        """Be no client any more."""
        self._session.leave()
