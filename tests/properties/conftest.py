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
def started() -> Iterator[tuple[RawClient, RawClient]]:
    """Connections to our server and to Redis 7.2, or else to Valkey 8.1."""
    servers = find_real_servers()
    program = servers.get(REDIS_7_2) or servers.get(VALKEY_8_1)
    if program is None:
        pytest.skip("no real server on this machine")
    with (
        start_server(our_program()) as our_server,
        start_server(program) as real_server,
        our_server.connect() as ours,
        real_server.connect() as real,
    ):
        yield ours, real


@pytest.fixture(scope="session", params=[_USUAL, _TIGHT], ids=["usual thresholds", "tight thresholds"])
def servers(
    request: pytest.FixtureRequest, started: tuple[RawClient, RawClient]
) -> tuple[RawClient, RawClient]:
    """The same with either set of thresholds between encodings."""
    for client in started:
        reply = client.call("CONFIG", "SET", *request.param)
        assert reply == b"+OK\r\n", reply
    return started
