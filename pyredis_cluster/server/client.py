"""The network side of a client: bytes in, requests to its session, replies out.

Output is bounded in two ways. While the network has not taken what was written, no further request of this
client is read or run (`pause_writing`), so a client that does not read its replies only ever stalls itself.
And `client-output-buffer-limit` closes one that lets messages it did not ask for (pub/sub) pile up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

from pyredis_cluster.execution import gate
from pyredis_cluster.execution.session import Session
from pyredis_cluster.protocol.errors import ProtocolError
from pyredis_cluster.protocol.request import Request, RequestParser

if TYPE_CHECKING:
    from pyredis_cluster.server.server import Server


_CHECK_OUTPUT_BYTES = 16384
"""client-output-buffer-limit does not count what Redis keeps in a client's own fixed buffer."""


class Output(Protocol):
    """Who sends to a client in place of its session: what a replica gets are no replies."""

    @property
    def waiting_bytes(self) -> int:
        """What is to be sent to it, and was not handed to the transport yet."""

    def paused(self) -> None:
        """The transport is full."""

    def resumed(self) -> None:
        """The transport takes more."""

    def replied(self) -> None:
        """The session has something to say, which must not be sent."""


class ClientConnection(asyncio.Protocol):
    """One accepted connection. Owns the transport and the parser; the session owns everything else."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._state = server.state
        self._parser = RequestParser()
        self._parse: Callable[[bytes], list[Request]] = self._parser.parse
        self._transport: asyncio.Transport | None = None
        self._is_reading = True
        self._is_writable = True
        """Whether replies may be sent: the network takes them, and the server is not frozen."""
        self._is_taking = True
        self._close_after_flush = False
        self._unanswered_bytes = 0
        self._broken: tuple[ProtocolError, bytes] | None = None
        self._output: Output | None = None
        self.session: Session | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there. Opens a session, unless the server refuses the client."""
        self._transport = transport = cast(asyncio.Transport, transport)
        refusal = self._server.clients.refusal_of(transport)
        if refusal is not None:
            transport.write(b"-%b\r\n" % refusal.message)
            transport.close()
            return
        session = self.session = self._state.open_session(self)
        session.on_authentication = lambda is_authenticated: self.limits_changed()
        self.limits_changed()
        self._server.clients.connected(self, session, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes came. Runs every request they complete, then sends all replies in one write."""
        session = self.session
        if session is None:
            return
        state = self._state
        statistics = state.statistics
        statistics.reads_processed += 1
        statistics.net_input_bytes += len(data)
        try:
            if state.keyspace.recording:
                self._execute_recorded(session, data)
            else:
                session.execute(self._parse(data))
        except ProtocolError as error:
            self._protocol_error(session, error, data)
            return
        except Exception as failure:
            self.fail(failure)
            return
        out = session.out
        if not out:
            self._unanswered_bytes += len(data)
            if self._unanswered_bytes > self._server.clients.query_limit_bytes:
                self._check_query_limit(session, data)
        elif self._is_writable and (state.withholds_output is None or not state.withholds_output(session)):
            wire = b"".join(out)
            out.clear()
            size = len(wire)
            statistics.writes_processed += 1
            statistics.net_output_bytes += size
            if size < _CHECK_OUTPUT_BYTES or not self._exceeds_output_limit(session, wire):
                self._transport.write(wire)  # type: ignore[union-attr]
        if session.pending or not self._is_writable:
            self._update_reading()
            if session.pending and self._is_writable:
                # It paused for its output, and the network has taken all of that: nobody else wakes it.
                self._server.loop.call_soon(self._go_on)
        if state.outboxes:
            state.flush_outboxes()

    def _execute_recorded(self, session: Session, data: bytes) -> None:
        """Parse and execute while replicas or the AOF are told of changes.

        If they are to run all the requests as they came, `data` is what to tell them.
        """
        may_be_verbatim = not session.gate & gate.GATE_UNAUTHENTICATED  # else only the rest is returned
        requests = self._parse(data)
        propagation = self._state.propagation
        batch = propagation.batch
        start = len(batch)
        unlike_requests = propagation.unlike_requests
        session.execute(requests)
        if batch:
            if may_be_verbatim and self._parser.is_verbatim(requests):
                propagation.fold(start, unlike_requests, requests, data)
            if not propagation.is_due:
                propagation.is_due = True
                self._server.deliver_effects_soon()

    def _go_on(self) -> None:
        self.resume()
        self._state.flush_outboxes()

    def _parse_one_by_one(self, data: bytes) -> list[Request]:
        """Parse for a client that has yet to authenticate: AUTH takes effect on what follows it at once.

        Runs all requests but those that it returns. Raises ProtocolError.
        """
        session, start = self.session, 0
        assert session is not None
        while session.gate & gate.GATE_UNAUTHENTICATED and start < len(data):
            end = data.find(b"\n", start) + 1 or len(data)
            self._set_limits(session)
            session.execute(self._parser.parse(data[start:end]))
            start = end
        if session.gate & gate.GATE_UNAUTHENTICATED:
            return []
        self._set_limits(session)
        self._parse = self._parser.parse
        return self._parse(data[start:]) if start < len(data) else []

    def _set_limits(self, session: Session) -> None:
        self._parser.set_limits(
            authenticated=not session.gate & gate.GATE_UNAUTHENTICATED,
            bulk_max_bytes=self._state.config.integer("proto-max-bulk-len"),
        )

    def limits_changed(self) -> None:
        """What bounds this client's requests has changed: whether it is authenticated, or a directive."""
        session = self.session
        if session is None:
            return
        is_authenticated = not session.gate & gate.GATE_UNAUTHENTICATED
        self._parse = self._parser.parse if is_authenticated else self._parse_one_by_one
        self._set_limits(session)

    def fail(self, error: BaseException) -> None:
        """Our own code failed for this client: the log tells, and only this client is closed."""
        if self.session is not None:
            self._server.clients.failed(self.session, error)
            self._state.flush_outboxes()

    def _check_query_limit(self, session: Session, data: bytes) -> None:
        # What came without a reply is most of all a request that is not complete. How much of it is, the
        # parser tells by counting: too dear for every piece of a long one.
        self._unanswered_bytes = self._parser.buffered_bytes
        if self._server.clients.exceeds_query_limit(session, self._unanswered_bytes, data):
            session.close(after_flush=False)

    def _protocol_error(self, session: Session, error: ProtocolError, data: bytes) -> None:
        try:
            session.execute(self._parser.completed)
        except Exception as failure:
            self.fail(failure)
            return
        self._broken = (error, data)
        self._report_broken(session)
        self._state.flush_outboxes()

    def _report_broken(self, session: Session) -> None:
        """Answer a protocol error, unless requests before it are not answered yet; then read no further."""
        if self._broken is None or session.is_closing:
            return
        if session.pending or session.gate & gate.GATE_HOLD:
            self._update_reading()
            return
        error, data = self._broken
        self._server.clients.broke_protocol(session, error, data)
        session.reply(error.reply)
        session.close(after_flush=True)

    def flush(self) -> None:
        """Send what is in the session's output."""
        session = self.session
        if session is None or self._transport is None:
            return
        if session.gate & gate.GATE_FROZEN:
            return
        withholds = self._state.withholds_output
        if withholds is not None and withholds(session):
            return
        if session.out and self._output is not None:
            session.out.clear()
            self._output.replied()
        if session.out:
            # Also while nothing is taken: the transport counts what waits, a list of pieces does not.
            wire = b"".join(session.out)
            session.out.clear()
            self._state.statistics.writes_processed += 1
            self._state.statistics.net_output_bytes += len(wire)
            waiting = self._transport.get_write_buffer_size() + len(wire)
            if waiting >= _CHECK_OUTPUT_BYTES and self._exceeds_output_limit(session, wire):
                return
            self._transport.write(wire)
        if self._close_after_flush:
            self._transport.close()

    def _exceeds_output_limit(self, session: Session, wire: bytes) -> bool:
        # Put back meanwhile, since the log line of a client that is closed shows what waits for it.
        session.out.append(wire)
        exceeds = self._server.clients.output_limits.check(self, session, self.output_bytes())
        session.out.clear()
        return exceeds

    def take_over(self, output: Output) -> asyncio.Transport:
        """From now on `output` writes to the transport that is returned, and is told when it is full."""
        assert self._transport is not None
        self._output = output
        return self._transport

    def pause_writing(self) -> None:
        """asyncio: the send buffer is full. Reads no more from a client that does not read."""
        if self._output is not None:
            self._output.paused()
            return
        self._is_taking = self._is_writable = False
        self._update_reading()

    def resume_writing(self) -> None:
        """asyncio: the send buffer has drained. Sends what waited, then runs what waited."""
        if self._output is not None:
            self._output.resumed()
            self._state.flush_outboxes()
            return
        self._is_taking = True
        self._go_on()

    def resume(self) -> None:
        """The session can run requests again, as far as it is concerned."""
        session = self.session
        if session is None:
            return
        self._is_writable = self._is_taking and not session.gate & gate.GATE_FROZEN
        self.flush()
        while session.pending and self._is_writable and not session.gate & gate.GATE_HOLD:
            try:
                session.run_pending()
                self._state.deliver_effects()
            except Exception as failure:
                self.fail(failure)
                return
            self.flush()
        self._report_broken(session)
        self._update_reading()

    def _update_reading(self) -> None:
        session = self.session
        wanted = (
            self._is_writable
            and session is not None
            and self._broken is None
            and not session.pending
            and not session.gate & gate.GATE_FROZEN
        )
        if wanted == self._is_reading or self._transport is None or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def freeze(self) -> None:
        """Stop reading and writing, as a stopped process would; `thaw` ends it."""
        self._is_writable = False
        self._hold(True)
        self._update_reading()

    def thaw(self) -> None:
        """Go on."""
        self._hold(False)
        self.resume()

    def _hold(self, on: bool) -> None:
        hold = getattr(self._transport, "hold", None)
        if hold is not None:
            hold(on)

    def close(self, *, after_flush: bool) -> None:
        """Close at once, or when all output has been sent."""
        if self._transport is None:
            return
        if after_flush:
            self._close_after_flush = True
            if self.session is not None:
                self._state.outboxes[self.session] = None
        else:
            self._transport.abort()

    def finish(self) -> None:
        """Send what can be sent at once, and close: the server ends."""
        if self.session is not None and self._transport is not None and not self._transport.is_closing():
            self.flush()
            self._transport.close()

    def output_bytes(self) -> int:
        """Bytes of output that the network has not taken yet."""
        waiting = sum(map(len, self.session.out)) if self.session is not None else 0
        if self._output is not None:
            waiting += self._output.waiting_bytes
        return waiting + (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    def input_bytes(self) -> int:
        """Bytes of requests that are not complete or not executed yet."""
        pending = self.session.pending if self.session is not None else ()
        return self._parser.buffered_bytes + sum(sum(map(len, request)) for request in pending)

    def eof_received(self) -> None:
        """asyncio: the client has sent all it will. Redis sends nothing more then, and closes."""
        if self.session is not None and not self.session.is_closing:
            self._server.clients.closed_by_peer(self.session, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        session = self.session
        if session is not None:
            if exc is not None and not session.is_closing:
                self._server.clients.closed_by_peer(session, exc)
            session.leave()
            self._server.clients.disconnected(self, session)
            self._state.flush_outboxes()
