"""What every client sees of each fault: FAULT on nodes of ours, or the like of it done to real ones."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import redis

from tests.clients.driver.libraries import Sight
from tests.clients.driver.program import ATTEMPTS, Program, check, equal, timed_out
from tests.clients.driver.stage import HOST, Stage, slot_of, until

KEY, VALUE = "faulty", "its value"
LATENCY_MS = 60
_DROPPED, _MOST_DROPPED = 5, 50


class Trouble(NamedTuple):
    """A fault: the words after FAULT REPLY, and how a real node is brought to do the same."""

    name: str
    words: tuple[str, ...]
    real: Callable[[Stage, int], contextlib.AbstractContextManager[None]] | None = None


def _error(text: str) -> tuple[str, ...]:
    return ("ERROR", text)


@contextlib.contextmanager
def _loading(stage: Stage, port: int) -> Iterator[None]:
    """The node loads its data again, slowly."""
    node = stage.node(port)
    node.ask("CONFIG", "SET", "key-load-delay", 20000)
    node.ask("CONFIG", "SET", "loading-process-events-interval-bytes", 1024)
    for number in range(200):
        node.ask("SET", f"{{{KEY}}}{number}", os.urandom(1024))

    def is_loading() -> bool:
        try:
            return not node.ask("PING")
        except redis.BusyLoadingError:
            return True

    with node.begin("DEBUG", "RELOAD"):
        until(is_loading, "it loads")
        try:
            yield
        finally:
            node.ask("CONFIG", "SET", "key-load-delay", 0)
            until(lambda: not is_loading(), "it has loaded")


@contextlib.contextmanager
def _unassigned(stage: Stage, port: int) -> Iterator[None]:
    """The slot belongs to nobody."""
    for each in stage.ports:
        stage.node(each).ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    stage.node(port).ask("CLUSTER DELSLOTS", slot_of(KEY))
    try:
        yield
    finally:
        stage.node(port).ask("CLUSTER ADDSLOTS", slot_of(KEY))
        for each in stage.ports:
            stage.node(each).ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")


@contextlib.contextmanager
def _busy(stage: Stage, port: int) -> Iterator[None]:
    """A script does not end."""
    node = stage.node(port)
    node.ask("CONFIG", "SET", "busy-reply-threshold", 1)

    def is_busy() -> bool:
        try:
            return not node.ask("PING")
        except redis.ResponseError as error:
            return "BUSY" in str(error)

    with node.begin("EVAL", "while true do end", 0):
        until(is_busy, "it is busy")
        try:
            yield
        finally:
            node.ask("SCRIPT KILL")
            until(lambda: not is_busy(), "it is not busy")


@contextlib.contextmanager
def _astray(stage: Stage, port: int) -> Iterator[None]:
    """The node takes another one for the owner of its slot, which takes it for the owner."""
    node, setslot = stage.node(port), f"CLUSTER SETSLOT {slot_of(KEY)} NODE"
    while keys := node.ask("CLUSTER GETKEYSINSLOT", slot_of(KEY), 100):
        node.ask("DEL", *keys)
    node.ask(*setslot.split(), stage.id(stage.another(port)))
    try:
        yield
    finally:
        node.ask(*setslot.split(), stage.id(port))


@contextlib.contextmanager
def _silent(stage: Stage, port: int) -> Iterator[None]:
    """Writes wait."""
    stage.node(port).ask("CLIENT", "PAUSE", 60000, "WRITE")
    try:
        yield
    finally:
        stage.node(port).ask("CLIENT", "UNPAUSE")


@contextlib.contextmanager
def _closing(stage: Stage, port: int) -> Iterator[None]:
    """Connections with a request that waits are closed."""
    ending = threading.Event()

    def close() -> None:
        while not ending.wait(0.02):
            for each in stage.node(port).ask("CLIENT LIST"):
                if each["cmd"] == "set":
                    stage.node(port).ask("CLIENT", "KILL", "ID", each["id"])

    with _silent(stage, port):
        thread = threading.Thread(target=close)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()


TROUBLES: tuple[Trouble, ...] = (
    Trouble("LOADING", _error("LOADING Redis is loading the dataset in memory"), _loading),
    Trouble("CLUSTERDOWN", _error("CLUSTERDOWN Hash slot not served"), _unassigned),
    Trouble("BUSY", _error("BUSY Redis is busy running a script. You can only call SCRIPT KILL."), _busy),
    Trouble("TRYAGAIN", _error("TRYAGAIN Multiple keys request during rehashing of slot")),
    Trouble(
        "MASTERDOWN", _error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is 'no'.")
    ),
    Trouble("wrong MOVED", ("MOVED", ""), _astray),
    Trouble("cut", ("CUT",)),
    Trouble("silent", ("SILENCE",), _silent),
    Trouble("closed", ("CLOSE",), _closing),
)


def replies(stage: Stage, program: Program, sees: Mapping[str, Sight]) -> str:
    """A client makes of each fault of replies what it makes of it: of one, and of one that lasts.

    With real nodes only those that last can be made. Raises WrongError.
    """
    owner = stage.owner(KEY)
    count = 0
    for trouble in TROUBLES:
        for lasts, wanted in enumerate(sees[trouble.name]):
            if stage.is_real and (trouble.real is None or not lasts):
                continue
            for _ in range(ATTEMPTS):
                with _made(stage, program, owner, trouble, lasts=bool(lasts)):
                    got = program.ask("set", KEY, VALUE)
                _recover(program, trouble.name)
                is_seen = re.match("OK" if wanted == "OK" else "! ", got) and re.search(wanted, got)
                if is_seen or not timed_out(got):
                    break
            check(bool(is_seen), f"{trouble.name}, lasting {lasts}: wanted {wanted}, got", got)
            count += 1
    return f"{count} kinds of replies seen as they are"


@contextlib.contextmanager
def _made(stage: Stage, program: Program, port: int, trouble: Trouble, *, lasts: bool) -> Iterator[None]:
    """The fault, for the length of a with-block: made by the program itself, unless the node is real."""
    if stage.is_real:
        assert trouble.real is not None
        with trouble.real(stage, port):
            yield
        return
    words = [word or f"{HOST}:{stage.another(port)}" for word in trouble.words]
    times = () if lasts else ("TIMES", "1")
    program.tell("call", f"{HOST}:{port}", "FAULT", "REPLY", *words, "COMMAND", "set", "KEY", KEY, *times)
    yield
    program.tell("call", f"{HOST}:{port}", "FAULT", "HEAL")


def wires(stage: Stage, program: Program) -> str:
    """Connections that are late, or break again and again: clients notice, and go on when it is over."""
    port = stage.owner(KEY)
    node = f"{HOST}:{port}"
    program.tell("call", node, "FAULT", "WIRE", "LATENCY", f"{LATENCY_MS}", "KIND", "CLIENT")
    start_s = time.monotonic()
    equal(program.tell("set", KEY, VALUE), "OK")
    took_ms = (time.monotonic() - start_s) * 1000
    _heal(program, node)
    check(took_ms >= LATENCY_MS, f"milliseconds that a late reply took, of {LATENCY_MS}:", took_ms)

    before, requests, refused, asked = _connection_count(stage, port), 0, 0, 0
    # Each connection beyond those that ask for faults stands for one that broke.
    while _connection_count(stage, port) <= before + asked:
        check(requests < _MOST_DROPPED, "nothing was dropped, refused:", refused)
        # This may break the connection on which it is asked for.
        program.ask("call", node, "FAULT", "WIRE", "DROP", "0.3", "KIND", "CLIENT")
        refused += sum(program.ask("set", KEY, VALUE) != "OK" for _ in range(_DROPPED))
        asked += 1 + _heal(program, node)
        requests += _DROPPED
        _recover(program, "dropped connections")
    return f"late replies waited for, {refused} of {requests} refused where connections broke"


def _connection_count(stage: Stage, port: int) -> int:
    return int(stage.node(port).info("stats")["total_connections_received"])


def _heal(program: Program, node: str) -> int:
    """How many attempts it took: the connection that heals may be late, or break, as well."""
    attempts = 0

    def is_healed() -> bool:
        nonlocal attempts
        attempts += 1
        return not program.ask("call", node, "FAULT", "HEAL").startswith("!")

    until(is_healed, "faults are healed")
    return attempts


def _recover(program: Program, name: str) -> None:
    """When all is well the client is served again, at the latest after it has found a connection broken."""
    until(lambda: program.ask("set", KEY, VALUE) == "OK", f"it recovers from {name}")
