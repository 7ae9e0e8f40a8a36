"""Instances that lie, talk nonsense or say nothing, and a disk that takes nothing: a sentinel goes on.

Real ones end in an assertion where they are pushed what they have not asked for.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_ports, release_port
from tests.support.replicating import wait_until
from tests.support.sentinels import NAME, ReplyError, SentinelProcess, Watched
from tests.support.servers import OURS

pytestmark = pytest.mark.slow

Behaviour = Callable[[socket.socket, threading.Event], None]

_CHUNK = 65536
_ANSWER_LIMIT_S = 2.0
_MOST_BYTES = 400 * 1024 * 1024
_FLOOD_S = 3.0


def says_nothing(peer: socket.socket, ending: threading.Event) -> None:
    while not ending.is_set() and peer.recv(_CHUNK):
        pass


def hangs_up(peer: socket.socket, ending: threading.Event) -> None:
    pass


def answers(reply: bytes) -> Behaviour:
    """The same reply to whatever comes."""

    def behave(peer: socket.socket, ending: threading.Event) -> None:
        while not ending.is_set() and peer.recv(_CHUNK):
            peer.sendall(reply)

    return behave


def floods(data: bytes) -> Behaviour:
    """So much as is taken, for some seconds."""

    def behave(peer: socket.socket, ending: threading.Event) -> None:
        end_s = time.monotonic() + _FLOOD_S
        while not ending.is_set() and time.monotonic() < end_s:
            peer.sendall(data)
            ending.wait(0.01)

    return behave


BEHAVIOURS: dict[str, Behaviour] = {
    "silent": says_nothing,
    "hangs-up": hangs_up,
    "garbage": answers(bytes(range(256)) * 4),
    "http": answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "half-reply": answers(b"$100\r\nhalf of it"),
    "huge-bulk": answers(b"$536870912\r\n"),
    "huge-array": answers(b"*2147483647\r\n"),
    "deep-array": answers(b"*1\r\n" * 5000),
    "bad-length": answers(b"$-5\r\n"),
    "integers": answers(b":1\r\n"),
    "nulls": answers(b"*-1\r\n$-1\r\n"),
    "errors": answers(b"-ERR no\r\n"),
    "busy": answers(b"-BUSY running a script\r\n"),
    "pushes": answers(b">3\r\n+message\r\n+__sentinel__:hello\r\n+x\r\n"),
    "too-many": answers(b"+PONG\r\n" * 50),
    "wrong-info": answers(b"$33\r\nrole:slave\r\nmaster_host:\r\nslave0:\r\n\r\n"),
    "flood": floods(b"+PONG\r\n" * 1000),
    "endless-line": floods(b"+" + b"x" * 10000),
}


@contextlib.contextmanager
def peer(behave: Behaviour) -> Iterator[int]:
    """A port on which somebody behaves so, to each who connects."""
    ending = threading.Event()
    [port] = free_ports(1)
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.1)
    connections: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            behave(connection, ending)

    def accept() -> None:
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                connection = listener.accept()[0]
                connection.settimeout(60)
                connections.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        ending.set()
        thread.join()
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        release_port(port)


def resident_bytes(pid: int) -> int:
    """How much memory a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def assert_well(sentinel: SentinelProcess) -> None:
    """It answers soon, has not grown without bound, and nothing failed within it."""
    asked_s = time.monotonic()
    assert sentinel.ask("PING") == "PONG"
    assert time.monotonic() - asked_s < _ANSWER_LIMIT_S
    assert resident_bytes(sentinel.process.pid) < _MOST_BYTES
    assert "Traceback" not in sentinel.log(), sentinel.log()
    assert sentinel.process.poll() is None, sentinel.log()


@contextlib.contextmanager
def well_watched(directory: Path) -> Iterator[Watched]:
    """A primary and a replica that are well, and one sentinel."""
    with Watched(directory, servers=[OURS] * 2, sentinels=[OURS], quorum=1) as watched:
        yield watched


