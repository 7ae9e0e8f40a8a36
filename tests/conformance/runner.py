"""Runs a section against one server and returns the raw reply of every step."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Sequence

from tests.conformance.transcript import Section, Step
from tests.support.servers import Program, RunningServer, ServerFailedError, own_all_slots, start_server
from tests.support.wire import ConnectionClosedError, Node, RawClient, encode, parse

REPLY_LIMIT_S = 5.0
POLL_LIMIT_S = 5.0
# After this many lost replies the rest of a section would only repeat the same finding, slowly.
MOST_LOST_REPLIES = 4
PIPELINE_LIMIT = 100

CLOSED = b"<closed>"
NO_REPLY = b"<no reply>"
NOT_RUN = b"<not run>"
NOT_RESP = b"<not RESP>"
UNREACHABLE = b"<unreachable>"

_PLACEHOLDER = re.compile(rb"\$(id|addr|laddr|node)\((\d+)\)")
_CURSOR_AT = {b"SCAN": 1, b"HSCAN": 2, b"SSCAN": 2, b"ZSCAN": 2}
_PAIRS = (b"HSCAN", b"ZSCAN")
# Redis 7.2 leaves out the reply to a failed authentication when earlier replies are still unsent.
_SENT_ALONE = (b"AUTH", b"HELLO")


class Target:
    """A server that sections are run against: started at first use, and again if it has died."""

    def __init__(self, program: Program, *, cluster: bool = False) -> None:
        """Nothing is started yet; ``cluster`` means one node that owns all slots."""
        self.program = program
        self.cluster = cluster
        self._server: RunningServer | None = None
        self._control: RawClient | None = None
        self._never_started = False

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    @property
    def server(self) -> RunningServer:
        """The running server. Raises ServerFailedError if it cannot be started."""
        if self._never_started:
            raise ServerFailedError(f"{self.name} did not start before")
        if self._server is not None and self._server.process.poll() is not None:
            self.stop()
        if self._server is None:
            self._server = self._start()
        return self._server

    def _start(self) -> RunningServer:
        # Trying again for every section would only multiply one failure.
        self._never_started = True
        # Waiting clients and expired keys are looked after in Redis's cron: ten times a second is slow.
        server = start_server(self.program, "--hz", "100", cluster=self.cluster)
        try:
            if self.cluster:
                own_all_slots(server)
        except BaseException:
            server.stop()
            raise
        self._never_started = False
        return server

    def control(self, *argv: bytes | str | int) -> Node:
        """Send a command of the harness's own on a connection that no section uses."""
        server = self.server
        for attempt in (1, 2):
            if self._control is None:
                self._control = server.connect()
            try:
                return self._control.ask(*argv)
            except (ConnectionClosedError, TimeoutError, ValueError):
                self._control.close()
                self._control = None
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """End the server, if it runs."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def clear(self) -> None:
        """Drop every other connection and every key; let keys expire again if a section stopped it."""
        self.control("CLIENT", "KILL", "SKIPME", "yes")
        self.control("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        self.control("FLUSHALL")


class _Connection:
    """One of a section's connections: its socket, and what the placeholders stand for."""

    def __init__(self, target: Target, resp: int) -> None:
        self.client = target.server.connect(timeout_s=REPLY_LIMIT_S)
        reply = self.client.ask("CLIENT", "ID")
        self.id = reply.value if reply.kind == ":" and isinstance(reply.value, bytes) else b"0"
        if resp == 3:
            self.client.call("HELLO", "3")

    def placeholder(self, name: bytes) -> bytes:
        if name == b"node":
            return self.client.call("CLUSTER", "MYID").split(b"\r\n")[1]
        addresses = {b"addr": self.client.local_address, b"laddr": self.client.remote_address}
        return self.id if name == b"id" else addresses[name].encode()


