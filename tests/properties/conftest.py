"""One pair of servers for all random tests of a session, and how many examples they run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.servers import REDIS_7_2, VALKEY_8_1, find_real_servers, our_program, start_server
from tests.support.wire import RawClient

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=60, derandomize=True, **_COMMON)  # type: ignore[arg-type]
settings.register_profile("deep", max_examples=5000, **_COMMON)  # type: ignore[arg-type]
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def real() -> Iterator[RawClient]:
    """A connection to Redis 7.2, or else to Valkey 8.1."""
    servers = find_real_servers()
    program = servers.get(REDIS_7_2) or servers.get(VALKEY_8_1)
    if program is None:
        pytest.skip("no real server on this machine")
    with start_server(program) as server, server.connect() as client:
        yield client


@pytest.fixture(scope="session")
def ours() -> Iterator[RawClient]:
    """A connection to our server."""
    with start_server(our_program()) as server, server.connect() as client:
        yield client
