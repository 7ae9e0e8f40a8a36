"""The pytest plugin: servers and clusters as fixtures, with no conftest needed.

    def test_something(redis_cluster):
        client = redis_cluster.client()

    @pytest.mark.redis_cluster(primaries=5, node_timeout_ms=200)
    async def test_something_else(async_redis_cluster): ...

They run in a thread of their own, so the test may have any event loop or none. A test that ends gives them
back, and the next one that asks for the same gets them as they were at first, which takes milliseconds. The
report of a test that fails has what happened on the servers, and what their logs told.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # Not imported before a test asks for a server: most runs of pytest have none.
    from pyredis_cluster.testing.awaitable import AwaitableCluster, AwaitableNode
    from pyredis_cluster.testing.awaitable_sentinels import AwaitableSentinelGroup
    from pyredis_cluster.testing.blocking import BlockingCluster, BlockingNode
    from pyredis_cluster.testing.blocking_sentinels import BlockingSentinelGroup
    from pyredis_cluster.testing.pool import Pool

_MARKERS = {
    "redis_server": "the arguments of pyredis_cluster.Server for the server of this test",
    "redis_cluster": "the arguments of pyredis_cluster.Cluster for the cluster of this test",
    "redis_sentinel": "the arguments of pyredis_cluster.SentinelGroup for the servers of this test",
}
_LENT = pytest.StashKey[list[Any]]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for name, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}(**options): {meaning}")


@pytest.fixture(scope="session")
def _redis_pool() -> Iterator[Pool]:
    from pyredis_cluster.testing.pool import Pool

    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture
def redis_server(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[BlockingNode]:
    """A server without data; `@pytest.mark.redis_server(…)` has its options."""
    from pyredis_cluster.testing.blocking import BlockingNode
    from pyredis_cluster.testing.server import Server

    with _redis_pool.lend(Server, _options(request, "redis_server")) as server:
        _note(request, server)
        yield BlockingNode(server.nodes[0], _redis_pool.thread)


@pytest.fixture
def async_redis_server(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[AwaitableNode]:
    """The same with asynchronous clients, and methods to be awaited."""
    from pyredis_cluster.testing.awaitable import AwaitableNode
    from pyredis_cluster.testing.server import Server

    with _redis_pool.lend(Server, _options(request, "redis_server")) as server:
        _note(request, server)
        yield AwaitableNode(server.nodes[0], _redis_pool.thread)


@pytest.fixture
def redis_cluster(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[BlockingCluster]:
    """A cluster as new; `@pytest.mark.redis_cluster(…)` has its options."""
    from pyredis_cluster.testing.blocking import BlockingCluster
    from pyredis_cluster.testing.cluster import Cluster

    with _redis_pool.lend(Cluster, _options(request, "redis_cluster")) as cluster:
        _note(request, cluster)
        yield BlockingCluster(cluster, _redis_pool.thread)


@pytest.fixture
def async_redis_cluster(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[AwaitableCluster]:
    """The same with asynchronous clients, and methods to be awaited."""
    from pyredis_cluster.testing.awaitable import AwaitableCluster
    from pyredis_cluster.testing.cluster import Cluster

    with _redis_pool.lend(Cluster, _options(request, "redis_cluster")) as cluster:
        _note(request, cluster)
        yield AwaitableCluster(cluster, _redis_pool.thread)


@pytest.fixture
def redis_sentinel(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[BlockingSentinelGroup]:
    """A primary, replicas and sentinels as new; `@pytest.mark.redis_sentinel(…)` has their options."""
    from pyredis_cluster.testing.blocking_sentinels import BlockingSentinelGroup
    from pyredis_cluster.testing.sentinel_group import SentinelGroup

    with _redis_pool.lend(SentinelGroup, _options(request, "redis_sentinel")) as group:
        _note(request, group)
        yield BlockingSentinelGroup(group, _redis_pool.thread)


@pytest.fixture
def async_redis_sentinel(
    request: pytest.FixtureRequest, _redis_pool: Pool
) -> Iterator[AwaitableSentinelGroup]:
    """The same with asynchronous clients, and methods to be awaited."""
    from pyredis_cluster.testing.awaitable_sentinels import AwaitableSentinelGroup
    from pyredis_cluster.testing.sentinel_group import SentinelGroup

    with _redis_pool.lend(SentinelGroup, _options(request, "redis_sentinel")) as group:
        _note(request, group)
        yield AwaitableSentinelGroup(group, _redis_pool.thread)


def _options(request: pytest.FixtureRequest, marker: str) -> dict[str, Any]:
    """What the closest marker says."""
    closest = request.node.get_closest_marker(marker)
    if closest is None:
        return {}
    if closest.args:
        raise pytest.UsageError(f"@pytest.mark.{marker} takes options by name only")
    return dict(closest.kwargs)


def _note(request: pytest.FixtureRequest, servers: Any) -> None:
    request.node.stash.setdefault(_LENT, []).append(servers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure what happened on the servers."""
    report = yield
    if report.failed:
        for servers in item.stash.get(_LENT, []):
            name = type(servers).__name__
            report.sections.append((f"{name} events", servers.story))
            report.sections.append((f"{name} log", servers.log))
    return report