class _SectionRun:
    def __init__(self, target: Target, section: Section, resp: int) -> None:
        self.target = target
        self.section = section
        self.resp = resp
        self.connections: dict[int, _Connection] = {}
        self.lost = 0
        self.fences = itertools.count(1)

    def connection(self, number: int) -> _Connection:
        if number not in self.connections:
            self.connections[number] = _Connection(self.target, self.resp)
        return self.connections[number]

    def drop(self, number: int) -> None:
        connection = self.connections.pop(number, None)
        if connection:
            connection.client.close()

    def words(self, step: Step) -> list[bytes]:
        def value(match: re.Match[bytes]) -> bytes:
            return self.connection(int(match.group(2))).placeholder(match.group(1))

        return [_PLACEHOLDER.sub(value, word) if b"$" in word else word for word in step.words]

    def read(self, number: int) -> bytes:
        """One frame, or what was there instead; a connection that is out of step is dropped."""
        try:
            return self.connection(number).client.read()
        except ConnectionClosedError:
            outcome = CLOSED
        except TimeoutError:
            outcome = NO_REPLY
        except OSError:
            outcome = UNREACHABLE
        except ValueError:
            outcome = NOT_RESP
        if outcome != CLOSED:
            self.lost += 1
        self.drop(number)
        return outcome

    def run(self) -> list[bytes]:
        replies: list[bytes] = []
        steps = self.section.steps
        while len(replies) < len(steps) and self.lost < MOST_LOST_REPLIES:
            batch = self._next_batch(steps, len(replies))
            if batch:
                replies += self._pipeline(batch)
            else:
                replies.append(self._single(steps[len(replies)]))
        return replies + [NOT_RUN] * (len(steps) - len(replies))

    @staticmethod
    def _next_batch(steps: Sequence[Step], start: int) -> Sequence[Step]:
        """The plain calls of one client that can be sent together."""
        end = start
        while (
            end < len(steps)
            and end - start < PIPELINE_LIMIT
            and steps[end].action == "call"
            and steps[end].client == steps[start].client
            and (end == start or steps[end].words[0].upper() not in _SENT_ALONE)
        ):
            end += 1
        return steps[start:end]

    def _pipeline(self, batch: Sequence[Step]) -> list[bytes]:
        number = batch[0].client
        requests = [encode(self.words(step)) for step in batch]
        with contextlib.suppress(ConnectionClosedError, OSError):
            self.connection(number).client.send_bytes(b"".join(requests))
        replies: list[bytes] = []
        for _ in batch:
            replies.append(self.read(number))
            if number not in self.connections:
                break  # the rest is sent again on a new connection
        return replies

    def _single(self, step: Step) -> bytes:
        actions: dict[str, Callable[[Step], bytes]] = {
            "read": lambda step: self.read(step.client),
            "raw": self._raw,
            "send": self._send_and_block,
            "fence": self._fence,
            "until": self._until,
            "scan": self._scan,
        }
        try:
            return actions[step.action](step)
        except ConnectionClosedError:
            self.drop(step.client)
            return CLOSED
        except OSError:
            self.lost += 1
            self.drop(step.client)
            return UNREACHABLE

    def _raw(self, step: Step) -> bytes:
        self.connection(step.client).client.send_bytes(step.words[0])
        return self.read(step.client)

    def _call(self, step: Step, words: Sequence[bytes]) -> bytes:
        self.connection(step.client).client.send(*words)
        return self.read(step.client)

    def _send_and_block(self, step: Step) -> bytes:
        connection = self.connection(step.client)
        connection.client.send(*self.words(step))
        deadline = time.monotonic() + POLL_LIMIT_S
        while time.monotonic() < deadline:
            if connection.client.has_input():
                return b"<answered at once>"
            listed = self.target.control("CLIENT", "LIST", "ID", connection.id).value
            flags = re.search(rb" flags=(\S+)", listed) if isinstance(listed, bytes) else None
            if flags and b"b" in flags.group(1):
                return b"<blocked>"
        return b"<not blocked>"

    def _fence(self, step: Step) -> bytes:
        text = b"fence-%d" % next(self.fences)
        client = self.connection(step.client).client
        client.send_bytes(encode(self.words(step)) + encode([b"PING", text]))
        frames: list[bytes] = []
        while True:
            frame = self.read(step.client)
            if frame.startswith(b"<"):
                return b"".join(frames) + frame if frames else frame
            if frame.endswith(b"%s\r\n" % text):
                return b"".join(frames)
            frames.append(frame)

    def _until(self, step: Step) -> bytes:
        deadline = time.monotonic() + POLL_LIMIT_S
        while True:
            reply = self._call(step, self.words(step))
            # An older server may not know the command at all.
            ends = (step.until, b"<", b"-ERR unknown command")
            if reply.startswith(ends) or time.monotonic() > deadline:
                return reply
            time.sleep(0.002)

    def _scan(self, step: Step) -> bytes:
        words = self.words(step)
        command = words[0].upper()
        elements: set[bytes] = set()
        for _ in range(10_000):
            reply = self._call(step, words)
            if not reply.startswith(b"*2\r\n$"):
                return reply
            cursor, page = parse(reply).items
            width = 2 if command in _PAIRS else 1
            values = [item.value if isinstance(item.value, bytes) else b"?" for item in page.items]
            elements |= {b" ".join(values[at : at + width]) for at in range(0, len(values), width)}
            if cursor.value == b"0":
                return encode(sorted(elements))
            words[_CURSOR_AT[command]] = cursor.value if isinstance(cursor.value, bytes) else b"?"
        return b"<endless scan>"

    def close(self) -> None:
        for number in list(self.connections):
            self.drop(number)


def _changed_settings(section: Section) -> list[bytes]:
    return sorted(
        {
            name.lower()
            for step in section.steps
            if len(step.words) > 3 and step.words[0].upper() == b"CONFIG" and step.words[1].upper() == b"SET"
            for name in step.words[2::2]
        }
    )


def run_section(target: Target, section: Section, resp: int) -> list[bytes]:
    """The raw reply of each step; ``<closed>`` and the like where there was none.

    The server is left with the settings it had. Raises ServerFailedError when the server cannot be started.
    """
    target.clear()
    saved: list[bytes] = []
    for name in _changed_settings(section):
        saved += [
            item.value
            for item in target.control("CONFIG", "GET", name).items
            if isinstance(item.value, bytes)
        ]
    run = _SectionRun(target, section, resp)
    try:
        return run.run()
    finally:
        run.close()
        for at in range(0, len(saved) - 1, 2):
            target.control("CONFIG", "SET", *saved[at : at + 2])
