"""The servers of the conformance tests: one of each kind and mode for a whole test session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.runner import Target
from tests.support.servers import REDIS_7_0, REDIS_7_2, VALKEY_8_1, Program, find_real_servers, our_program

Laboratory = Callable[[Program, bool], Target]


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    """A function (program, cluster) → Target; every server it started ends with the session."""
    targets: dict[tuple[str, bool], Target] = {}

    def target(program: Program, cluster: bool) -> Target:
        key = (program.name, cluster)
        if key not in targets:
            targets[key] = Target(program, cluster=cluster)
        return targets[key]

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
