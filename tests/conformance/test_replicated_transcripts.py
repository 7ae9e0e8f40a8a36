"""What transcripts do to keys comes to a replica, of ours or real ones, and into our append-only file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conformance.runner import Target, run_section
from tests.conformance.transcript import Section, load_group
from tests.support.digests import describe_difference, digest
from tests.support.replicating import follow, wait_for_link, wait_until
from tests.support.servers import (
    REDIS_7_2,
    VALKEY_8_1,
    Program,
    find_real_servers,
    our_program,
    start_server,
)
from tests.support.wire import RawClient

pytestmark = [pytest.mark.slow, pytest.mark.real_server]

GROUPS = [
    *("strings", "lists", "hashes", "sets", "sorted_sets", "generic", "expiry", "transactions", "blocking"),
    *("scan", "limits", "dump"),
]
SETTLED_S = 10.0


class ReplicatedTarget(Target):
    """A target whose replica stays connected."""

    def clear(self) -> None:
        """As ever, but for the connections of replicas."""
        self.control("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.control("CLIENT", "KILL", "TYPE", "pubsub")
        self.control("DEBUG", "SET-ACTIVE-EXPIRE", 1)
        self.control("FLUSHALL")


def oracle() -> Program:
    """Redis 7.2, or the server that was made from it."""
    found = find_real_servers()
    program = found.get(REDIS_7_2) or found.get(VALKEY_8_1)
    if program is None:
        pytest.skip("neither Redis 7.2 nor Valkey 8.1 on this machine")
    return program


@contextmanager
def replicated(primary: Program, replica: Program) -> Iterator[tuple[ReplicatedTarget, RawClient]]:
    """A target, and a connection to its replica."""
    target = ReplicatedTarget(primary)
    try:
        target.control("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        target.control("CONFIG", "SET", "appendonly", "yes")
        with start_server(replica) as server, server.connect() as client:
            follow(client, target.server.port)
            wait_for_link(client)
            yield target, client
    finally:
        target.stop()


def sections(group: str) -> list[Section]:
    """Those that a server of its own can run."""
    return [section for section in load_group(group) if section.runs_in(resp=2, cluster=False)]


def check_same(target: ReplicatedTarget, replica: RawClient, section: Section) -> bytes:
    """The digest that primary and replica come to share, expired keys being gone."""
    with target.server.connect() as primary:
        primary.call("WAIT", 1, int(SETTLED_S * 1000))
        wait_until(
            lambda: digest(primary) == digest(replica),
            lambda: f"{section}: {describe_difference(primary, replica)}",
            limit_s=SETTLED_S,
        )
        return digest(primary)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("ours_is", ["primary", "replica"])
def test_effects_reach_the_replica(group: str, ours_is: str) -> None:
    programs = (our_program(), oracle())
    with replicated(*(programs if ours_is == "primary" else programs[::-1])) as (target, replica):
        digests = set()
        for section in sections(group):
            run_section(target, section, 2)
            digests.add(check_same(target, replica, section))
        assert len(digests) > len(sections(group)) // 3, "most leave nothing to compare"


@pytest.mark.parametrize("group", GROUPS)
def test_effects_are_in_the_aof(group: str) -> None:
    target = Target(our_program())
    try:
        target.control("CONFIG", "SET", "appendonly", "yes")
        wait_until(lambda: b"aof_rewrite_in_progress:0" in _persistence(target))
        for section in sections(group):
            run_section(target, section, 2)
            with target.server.connect() as client:
                drop_keys_that_expire_soon(client)
                before = digest(client)
                assert client.call("DEBUG", "LOADAOF") == b"+OK\r\n", section
                assert digest(client) == before, section
    finally:
        target.stop()


def _persistence(target: Target) -> bytes:
    value = target.control("INFO", "persistence").value
    assert isinstance(value, bytes)
    return value


def drop_keys_that_expire_soon(client: RawClient) -> None:
    """Those that could be there when one digest is made and gone at the next."""
    keys = [key.value for key in client.ask("KEYS", "*").items if isinstance(key.value, bytes)]
    times = client.pipeline([["PTTL", key] for key in keys])
    soon = [key for key, time in zip(keys, times, strict=True) if 0 <= int(time[1:-2]) < 5000]
    client.call("DEL", "none", *soon)
