"""A sentinel answers as a real one: the same dialogues with both, over the same scenario."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path

import pytest

from tests.conformance.sentinel_dialogues import DIALOGUES, requests
from tests.conformance.sentinel_lab import Names, differences, oracles, with_each
from tests.support.sentinels import Watched
from tests.support.servers import OURS, REDIS_7_0, REDIS_7_2, find_real_servers
from tests.support.wire import ConnectionClosedError, Node, RawClient, parse

pytestmark = [pytest.mark.real_server, pytest.mark.slow]

Replies = list[tuple[str, object]]

# Fields of INFO that say what a test can foresee.
FORESEEN = frozenset(
    (
        *(
            "redis_mode",
            "tcp_port",
            "configured_hz",
            "io_threads_active",
            "maxclients",
            "cluster_connections",
        ),
        *("sentinel_masters", "sentinel_tilt", "sentinel_tilt_since_seconds", "sentinel_running_scripts"),
        *("sentinel_scripts_queue_length", "sentinel_simulate_failure_flags", "master0", "blocked_clients"),
    )
)


def ask(watched: Watched, name: str, resp: int) -> Replies:
    names = Names(watched)
    port = watched.sentinels[0].port
    replies: Replies = []
    client = RawClient(port)
    try:
        for request in requests(name):
            words = shlex.split(names.fill(request.removeprefix("7.2 ")))
            if words[0] == "text":
                replies.append((request, fields(names, client.call(*words[1:]))))
                continue
            if words[0] == "shape":
                replies.append((request, shape(parse(client.call(*words[1:])))))
                continue
            try:
                raw = client.call(*words)
            except ConnectionClosedError:
                client.close()
                client = RawClient(port)
                raw = b"-closed\r\n"
            replies.append((request, names.comparable(raw)))
            if resp == 3 and (request == requests(name)[0] or request.startswith(("RESET", "QUIT", "HELLO"))):
                client.call("HELLO", 3)
    finally:
        client.close()
    return replies


def shape(node: Node) -> object:
    """Types, all the way down."""
    return (node.kind, [shape(item) for item in node.items])


def fields(names: Names, raw: bytes) -> list[str]:
    """Sections and fields of an INFO, with the values of those that are foreseen."""
    lines = []
    for line in names.of(raw.decode(errors="replace")).splitlines()[1:]:
        name, colon, value = line.partition(":")
        lines.append(name + colon + (value if name in FORESEEN else ""))
    return lines


def converse(program: str, directory: Path) -> dict[str, Replies]:
    """All dialogues with the first of three sentinels over real servers."""
    with Watched(directory / program, servers=[REDIS_7_0] * 3, sentinels=[program] * 3) as watched:
        return {f"{name}, RESP{resp}": ask(watched, name, resp) for resp in (2, 3) for name in DIALOGUES}


def test_dialogues(tmp_path: Path) -> None:
    if REDIS_7_0 not in find_real_servers():
        pytest.skip("no Redis 7.0 on this machine")
    seen = with_each([OURS, *oracles()], lambda program: converse(program, tmp_path))
    ours = seen.pop(OURS)
    may_differ = differences("reply")
    wrong = []
    for name, replies in ours.items():
        for number, (request, reply) in enumerate(replies):
            expected = [one[name][number][1] for one in seen.values()]
            if request.startswith("7.2 ") and REDIS_7_2 not in seen:
                continue
            if reply not in expected and not may_differ(f"{name} / {request}"):
                wrong.append(f"{name} / {request}\n" + "\n".join(compared(reply, one) for one in expected))
    assert not wrong, "\n" + "\n".join(wrong)


def compared(ours: object, real: object) -> str:
    """Both, or of two long lists what only one of them has."""
    if isinstance(ours, list) and isinstance(real, list):
        changes = difflib.unified_diff(real, ours, "real", "ours", lineterm="", n=0)
        return "\n".join(f"    {line}" for line in changes)
    return f"    real: {real}\n    ours: {ours}"
