"""A server without sockets, in this process: commands in, parsed replies out, the clock in the test's hand.

    harness = Harness(maxmemory_policy="allkeys-lru")
    harness.run("SET k v PX 100")          # by words, or run("SET", b"k", "v")
    harness.advance(100)
    assert harness.run("GET k") is None

Replies are what hiredis makes of the wire: bytes (statuses too), int, None, list, dict, `hiredis.ReplyError`.
What RESP3 marks as a push goes to `Client.pushes`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

import hiredis

from pyredis_cluster.commands.registry import COMMANDS
from pyredis_cluster.config.config import Config
from pyredis_cluster.execution.migration import Migration, Outcome
from pyredis_cluster.execution.propagation import Batch
from pyredis_cluster.execution.server_state import ServerState
from pyredis_cluster.execution.session import Session
from pyredis_cluster.protocol.slots import ServedSlots
from pyredis_cluster.testing.settings import set_directives

START_US = 1_700_000_000_000_000


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now_us = START_US

    def unix_ns(self) -> int:
        """See `Clock`."""
        return self.now_us * 1000

    def monotonic_ns(self) -> int:
        """See `Clock`."""
        return (self.now_us - START_US) * 1000


class FakeTimer:
    """A call that `FakeHost.fire_due` will make."""

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.is_cancelled = False

    def cancel(self) -> None:
        """See `Timer`."""
        self.is_cancelled = True


class FakeLog:
    """A log that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def notice(self, message: str) -> None:
        """See `Log`."""
        self.messages.append(message)

    def warning(self, message: str) -> None:
        """See `Log`."""
        self.messages.append(message)


class FakeHost:
    """A `Host` with timers on the manual clock; what it is asked for is kept in `asked`."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self.can_end = True
        self._made = 0
        self.asked: list[tuple[Any, ...]] = []
        self.log = FakeLog()
        self.config_file: bytes | None = None

    def call_later(self, delay_ms: float, callback: Callable[..., object], *args: Any) -> FakeTimer:
        """See `Host`."""
        timer = FakeTimer(callback, args)
        self._made += 1
        heapq.heappush(self._timers, (self._clock.now_us + max(delay_ms, 0) * 1000, self._made, timer))
        return timer

    def next_due_us(self) -> float | None:
        """When the next timer fires, or None."""
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def fire_next(self) -> None:
        """Make the call that is due first."""
        timer = heapq.heappop(self._timers)[2]
        timer.callback(*timer.args)

    def freeze(self, duration_ms: float) -> None:
        """See `Host`."""
        self.asked.append(("freeze", duration_ms))

    def migrate(self, request: Migration, done: Callable[[Outcome], None]) -> None:
        """See `Host`; a test calls the last of what was asked, `done`, when it is."""
        self.asked.append(("migrate", request, done))

    def shutdown(self, *, save: bool | None, now: bool, force: bool) -> bool:
        """See `Host`."""
        self.asked.append(("shutdown", save, now, force))
        return self.can_end

    def abort_shutdown(self) -> bool:
        """See `Host`."""
        return False

    def read_config_file(self) -> bytes | None:
        """See `Host`."""
        return self.config_file

    def write_config_file(self, content: bytes) -> None:
        """See `Host`."""
        self.config_file = content

    def handler_failed(self, session: Session, error: Exception) -> None:
        """See `Host`; a test wants to see it."""
        raise error

    def information(self) -> dict[str, str]:
        """See `Host`."""
        return {}


class Client:
    """A session and its fake connection. Also the session's `Connection`."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._reader = hiredis.Reader()
        self.pushes: list[Any] = []
        self.closed = False
        self.session = harness.state.open_session(self)

    def send(self, *words: str | bytes) -> None:
        """Execute one request and leave its reply to be read. A single `str` is split at blanks."""
        if len(words) == 1 and isinstance(words[0], str):
            words = tuple(words[0].split())
        argv = [word.encode() if isinstance(word, str) else word for word in words]
        self.session.execute([argv])
        self._harness.state.flush_outboxes()

    def read_all(self) -> list[Any]:
        """All replies that are there; RESP3 pushes go to `pushes`."""
        session = self.session
        self._reader.feed(b"".join(session.out))
        session.out.clear()
        replies = []
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.PushNotification):
                self.pushes.append(list(reply))
            else:
                replies.append(reply)
        return replies

    def run(self, *words: str | bytes) -> Any:
        """Execute one request and return its reply. Raises AssertionError unless there is exactly one."""
        self.send(*words)
        replies = self.read_all()
        assert len(replies) == 1, replies
        return replies[0]

    def flush(self) -> None:
        """See `Connection`: output stays in the session until `read_all`."""

    def resume(self) -> None:
        """See `Connection`."""

    def close(self, *, after_flush: bool) -> None:
        """See `Connection`."""
        self.closed = True

    def output_bytes(self) -> int:
        """See `Connection`."""
        return sum(map(len, self.session.out))

    def input_bytes(self) -> int:
        """See `Connection`."""
        return 0


class Harness:
    """One `ServerState`, its clock and host, and a first client whose `run` is that of the harness.

    Keyword arguments are directives with `_` for `-`, as CONFIG SET takes them (immutable ones too).
    """

    def __init__(self, *, seed: int = 0, **directives: object) -> None:
        config = Config()
        set_directives(config, directives)
        self.clock = ManualClock()
        self.host = FakeHost(self.clock)
        self.state = ServerState(COMMANDS, config, self.host, self.clock, random.Random(seed))
        self.state.served_slots = ServedSlots(b"\1" * 16384) if config.flag("cluster-enabled") else None
        self.effects: list[list[bytes]] = []
        self.client = self.connect()

    def connect(self) -> Client:
        """One more client."""
        return Client(self)

    def run(self, *words: str | bytes) -> Any:
        """Execute a request of the first client and return its reply."""
        return self.client.run(*words)

    def advance(self, duration_ms: float) -> None:
        """Let time pass; timers fire in order, each at its time."""
        end_us = self.clock.now_us + int(duration_ms * 1000)
        while (due_us := self.host.next_due_us()) is not None and due_us <= end_us:
            self.clock.now_us = max(self.clock.now_us, int(due_us))
            self.state.update_time()
            self.host.fire_next()
            self.state.flush_outboxes()
        self.clock.now_us = end_us
        self.state.update_time()

    def record_effects(self) -> list[list[bytes]]:
        """Collect in the returned list, from now on, what replicas and the AOF would be told."""

        def keep(batch: Batch) -> None:
            for request in batch.requests:
                # Only what came over a socket stands as bytes.
                assert isinstance(request, list)
                self.effects.append(request)

        self.state.propagation.attach(keep)
        return self.effects

    def propagated(self, *words: str | bytes) -> list[bytes]:
        """Execute a request and return the commands it propagates, each as its words joined by blanks."""
        if not self.state.propagation.sinks:
            self.record_effects()
        self.effects.clear()
        self.run(*words)
        return [b" ".join(argv) for argv in self.effects]

    def events(self, *words: str | bytes) -> list[bytes]:
        """Execute a request and return the keyspace events it tells, each as `event key`."""
        listener = self.connect()
        listener.session.resp = 3
        self.state.config.set_many([(b"notify-keyspace-events", b"KEAmn")])
        self.state.pubsub.psubscribe(listener.session, b"__keyevent@*")
        self.run(*words)
        listener.read_all()
        listener.session.leave()
        return [channel.partition(b":")[2] + b" " + key for _, _, channel, key in listener.pushes]
