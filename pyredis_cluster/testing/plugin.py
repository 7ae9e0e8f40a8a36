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

import contextlib
import inspect
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    # Not imported before a test asks for a server: most runs of pytest have none.
    from pyredis_cluster.testing.awaitable import AwaitableCluster, AwaitableNode
    from pyredis_cluster.testing.awaitable_sentinels import AwaitableSentinelGroup
    from pyredis_cluster.testing.blocking import BlockingCluster, BlockingNode
    from pyredis_cluster.testing.blocking_sentinels import BlockingSentinelGroup
    from pyredis_cluster.testing.loop_thread import LoopThread
    from pyredis_cluster.testing.pool import Pool

_MARKERS = {
    "redis_server": "the arguments of pyredis_cluster.Server for the server of this test",
    "redis_cluster": "the arguments of pyredis_cluster.Cluster for the cluster of this test",
    "redis_sentinel": "the arguments of pyredis_cluster.SentinelGroup for the servers of this test",
}
_LENT = pytest.StashKey[list[tuple[Any, "LoopThread"]]]()


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

    with _lent(request, _redis_pool, Server, "redis_server") as server:
        yield BlockingNode(server.nodes[0], _redis_pool.thread)


@pytest.fixture
def async_redis_server(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[AwaitableNode]:
    """The same with asynchronous clients, and methods to be awaited."""
    from pyredis_cluster.testing.awaitable import AwaitableNode
    from pyredis_cluster.testing.server import Server

    with _lent(request, _redis_pool, Server, "redis_server") as server:
        yield AwaitableNode(server.nodes[0], _redis_pool.thread)


@pytest.fixture
def redis_cluster(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[BlockingCluster]:
    """A cluster as new; `@pytest.mark.redis_cluster(…)` has its options."""
    from pyredis_cluster.testing.blocking import BlockingCluster
    from pyredis_cluster.testing.cluster import Cluster

    with _lent(request, _redis_pool, Cluster, "redis_cluster") as cluster:
        yield BlockingCluster(cluster, _redis_pool.thread)


@pytest.fixture
def async_redis_cluster(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[AwaitableCluster]:
    """The same with asynchronous clients, and methods to be awaited."""
    from pyredis_cluster.testing.awaitable import AwaitableCluster
    from pyredis_cluster.testing.cluster import Cluster

    with _lent(request, _redis_pool, Cluster, "redis_cluster") as cluster:
        yield AwaitableCluster(cluster, _redis_pool.thread)


@pytest.fixture
def redis_sentinel(request: pytest.FixtureRequest, _redis_pool: Pool) -> Iterator[BlockingSentinelGroup]:
    """A primary, replicas and sentinels as new; `@pytest.mark.redis_sentinel(…)` has their options."""
    from pyredis_cluster.testing.blocking_sentinels import BlockingSentinelGroup
    from pyredis_cluster.testing.sentinel_group import SentinelGroup

    with _lent(request, _redis_pool, SentinelGroup, "redis_sentinel") as group:
        yield BlockingSentinelGroup(group, _redis_pool.thread)


@pytest.fixture
def async_redis_sentinel(
    request: pytest.FixtureRequest, _redis_pool: Pool
) -> Iterator[AwaitableSentinelGroup]:
    """The same with asynchronous clients, and methods to be awaited."""
    from pyredis_cluster.testing.awaitable_sentinels import AwaitableSentinelGroup
    from pyredis_cluster.testing.sentinel_group import SentinelGroup

    with _lent(request, _redis_pool, SentinelGroup, "redis_sentinel") as group:
        yield AwaitableSentinelGroup(group, _redis_pool.thread)


@contextlib.contextmanager
def _lent(request: pytest.FixtureRequest, pool: Pool, kind: type[Any], marker: str) -> Iterator[Any]:
    """Servers for this test, as its marker has them; its report tells what happens on them from now on."""
    from pyredis_cluster.server.errors import StartError

    reason = ""
    with contextlib.ExitStack() as lending:
        try:
            servers = lending.enter_context(pool.lend(kind, _options(request, kind, marker)))
        except (ValueError, StartError) as error:
            reason = f"{marker}: {error}"
        if reason:
            # It is the test that is wrong: how we found out is of no interest.
            pytest.fail(reason, pytrace=False)
        pool.thread.call(servers.surroundings.timeline.begin)
        servers.surroundings.log.clear()
        request.node.stash.setdefault(_LENT, []).append((servers, pool.thread))
        yield servers


def _options(request: pytest.FixtureRequest, kind: type[Any], marker: str) -> dict[str, Any]:
    """What the closest marker says. Raises ValueError for what `kind` does not take."""
    closest = request.node.get_closest_marker(marker)
    if closest is None:
        return {}
    if closest.args:
        raise ValueError("the marker takes options by name only")
    known = inspect.signature(kind).parameters
    unknown = [name for name in closest.kwargs if name not in known]
    if unknown:
        raise ValueError(f"there is no option {unknown[0]!r}, but {', '.join(known)}")
    return dict(closest.kwargs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure what happened on the servers."""
    report = yield
    if report.failed:
        lent, fixtures = item.stash.get(_LENT, []), getattr(item, "funcargs", {})
        if lent or "pyredis_cluster.testing.hosted" in sys.modules:
            from pyredis_cluster.testing.report import sections

            report.sections.extend(sections(lent, fixtures.values()))
    return report
