"""A primary, two replicas and three sentinels from a tutorial's files, and a client that asks the sentinels.

The same life of a real Redis runs at its side, and the files that both have rewritten are compared.
`PYREDIS_TEST_PRINTED_PORTS=1` takes the tutorial's ports, for ours alone: 6090 to 6092, and 5000 to 5002.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest
import redis
from redis.sentinel import Sentinel

from tests.integration.test_tutorial_replicas import PRIMARY, REPLICA
from tests.support.ports import free_ports, release_port
from tests.support.program import Running, connect, started
from tests.support.replicating import info, wait_for_link, wait_until
from tests.support.sentinels import NAME, Event, SentinelProcess
from tests.support.servers import REDIS_7_0, REDIS_7_2, Program, find_real_servers, our_program
from tests.support.wire import ConnectionClosedError

pytestmark = pytest.mark.slow

PRINTED_PORTS = "PYREDIS_TEST_PRINTED_PORTS" in os.environ
SENTINEL = """port {port}
sentinel monitor mymaster 127.0.0.1 {primary} 2
sentinel down-after-milliseconds mymaster 5000
sentinel failover-timeout mymaster 60000
"""
PAUSE_S = 0.005
# A write that the primary has acknowledged may die with it: replicas get theirs a moment later.
LOST = 2


class SentinelWriter:
    """A thread that writes keys through `redis.sentinel.Sentinel`, each until it is acknowledged."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.keys: list[str] = []
        """All that was acknowledged, in order."""
        self.refused = 0
        sentinel = Sentinel([("127.0.0.1", port) for port in ports], socket_timeout=0.5)  # type: ignore[no-untyped-call]
        self._client = sentinel.master_for(NAME, socket_timeout=0.5)  # type: ignore[no-untyped-call]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SentinelWriter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._ending.wait(PAUSE_S):
            key = f"written:{len(self.keys)}"
            try:
                self._client.set(key, key)
            except (redis.RedisError, OSError):
                self.refused += 1
            else:
                self.keys.append(key)

    def wait_for_more(self, count: int = 50) -> None:
        """Wait until so many more writes are acknowledged. Raises AssertionError."""
        wanted = len(self.keys) + count
        wait_until(lambda: len(self.keys) >= wanted, lambda: (len(self.keys), self.refused))


@dataclass
class Tutorial:
    """Servers and sentinels of one program, from the tutorial's files, which are all that they are told."""

    program: Program
    directory: Path
    ports: list[int]
    sentinels: list[SentinelProcess]
    stack: ExitStack
    running: dict[int, Running]

    def start_server(self, port: int) -> None:
        """Start a server from its file, for the first time or again."""
        data = self.directory / f"redis-{port}" / "data"
        data.mkdir(exist_ok=True)
        running = started(self.program, str(self.config(port)), directory=data)
        self.running[port] = self.stack.enter_context(running)
        connect(port).close()

    def config(self, port: int) -> Path:
        """The configuration file of a server."""
        return self.directory / f"redis-{port}" / "conf" / "redis.conf"

    def replication(self, port: int) -> dict[str, str]:
        """INFO REPLICATION of a server."""
        with connect(port) as client:
            return info(client)

    def follows(self, port: int, primary: int) -> bool:
        """Whether a server is a replica in sync."""
        try:
            seen = self.replication(port)
        except ConnectionClosedError:
            # Sentinels close the connections of those whom they give another role.
            return False
        wanted = {"role": "slave", "master_port": str(primary), "master_link_status": "up"}
        return seen | wanted == seen

    def wait_for_event(self, kind: str, payload: str = "") -> None:
        """Wait until one of the sentinels at least has told of this. Raises AssertionError."""
        wait_until(
            lambda: any(
                event.kind == kind and payload in event.payload
                for sentinel in self.sentinels
                for event in sentinel.events
            ),
            self.logs,
        )

    def logs(self) -> str:
        """What the sentinels have logged."""
        return "\n".join(sentinel.log() for sentinel in self.sentinels)


@contextmanager
def tutorial(program: Program, directory: Path, ports: list[int]) -> Iterator[Tutorial]:
    """All six programs, in sync and known to each other."""
    primary = ports[0]
    with ExitStack() as stack:
        sentinels = []
        for port in ports[3:]:
            home = directory / "redis-sentinel-cluster" / str(port)
            sentinel = SentinelProcess(program, port, home, SENTINEL.format(port=port, primary=primary))
            stack.callback(sentinel.stop)
            sentinels.append(sentinel)
        nodes = Tutorial(program, directory, ports, sentinels, stack, {})
        for port in ports[:3]:
            nodes.config(port).parent.mkdir(parents=True)
            text = PRIMARY if port == primary else REPLICA
            nodes.config(port).write_text(text.format(port=port, primary=primary))
            nodes.start_server(port)
        for port in ports[1:3]:
            with connect(port) as client:
                wait_for_link(client)
        for sentinel in sentinels:
            sentinel.start()
        wait_until(lambda: all(len(s.others) == len(s.replicas) == 2 for s in sentinels), nodes.logs)
        yield nodes


@dataclass
class Outcome:
    """What a life left behind, with names for ports and ids."""

    sentinel_files: list[tuple[list[str], list[str]]]
    """Of each sentinel: the lines that it was given, then those it has added, sorted."""
    server_files: dict[str, list[str]]
    events: list[list[Event]]