def test_primaries_that_talk_nonsense(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        watched = stack.enter_context(well_watched(tmp_path))
        sentinel = watched.sentinels[0]
        for name, behave in BEHAVIOURS.items():
            port = stack.enter_context(peer(behave))
            assert sentinel.ask("SENTINEL", "MONITOR", name, "127.0.0.1", port, 1) == "OK"
            assert sentinel.ask("SENTINEL", "SET", name, "down-after-milliseconds", 1500) == "OK"

        def found_down() -> set[str]:
            return {event.payload.split()[1] for event in sentinel.events if event.kind == "+sdown"}

        # A reply that is an error is one, too, as is a PONG in time.
        wanted = set(BEHAVIOURS) - {"too-many", "flood"}
        wait_until(lambda: found_down() >= wanted, lambda: (wanted - found_down(), sentinel.log()))
        assert NAME not in found_down()
        assert_well(sentinel)
        assert sentinel.primary["flags"] == "master"
        _fail_over(watched)


def test_sentinels_that_talk_nonsense(tmp_path: Path) -> None:
    """They are met by a hello, asked for their votes, and outvote nobody."""
    with contextlib.ExitStack() as stack:
        watched = stack.enter_context(well_watched(tmp_path))
        sentinel = watched.sentinels[0]
        address = f"127.0.0.1,{watched.servers[0].port}"
        for number, behave in enumerate(BEHAVIOURS.values()):
            port = stack.enter_context(peer(behave))
            hello = f"127.0.0.1,{port},{number:040d},0,{NAME},{address},0"
            with watched.servers[0].connect() as client:
                assert client.call("PUBLISH", "__sentinel__:hello", hello).startswith(b":")
        wait_until(lambda: len(sentinel.others) == len(BEHAVIOURS), sentinel.log)
        sentinel.ask("SENTINEL", "SET", NAME, "failover-timeout", 2000)
        watched.servers[0].kill()
        wait_until(
            lambda: any(event.kind == "-failover-abort-not-elected" for event in sentinel.events),
            sentinel.log,
        )
        assert_well(sentinel)
        assert sentinel.primary_port == watched.servers[0].port
        assert "elected-leader" not in sentinel.log()


def test_a_replica_that_lies(tmp_path: Path) -> None:
    """It says that it is a replica of great merit, and never becomes a primary."""
    with contextlib.ExitStack() as stack:
        watched = stack.enter_context(well_watched(tmp_path))
        sentinel, primary = watched.sentinels[0], watched.servers[0]
        text = (
            f"# Server\r\nrun_id:{'f' * 40}\r\n# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\n"
            f"master_port:{primary.port}\r\nmaster_link_status:up\r\nslave_priority:1\r\n"
            "slave_repl_offset:999999999999\r\n"
        ).encode()
        info = b"$%d\r\n%b\r\n" % (len(text), text)

        def lie(connection: socket.socket, ending: threading.Event) -> None:
            while not ending.is_set() and (data := connection.recv(_CHUNK)):
                for word in data.split(b"*")[1:]:
                    is_info = b"INFO" in word.upper()
                    connection.sendall(
                        info if is_info else b"+PONG\r\n" if b"PING" in word.upper() else b"+OK\r\n"
                    )

        liar = stack.enter_context(peer(lie))
        with primary.connect() as client:
            # A replica that says it listens there, and goes on to say so.
            client.call("REPLCONF", "listening-port", liar)
            client.send("PSYNC", "?", "-1")
            sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", 500)
            wait_until(lambda: liar in sentinel.replicas, sentinel.log)
        sentinel.ask("SENTINEL", "SET", NAME, "failover-timeout", 2000)
        primary.kill()
        wait_until(
            lambda: any(event.kind == "-failover-abort-slave-timeout" for event in sentinel.events),
            sentinel.log,
        )
        assert f"+selected-slave slave 127.0.0.1:{liar} " in sentinel.log()
        assert_well(sentinel)


def _fail_over(watched: Watched) -> None:
    old, new = watched.servers
    old.kill()
    assert watched.wait_for_switch(old.port) == new.port
    assert_well(watched.sentinels[0])


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """The directory is gone: it says so, and goes on."""
    with well_watched(tmp_path) as watched:
        sentinel = watched.sentinels[0]
        shutil.move(sentinel.home, tmp_path / "elsewhere")
        with pytest.raises(ReplyError, match=r"ERR Failed to save config file"):
            sentinel.ask("SENTINEL", "FLUSHCONFIG")
        log = tmp_path / "elsewhere" / "log.txt"
        said = "WARNING: Sentinel was not able to save the new configuration on disk!!!"
        assert said in log.read_text()
        _fail_over(watched)
        assert log.read_text().count(said) > 1
        shutil.move(tmp_path / "elsewhere", sentinel.home)
        assert sentinel.ask("SENTINEL", "FLUSHCONFIG") == "OK"
        assert f"sentinel monitor {NAME} 127.0.0.1 {watched.servers[1].port} 1\n" in sentinel.text()


def test_a_host_that_nobody_answers_for(tmp_path: Path) -> None:
    """A primary at an address where packets get lost: connecting must not hold up anything."""
    with well_watched(tmp_path) as watched:
        sentinel = watched.sentinels[0]
        # A listener whose queue is full never completes a connection.
        with socket.socket() as listener, contextlib.ExitStack() as stack:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            port = listener.getsockname()[1]
            assert sentinel.ask("SENTINEL", "MONITOR", "far", "127.0.0.1", port, 1) == "OK"
            assert sentinel.ask("SENTINEL", "SET", "far", "down-after-milliseconds", 1500) == "OK"
            wait_until(
                lambda: any(event.kind == "+sdown" and " far " in event.payload for event in sentinel.events),
                sentinel.log,
            )
            assert_well(sentinel)
            _fail_over(watched)
