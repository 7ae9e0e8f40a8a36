"""Sentinels, ours and real ones, and the servers they watch.

with Watched(directory, servers=[OURS] * 3, sentinels=[REDIS_7_0, REDIS_7_0, OURS]) as watched:
    watched.servers[0].kill()
    watched.wait_for_switch(watched.servers[0].port)
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.nodes import program
from tests.support.ports import free_ports, release_port
from tests.support.program import connect
from tests.support.replicating import info, wait_for_link, wait_until
from tests.support.servers import Program, RunningServer, start_server
from tests.support.wire import Arg, ConnectionClosedError, Node, RawClient, parse

NAME = "mymaster"

_LIMIT_S = 60.0
_STOP_LIMIT_S = 15.0
_SLOWER = 10
_STORY_BYTES = 4000


class ReplyError(Exception):
    """An error reply."""


class Event(NamedTuple):
    """What a sentinel has published: channel and payload."""

    kind: str
    payload: str

    def __str__(self) -> str:
        return f"{self.kind} {self.payload}"


def plain(node: Node) -> Any:
    """A reply as Python values: text, numbers, lists, None. Raises ReplyError."""
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    if node.value is None:
        return None
    if node.kind in "-!":
        raise ReplyError(node.value.decode())
    return int(node.value) if node.kind == ":" else node.value.decode(errors="replace")


def fields(reply: Sequence[str]) -> dict[str, str]:
    """Names and values in turn, as SENTINEL MASTER has them, as a dictionary."""
    return dict(zip(reply[::2], reply[1::2], strict=True))


class Watcher:
    """A connection that hears all events of a sentinel; `events` has those heard so far."""

    def __init__(self, port: int) -> None:
        self._client = connect(port)
        self._heard: list[Event] = []
        self._client.call("PSUBSCRIBE", "*")

    @property
    def events(self) -> list[Event]:
        """All events so far, in order."""
        with contextlib.suppress(ConnectionClosedError):
            while self._client.has_input():
                _, _, kind, payload = plain(parse(self._client.read()))
                self._heard.append(Event(kind, payload))
        return self._heard

    def close(self) -> None:
        """End the connection."""
        self._client.close()


class SentinelProcess:
    """One sentinel, started from a sentinel.conf in a directory of its own. Nothing runs at first."""

    def __init__(self, program: Program, port: int, home: Path, text: str) -> None:
        self.program = program
        self.port = port
        self.home = home
        self.config = home / "sentinel.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None
        self._client: RawClient | None = None
        home.mkdir(parents=True)
        self.config.write_text(text)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs, or ran last."""
        assert self._process is not None
        return self._process

    def start(self, *, watch: bool = True) -> None:
        """Start it, and wait until it serves. Raises AssertionError with its log."""
        with open(self.home / "log.txt", "ab") as log:
            self._process = subprocess.Popen(
                [*self.program.argv, str(self.config), "--sentinel"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
            )
        wait_until(lambda: self._serves() or self.process.poll() is not None, self.log)
        assert self.process.poll() is None, self.log()
        if watch:
            self._watcher = Watcher(self.port)

    def _serves(self) -> bool:
        with contextlib.suppress(OSError, ConnectionClosedError), RawClient(self.port) as client:
            return client.call("PING").startswith((b"+PONG", b"-NOAUTH"))
        return False

    def call(self, *words: Arg) -> bytes:
        """The raw reply to one command."""
        if self._client is None:
            self._client = RawClient(self.port)
        try:
            return self._client.call(*words)
        except ConnectionClosedError:
            # SENTINEL closes clients after some changes of role, as it may.
            self._client.close()
            self._client = RawClient(self.port)
            return self._client.call(*words)

    def ask(self, *words: Arg) -> Any:
        """The reply to one command as `plain` has it. Raises ReplyError."""
        return plain(parse(self.call(*words)))

    @property
    def events(self) -> list[Event]:
        """All it has published since it was started last."""
        assert self._watcher is not None
        return self._watcher.events

    @property
    def address(self) -> str:
        """Where it listens, as events name it."""
        return f"127.0.0.1 {self.port}"

    @property
    def primary_port(self) -> int:
        """Where the primary is, as it says; in a failover the new one as soon as that is promoted."""
        reply = self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        assert isinstance(reply, list), reply
        return int(reply[1])

    @property
    def primary(self) -> dict[str, str]:
        """SENTINEL MASTER."""
        return fields(self.ask("SENTINEL", "MASTER", NAME))

    @property
    def replicas(self) -> dict[int, dict[str, str]]:
        """SENTINEL REPLICAS by port."""
        found = (fields(each) for each in self.ask("SENTINEL", "REPLICAS", NAME))
        return {int(each["port"]): each for each in found}

    @property
    def others(self) -> dict[int, dict[str, str]]:
        """SENTINEL SENTINELS by port."""
        found = (fields(each) for each in self.ask("SENTINEL", "SENTINELS", NAME))
        return {int(each["port"]): each for each in found}

    def log(self) -> str:
        """All that it printed."""
        with contextlib.suppress(FileNotFoundError):
            return (self.home / "log.txt").read_text(errors="replace")
        return ""

    def text(self) -> str:
        """What sentinel.conf has now."""
        return self.config.read_text()

    def pause(self) -> None:
        """Have it do nothing until `resume`."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._disconnect()
        self.process.kill()
        self.process.wait(_STOP_LIMIT_S)

    def stop(self) -> None:
        """End it in order, where it runs."""
        self._disconnect()
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def _disconnect(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
        if self._client is not None:
            self._client.close()
        self._watcher = self._client = None


def monitoring(
    port: int, primary_port: int, *, quorum: int, down_after_ms: int, failover_timeout_ms: int
) -> str:
    """A sentinel.conf that watches one primary."""
    return (
        f"port {port}\nbind 127.0.0.1\n"
        f"sentinel monitor {NAME} 127.0.0.1 {primary_port} {quorum}\n"
        f"sentinel down-after-milliseconds {NAME} {down_after_ms}\n"
        f"sentinel failover-timeout {NAME} {failover_timeout_ms}\n"
    )


class Watched:
    """A primary, its replicas, and the sentinels that watch them; each program by its name in `servers`.

    Use as a context manager. All are in sync, and all sentinels know everything, when the block begins.
    `down_after_ms` must be above the second that lies between two PINGs, or what is well is found down.

    With `leader` that sentinel acts first: it needs nobody to tell that the primary is down, and the others
    take their time to find out, so that it is the one they vote for. Without, any may lead.
    """

    def __init__(
        self,
        directory: Path,
        *,
        servers: Sequence[str],
        sentinels: Sequence[str],
        quorum: int = 2,
        down_after_ms: int = 1500,
        failover_timeout_ms: int = 20_000,
        leader: int | None = None,
        more: str = "",
        server_options: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self._server_programs = [program(name) for name in servers]
        self._sentinel_programs = [program(name) for name in sentinels]
        self._quorum = quorum
        self._down_after_ms = down_after_ms
        self._failover_timeout_ms = failover_timeout_ms
        self._leader = leader
        self._more = more
        self._server_options = server_options
        self._stack = ExitStack()
        self.servers: list[RunningServer] = []
        self.sentinels: list[SentinelProcess] = []
        self.mark = 0
        """From which event on of the first sentinel a test looks, where it has to tell steps apart."""

    def __enter__(self) -> Watched:
        with ExitStack() as stack:
            self._stack = stack
            self._start_servers()
            self._start_sentinels()
            self.wait_until_known()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def _start_servers(self) -> None:
        for each in self._server_programs:
            options = ["--repl-diskless-sync-delay", "0", *self._server_options]
            if self.servers:
                options += ["--replicaof", f"127.0.0.1 {self.servers[0].port}"]
            self.servers.append(self._stack.enter_context(start_server(each, *options)))
        for server in self.servers[1:]:
            with server.connect() as client:
                wait_for_link(client)

    def _start_sentinels(self) -> None:
        for number, each in enumerate(self._sentinel_programs):
            [port] = free_ports(1)
            self._stack.callback(release_port, port)
            is_slow = self._leader not in (None, number)
            text = monitoring(
                port,
                self.servers[0].port,
                quorum=1 if number == self._leader else self._quorum,
                down_after_ms=self._down_after_ms * (_SLOWER if is_slow else 1),
                failover_timeout_ms=self._failover_timeout_ms,
            )
            home = self._directory / f"sentinel-{number}-{port}"
            sentinel = SentinelProcess(each, port, home, text + self._more)
            self._stack.callback(sentinel.stop)
            self.sentinels.append(sentinel)
        for sentinel in self.sentinels:
            sentinel.start()

    def wait_until_known(self) -> None:
        """Wait until every sentinel knows all replicas and all others. Raises AssertionError."""
        ports = {server.port for server in self.servers}

        def holds() -> bool:
            for sentinel in self.sentinels:
                others = {each.port for each in self.sentinels if each is not sentinel}
                if ports - {sentinel.primary_port} != set(sentinel.replicas) or others != set(
                    sentinel.others
                ):
                    return False
            return all(_is_well(sentinel) for sentinel in self.sentinels)

        wait_until(holds, self.story, limit_s=_LIMIT_S)

    def hurry(self) -> None:
        """Have sentinels tell each other everything four times a second, and act on strays in one second."""
        for sentinel in self.sentinels:
            sentinel.ask("SENTINEL", "DEBUG", "PUBLISH-PERIOD", "250", "INFO-PERIOD", "1000")

    def wait_for_switch(
        self, old: int, sentinels: Iterable[SentinelProcess] | None = None, *, limit_s: float = _LIMIT_S
    ) -> int:
        """Wait until all sentinels (or these) have switched to the same other primary; its port.

        Raises AssertionError.
        """
        asked = list(self.sentinels if sentinels is None else sentinels)

        def ports() -> set[int]:
            return {int(sentinel.primary["port"]) for sentinel in asked}

        wait_until(lambda: len(ports()) == 1 and old not in ports(), self.story, limit_s=limit_s)
        [port] = ports()
        return port

    def wait_for_role(self, port: int, primary: int | None, *, limit_s: float = _LIMIT_S) -> None:
        """Wait until a server is in sync with that primary, or with None is a primary itself."""

        def holds() -> bool:
            with contextlib.suppress(OSError, ConnectionClosedError), RawClient(port) as client:
                seen = info(client)
                if primary is None:
                    return seen["role"] == "master"
                return (
                    seen["role"] == "slave"
                    and seen["master_port"] == str(primary)
                    and seen["master_link_status"] == "up"
                )
            return False

        wait_until(holds, self.story, limit_s=limit_s)

    def server(self, port: int) -> RunningServer:
        """The server with a port."""
        return next(server for server in self.servers if server.port == port)

    def named(self, text: str) -> str:
        """A text with P0, P1… for the ports of servers, S0… for those of sentinels, ID0… for their ids."""
        for number, sentinel in enumerate(self.sentinels):
            if sentinel.process.poll() is None:
                text = text.replace(sentinel.ask("SENTINEL", "MYID"), f"ID{number}")
            text = re.sub(rf"\b{sentinel.port}\b", f"S{number}", text)
        for number, server in enumerate(self.servers):
            text = re.sub(rf"\b{server.port}\b", f"P{number}", text)
        return text

    def story(self) -> str:
        """What all have logged lately, for a failure's report."""
        programs = [(each.name, each.port, each.log()) for each in self.servers]
        programs += [(each.program.name, each.port, each.log()) for each in self.sentinels]
        return "\n".join(f"\n{name} on {port}:\n{log[-_STORY_BYTES:]}" for name, port, log in programs)


def _is_well(sentinel: SentinelProcess) -> bool:
    """Whether a sentinel has heard all that it has to know before it can fail anything over."""
    replicas = sentinel.replicas.values()
    return (
        sentinel.primary["flags"] == "master"
        and all(each["flags"] == "slave" and each["master-link-status"] == "ok" for each in replicas)
        # What another said of the last primary stays until it is asked about the new one.
        and all(each["flags"].removesuffix(",master_down") == "sentinel" for each in sentinel.others.values())
    )
