"""What a sentinel tells as it lives, step by step: events, log and calls of scripts beside a real one's."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.sentinel_lab import Names, differences, oracles, with_each
from tests.support.program import log_lines
from tests.support.replicating import follow, wait_until
from tests.support.sentinels import NAME, SentinelProcess, Watched
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, find_real_servers

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

Step = Callable[[Watched], None]

# These come when an INFO, a PING, a hello or a vote does, before or after other things: when does not count.
_LOOSE = re.compile(r"[+-](role-change|sdown|odown|sentinel) | voted for ")
# Of several sentinels any may be the first to find a stray, which then is none to the others, or to tell of a
# new primary.
_STRAY = re.compile(r"\+(convert-to-slave|role-change slave) ")
_TOLD_BY = re.compile(r"(?<=config-update-from sentinel )\S+ \S+ \S+")

SCRIPT = """#!/bin/sh
echo "$0 $*" >>"$(dirname "$0")/calls.txt"
"""


def heard(watched: Watched, *wanted: str) -> None:
    """Wait until the first sentinel has told of all these, one after the other. Raises AssertionError."""
    names = Names(watched)

    def holds() -> bool:
        told = iter([names.of(str(event)) for event in watched.sentinels[0].events[watched.mark :]])
        return all(any(text in each for each in told) for text in wanted)

    wait_until(holds, watched.story)


def the_sentinel_stands_still(watched: Watched) -> None:
    sentinel = watched.sentinels[0]
    sentinel.ask("SENTINEL", "DEBUG", "TILT-TRIGGER", "1000", "TILT-PERIOD", "500")
    sentinel.pause()
    threading.Event().wait(1.2)
    sentinel.resume()
    heard(watched, "+tilt", "-tilt")


def a_replica_stands_still(watched: Watched) -> None:
    replica = watched.servers[1]
    replica.pause()
    heard(watched, "+sdown slave 127.0.0.1:P1")
    replica.resume()
    heard(watched, "-sdown slave 127.0.0.1:P1")


def another_primary_comes_and_goes(watched: Watched) -> None:
    sentinel = watched.sentinels[0]
    assert sentinel.ask("SENTINEL", "MONITOR", "second", "127.0.0.1", "1", "1") == "OK"
    for words in (("quorum", "2"), ("auth-pass", "secret"), ("rename-command", "CONFIG", "X")):
        assert sentinel.ask("SENTINEL", "SET", "second", *words) == "OK"
    assert sentinel.ask("SENTINEL", "SET", "second", "quorum", "1", "down-after-milliseconds", "1") == "OK"
    heard(watched, "+sdown master second", "-failover-abort-no-good-slave master second")
    assert sentinel.ask("SENTINEL", "REMOVE", "second") == "OK"
    heard(watched, "-monitor master second")


def everything_is_forgotten(watched: Watched) -> None:
    assert watched.sentinels[0].ask("SENTINEL", "RESET", "my*") == 1
    watched.wait_until_known()


def a_replica_follows_somebody_else(watched: Watched) -> None:
    one, other = watched.servers[1:]
    with one.connect() as client:
        follow(client, other.port)
        heard(watched, "+fix-slave-config slave 127.0.0.1:P1")
    watched.wait_for_role(one.port, watched.servers[0].port)


def a_replica_is_promoted_by_hand(watched: Watched) -> None:
    with watched.servers[1].connect() as client:
        follow(client, None)
        heard(watched, "+convert-to-slave slave 127.0.0.1:P1", "+role-change slave 127.0.0.1:P1")
    watched.wait_for_role(watched.servers[1].port, watched.servers[0].port)


def the_primary_dies(watched: Watched) -> None:
    """The second server takes its place, since it has the better priority."""
    old, new = watched.servers[:2]
    old.kill()
    heard(watched, "+switch-master mymaster 127.0.0.1 P0 127.0.0.1 P1", "+sdown slave 127.0.0.1:P0")
    watched.wait_for_role(watched.servers[2].port, new.port)


def the_old_primary_comes_back(watched: Watched) -> None:
    old, new = watched.servers[:2]
    old.restart()
    heard(watched, "-sdown slave 127.0.0.1:P0")
    watched.wait_for_role(old.port, new.port)
    with old.connect() as client:
        assert client.call("CONFIG", "SET", "replica-priority", "1") == b"+OK\r\n"
    with new.connect() as client:
        assert client.call("CONFIG", "SET", "replica-priority", "100") == b"+OK\r\n"
    watched.wait_until_known()
    wait_until(lambda: all(_has_priority(each, old.port, "1") for each in watched.sentinels))


def somebody_asks_for_a_failover(watched: Watched) -> None:
    old, new = watched.servers[1], watched.servers[0]
    assert watched.sentinels[0].ask("SENTINEL", "FAILOVER", NAME) == "OK"
    heard(watched, "+switch-master mymaster 127.0.0.1 P1 127.0.0.1 P0")
    watched.wait_for_role(old.port, new.port)
    watched.wait_until_known()


def the_chosen_replica_stands_still(watched: Watched) -> None:
    """The third server, since it has the best priority; what it was told it does when it wakes up."""
    primary, _, chosen = watched.servers
    with chosen.connect() as client:
        assert client.call("CONFIG", "SET", "replica-priority", "0") == b"+OK\r\n"
        wait_until(lambda: _has_priority(watched.sentinels[0], chosen.port, "0"))
        assert client.call("CONFIG", "SET", "replica-priority", "1") == b"+OK\r\n"
        wait_until(lambda: _has_priority(watched.sentinels[0], chosen.port, "1"))
    chosen.pause()
    assert watched.sentinels[0].ask("SENTINEL", "FAILOVER", NAME) == "OK"
    heard(watched, "+sdown slave 127.0.0.1:P2", "-failover-abort-slave-timeout")
    chosen.resume()
    heard(watched, "-sdown slave 127.0.0.1:P2", "+convert-to-slave slave 127.0.0.1:P2")
    watched.wait_for_role(chosen.port, primary.port)
    watched.wait_until_known()


def the_primary_restarts_at_once(watched: Watched) -> None:
    primary = watched.servers[0]
    primary.kill()
    primary.restart()
    heard(watched, "+reboot master mymaster 127.0.0.1 P0")


ALONE: dict[str, Step] = {
    step.__name__: step
    for step in (
        a_replica_stands_still,
        another_primary_comes_and_goes,
        everything_is_forgotten,
        a_replica_follows_somebody_else,
        a_replica_is_promoted_by_hand,
        the_primary_dies,
        the_old_primary_comes_back,
        somebody_asks_for_a_failover,
        the_chosen_replica_stands_still,
        the_sentinel_stands_still,
        the_primary_restarts_at_once,
    )
}
TOGETHER: dict[str, Step] = {
    step.__name__: step
    for step in (the_primary_dies, the_old_primary_comes_back, somebody_asks_for_a_failover)
}

Told = dict[str, list[str]]


def live(program: str, directory: Path, steps: dict[str, Step], sentinels: int) -> Told:
    """What each sentinel tells in each step; in the end its log, and what its scripts were called with."""
    scripts = _scripts(directory)
    told: Told = {}
    with Watched(
        directory / "programs",
        servers=[REDIS_7_0] * 3,
        sentinels=[program] * sentinels,
        leader=0,
        failover_timeout_ms=3000,
        more="".join(f"sentinel {script.name} {NAME} {script}\n" for script in scripts),
    ) as watched:
        with watched.servers[1].connect() as client:
            assert client.call("CONFIG", "SET", "replica-priority", "50") == b"+OK\r\n"
        watched.hurry()
        wait_until(
            lambda: all(_has_priority(each, watched.servers[1].port, "50") for each in watched.sentinels)
        )
        names = Names(watched)
        for name, step in steps.items():
            marks = [len(sentinel.events) for sentinel in watched.sentinels]
            watched.mark = marks[0]
            step(watched)
            for number, (sentinel, mark) in enumerate(zip(watched.sentinels, marks, strict=True)):
                told[f"{name}, sentinel {number}"] = [names.of(str(each)) for each in sentinel.events[mark:]]
        for number, sentinel in enumerate(watched.sentinels):
            told[f"log of sentinel {number}"] = _log(names, sentinel)
        told["scripts"] = sorted(names.of(line) for line in _calls(directory))
    return told


def _has_priority(sentinel: SentinelProcess, port: int, priority: str) -> bool:
    return sentinel.replicas[port]["slave-priority"] == priority


def _scripts(directory: Path) -> list[Path]:
    directory.mkdir()
    scripts = [directory / name for name in ("notification-script", "client-reconfig-script")]
    for script in scripts:
        script.write_text(SCRIPT)
        script.chmod(0o755)
    return scripts


def _calls(directory: Path) -> list[str]:
    lines = (directory / "calls.txt").read_text().splitlines()
    return [line.replace(f"{directory}/", "") for line in lines]


def _log(names: Names, sentinel: SentinelProcess) -> list[str]:
    """The lines after the start, without how often the configuration was saved."""
    lines = [f"{level} {message}" for role, level, message in log_lines(sentinel.log()) if role == "X"]
    after_start = next(n for n, line in enumerate(lines) if "Sentinel ID is" in line)
    kept = [line for line in lines[after_start:] if "new configuration saved" not in line]
    return [re.sub(r"before .*", "before TIME", names.of(line)) for line in kept]


def arranged(told: Told, *, several: bool, levels: bool) -> Told:
    """The same, with what does not come at a certain time apart; without what any of several may do.

    Without `levels` those of the log do not count: some changed after Redis 7.0.
    """
    may_differ = differences("event")
    result: Told = {}
    loose = []
    for name, lines in told.items():
        kept = [line for line in lines if not may_differ(f"{name} / {line}")]
        if several:
            kept = [_TOLD_BY.sub("ANY", line) for line in kept if not _STRAY.search(line)]
        if not levels:
            kept = [re.sub("^[*#] ", "", line) for line in kept]
        if name == "scripts":
            kept = sorted(kept)
        result[name] = [line for line in kept if not _LOOSE.search(line)]
        loose += [f"{_sentinel(name)}: {line}" for line in kept if _LOOSE.search(line)]
    return result | {"at any time": sorted(set(loose))}


def _sentinel(name: str) -> str:
    return name.rpartition(", ")[2]


def compare(directory: Path, steps: dict[str, Step], sentinels: int) -> None:
    """Hold what ours tells against what real ones do."""
    if REDIS_7_0 not in find_real_servers():
        pytest.skip("no Redis 7.0 on this machine")
    kinds = [OURS, *oracles()[:1]]
    told = with_each(kinds, lambda name: live(name, directory / name, steps, sentinels))
    ours, real = (
        arranged(told[kind], several=sentinels > 1, levels=REDIS_7_2 in kinds) for kind in (OURS, kinds[-1])
    )
    wrong = []
    for name, lines in ours.items():
        changes = list(difflib.unified_diff(real[name], lines, "real", "ours", lineterm="", n=1))
        wrong += [f"{name}:", *changes] if changes else []
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_sentinel_alone(tmp_path: Path) -> None:
    compare(tmp_path, ALONE, 1)


def test_three_sentinels(tmp_path: Path) -> None:
    compare(tmp_path, TOGETHER, 3)
