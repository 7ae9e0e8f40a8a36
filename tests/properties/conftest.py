"""One pair of servers for all random tests of a session, and how many examples they run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.properties.commands import Servers
from tests.support.servers import (
    REDIS_7_0,
    REDIS_7_2,
    VALKEY_8_1,
    find_real_servers,
    our_program,
    start_server,
)

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=60, derandomize=True, **_COMMON)  # type: ignore[arg-type]
settings.register_profile("deep", max_examples=5000, **_COMMON)  # type: ignore[arg-type]
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# With the usual thresholds random data stays small; with these every container changes its encoding early.
_TIGHT = (
    *("hash-max-listpack-entries", 4, "hash-max-listpack-value", 5, "list-max-listpack-size", 3),
    *("set-max-intset-entries", 3, "set-max-listpack-entries", 4, "set-max-listpack-value", 5),
    *("zset-max-listpack-entries", 4, "zset-max-listpack-value", 5),
)
_USUAL = (
    *("hash-max-listpack-entries", 128, "hash-max-listpack-value", 64, "list-max-listpack-size", -2),
    *("set-max-intset-entries", 512, "set-max-listpack-entries", 128, "set-max-listpack-value", 64),
    *("zset-max-listpack-entries", 128, "zset-max-listpack-value", 64),
)


@pytest.fixture(scope="session")
def started() -> Iterator[Servers]:
    """Ours, and Redis 7.2 or else both Redis 7.0 and Valkey 8.1: either alone is not as 7.2 everywhere."""
    found = find_real_servers()
    names = [REDIS_7_2] if REDIS_7_2 in found else [REDIS_7_0, VALKEY_8_1]
    if not all(name in found for name in names):
        pytest.skip("neither Redis 7.2 nor both Redis 7.0 and Valkey 8.1 on this machine")
    with contextlib.ExitStack() as stack:
        clients = []
        for program in (our_program(), *(found[name] for name in names)):
            server = stack.enter_context(start_server(program))
            clients.append(stack.enter_context(server.connect()))
        yield Servers(clients[0], tuple(clients[1:]))


@pytest.fixture(scope="session", params=[_USUAL, _TIGHT], ids=["usual thresholds", "tight thresholds"])
def servers(request: pytest.FixtureRequest, started: Servers) -> Servers:
    """The same with either set of thresholds between encodings."""
    thresholds = request.param
    for client in (started.ours, *started.real):
        for name, value in zip(thresholds[::2], thresholds[1::2], strict=True):
            # Redis 7.0 has no listpacks of sets and does not know their thresholds.
            client.call("CONFIG", "SET", name, value)
    return started