def live(program: Program, directory: Path, ports: list[int]) -> Outcome:
    """The tutorial's first part. Raises AssertionError."""
    directory.mkdir()
    with tutorial(program, directory, ports) as nodes, SentinelWriter(ports[3:]) as writer:
        old = ports[0]
        writer.wait_for_more()
        assert writer.refused == 0
        before = len(writer.keys)

        nodes.running[old].process.kill()
        nodes.running[old].wait()
        wait_until(lambda: all(s.primary["port"] != str(old) for s in nodes.sentinels), nodes.logs)
        chosen = {s.primary["port"] for s in nodes.sentinels}
        assert len(chosen) == 1, chosen
        new = int(chosen.pop())
        [other] = set(ports[1:3]) - {new}
        after = len(writer.keys)
        writer.wait_for_more()
        wait_until(lambda: nodes.follows(other, new), lambda: nodes.replication(other))
        assert writer.refused > 0
        assert before < after

        nodes.start_server(old)
        wait_until(lambda: nodes.follows(old, new), nodes.logs)
        nodes.wait_for_event("+convert-to-slave", f"127.0.0.1 {old} @ {NAME} 127.0.0.1 {new}")
        wait_until(lambda: all(_knows_all_well(s) for s in nodes.sentinels), nodes.logs)
        writer.wait_for_more()
        _check_writes(nodes, writer, new, after)
        return _outcome(nodes, {str(old): "OLD", str(new): "NEW", str(other): "OTHER"})


def _knows_all_well(sentinel: SentinelProcess) -> bool:
    replicas = sentinel.replicas.values()
    return len(replicas) == 2 and all(
        each["flags"] == "slave" and each["master-link-status"] == "ok" for each in replicas
    )


def _check_writes(nodes: Tutorial, writer: SentinelWriter, primary: int, since: int) -> None:
    """What was acknowledged is there, on the old primary as well, but for the last before it died."""
    keys = list(writer.keys)
    clients = {port: redis.Redis(port=port) for port in nodes.ports[:3]}
    try:
        missing = [n for n, found in enumerate(clients[primary].mget(keys)) if found is None]
        assert len(missing) <= LOST, missing
        assert all(n < since for n in missing)
        clients[primary].set("the last", "one")
        assert clients[primary].wait(2, 10_000) == 2
        for client in clients.values():
            assert [n for n, found in enumerate(client.mget(keys)) if found is None] == missing
    finally:
        for client in clients.values():
            client.close()


def _outcome(nodes: Tutorial, names: dict[str, str]) -> Outcome:
    for number, sentinel in enumerate(nodes.sentinels):
        names |= {str(sentinel.port): f"S{number}", sentinel.ask("SENTINEL", "MYID"): f"ID{number}"}

    def named(text: str) -> str:
        # The epoch counts elections, of which there are more than one where votes were split.
        text = re.sub(r"(-epoch(?: mymaster)?) [1-9]\d*\b", r"\1 E", text)
        text = text.replace(str(nodes.directory), "HERE")
        # Redis 7.0 has one word less to say of a user.
        text = text.replace(" sanitize-payload ", " ")
        return re.sub(r"\b(\d{4,5}|[0-9a-f]{40})\b", lambda match: names.get(match[0], match[0]), text)

    files = []
    for sentinel in nodes.sentinels:
        given, _, added = named(sentinel.text()).partition("# Generated by CONFIG REWRITE\n")
        # Blank lines tell how many lines were added at once.
        files.append((given.splitlines(), sorted(line for line in added.splitlines() if line)))
    servers = {
        names[str(port)]: sorted(named(nodes.config(port).read_text()).splitlines())
        for port in nodes.ports[:3]
    }
    events = [[Event(kind, named(payload)) for kind, payload in s.events] for s in nodes.sentinels]
    return Outcome(files, servers, events)


def check_outcome(outcome: Outcome) -> None:
    """What must be so of any kind of program."""
    for number, (given, added) in enumerate(outcome.sentinel_files):
        assert given[:2] == [f"port S{number}", "sentinel monitor mymaster 127.0.0.1 NEW 2"]
        assert "sentinel known-replica mymaster 127.0.0.1 OLD" in added
        assert "sentinel known-replica mymaster 127.0.0.1 OTHER" in added
        assert sum("known-sentinel" in line for line in added) == 2
        assert f"sentinel myid ID{number}" in added
    switched = Event("+switch-master", f"{NAME} 127.0.0.1 OLD 127.0.0.1 NEW")
    assert all(events.count(switched) == 1 for events in outcome.events)


@pytest.mark.real_server
def test_a_primary_dies_and_a_replica_takes_its_place(tmp_path: Path) -> None:
    real = find_real_servers().get(REDIS_7_2) or find_real_servers().get(REDIS_7_0)
    if PRINTED_PORTS:
        check_outcome(live(our_program(), tmp_path / "ours", [*range(6090, 6093), *range(5000, 5003)]))
        return
    programs = [our_program(), *([real] if real is not None else [])]
    ports = [free_ports(6) for _ in programs]
    try:
        with ThreadPoolExecutor(2) as pool:
            lives = [
                pool.submit(live, program, tmp_path / program.name, sorted(each))
                for program, each in zip(programs, ports, strict=True)
            ]
            outcomes = [each.result() for each in lives]
    finally:
        for port in (port for each in ports for port in each):
            release_port(port)
    for outcome in outcomes:
        check_outcome(outcome)
    if real is not None:
        ours, theirs = outcomes
        assert ours.sentinel_files == theirs.sentinel_files
        assert ours.server_files == theirs.server_files
