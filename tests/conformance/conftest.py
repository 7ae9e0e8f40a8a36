"""The servers of the conformance tests: one of each kind and mode for a whole test session."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.runner import Target
from tests.support.servers import (
    REDIS_7_0,
    REDIS_7_2,
    VALKEY_8_1,
    Program,
    ServerFailedError,
    find_real_servers,
    our_program,
)

Laboratory = Callable[[Program, bool], Target]


@pytest.fixture(scope="session")
def laboratory(oracles: list[Program], ours: Program) -> Iterator[Laboratory]:
    """A function (program, cluster) → Target; every server it started ends with the session."""
    targets: dict[tuple[str, bool], Target] = {}

    def add(program: Program, cluster: bool) -> Target:
        return targets.setdefault((program.name, cluster), Target(program, cluster=cluster))

    def start(one: Target) -> None:
        with contextlib.suppress(ServerFailedError):  # the test that needs it will say so
            one.control("PING")

    def target(program: Program, cluster: bool) -> Target:
        if (program.name, cluster) not in targets:
            # A cluster node needs two seconds to find its slots complete: let them all wait at once.
            fresh = [add(one, cluster) for one in (program, ours, *oracles)]
            with ThreadPoolExecutor(len(fresh)) as pool:
                list(pool.map(start, {one.name: one for one in fresh}.values()))
        return targets[program.name, cluster]

    yield target
    for one in targets.values():
        one.stop()


@pytest.fixture(scope="session")
def oracles() -> list[Program]:
    """The real servers that say what is right."""
    found = [
        find_real_servers()[name]
        for name in (REDIS_7_0, REDIS_7_2, VALKEY_8_1)
        if name in find_real_servers()
    ]
    if not found:
        pytest.skip("no real server on this machine")
    return found


@pytest.fixture(scope="session")
def ours() -> Program:
    """Our server."""
    return our_program()
