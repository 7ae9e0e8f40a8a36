"""One sentinel core on the bench: a test plays everybody else."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pyredis_cluster.protocol.errors import CommandError
from pyredis_cluster.sentinel.core import SentinelCore
from pyredis_cluster.sentinel.ready import Connect, Disconnect, Event, Log, Ready, Send, Step
from pyredis_cluster.sentinel.settings import SentinelSettings
from tests.unit.sentinel.world import START_MS, line_of

MY_ID = b"a" * 40
OTHER_ID = b"b" * 40
MONITOR = "sentinel monitor mymaster 127.0.0.1 6379 2"


class Bench:
    """A core that monitors `mymaster` at 127.0.0.1:6379, quorum 2. `names` are the host names there are."""

    def __init__(self, *lines: str, monitor: str = MONITOR) -> None:
        self.now_ms = START_MS
        self.names: dict[str, str] = {"db": "127.0.0.1", "other": "127.0.0.2"}
        self.scripts = {b"/bin/true", b"/bin/false"}
        self.settings = SentinelSettings(port=26379)
        self.core = SentinelCore(
            self.settings,
            random.Random(1),
            now_ms=START_MS,
            resolve=self._resolve,
            is_executable=self.scripts.__contains__,
            local_time="at {}".format,
        )
        text = [f"sentinel myid {MY_ID.decode()}", monitor, *lines]
        self.core.load([line_of(line.encode(), at) for at, line in enumerate(text, 1) if line])
        self.core.start(START_MS)
        self.steps: list[Step] = []
        self.saves = 0
        self.last = Ready()
        self.done()

    def _resolve(self, host: str, by_name: bool) -> str | None:
        if host in self.names:
            return self.names[host] if by_name else None
        return host if host.count(".") == 3 and host.replace(".", "").isdigit() else None

    def done(self) -> list[Step]:
        """What was to be done since the last call."""
        self.last = self.core.ready()
        self.saves += self.last.rewrite
        self.steps += self.last.steps
        return self.last.steps

    def tick(self, after_ms: int = 100) -> list[Step]:
        self.now_ms += after_ms
        self.core.tick(self.now_ms)
        return self.done()

    def run(self, duration_ms: int) -> list[Step]:
        """Ticks of 100 ms; what was to be done in them."""
        return [step for _ in range(duration_ms // 100) for step in self.tick()]

    def connects(self) -> list[Connect]:
        return [step for step in self.steps if isinstance(step, Connect)]

    def connect(self) -> None:
        """Have all connections made that are asked for from now on, once."""
        for step in self.tick(1000):
            if isinstance(step, Connect):
                self.core.link_connected(step.link_id, "127.0.0.1", self.now_ms)
        self.done()

    def link(self, port: int, *, pubsub: bool = False) -> int:
        """The id of the link to a port that was asked for last."""
        return [each for each in self.connects() if (each.port, each.is_pubsub) == (port, pubsub)][-1].link_id

    def reply(self, link_id: int, *replies: object) -> list[Step]:
        for reply in replies:
            self.core.replied(link_id, reply, self.now_ms)
        return self.done()

    def hello(self, *words: object) -> list[Step]:
        """A hello of eight words, those of the beginning given."""
        rest = ["127.0.0.1", 26380, OTHER_ID.decode(), 0, "mymaster", "127.0.0.1", 6379, 0][len(words) :]
        payload = ",".join(map(str, [*words, *rest]))
        self.core.hello_received(payload.encode(), self.now_ms)
        return self.done()

    def info(self, port: int, *lines: str) -> list[Step]:
        """Answer what is awaited from an instance, INFO last, with these lines."""
        link_id = self.link(port)
        text = "\r\n".join(lines).encode()
        known = self.core.state.connections[link_id][1].awaited
        while known and known[0].expected != "info":
            self.core.replied(link_id, b"PONG", self.now_ms)
        assert known, "no INFO is awaited"
        return self.reply(link_id, text)

    def fields(self, name: bytes = b"mymaster") -> dict[bytes, bytes]:
        return self.core.master(name, self.now_ms)

    def lines(self) -> list[str]:
        """sentinel.conf as it would be appended to an empty file."""
        return [line.text.decode() for line in self.core.config_lines() if line.always]

    def refused(self, method: str, *args: object) -> str:
        """The error of a command."""
        try:
            getattr(self.core, method)(*args)
        except CommandError as error:
            return str(error)
        finally:
            self.done()
        raise AssertionError(f"{method} was not refused")


def told(steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Type and payload of the events in `steps` that are published."""
    events = [step for step in steps if isinstance(step, Event) and step.publish]
    return [(event.type.decode(), event.payload.decode()) for event in events]


def types(steps: Sequence[Step]) -> list[str]:
    return [type for type, _ in told(steps)]


def sent(steps: Sequence[Step]) -> list[tuple[bytes, ...]]:
    return [step.argv for step in steps if isinstance(step, Send)]


def closed(steps: Sequence[Step]) -> list[int]:
    return [step.link_id for step in steps if isinstance(step, Disconnect)]


def logged(steps: Sequence[Step]) -> list[str]:
    return [step.text for step in steps if isinstance(step, Log)]
