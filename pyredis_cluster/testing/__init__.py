"""Tools for tests: servers and clusters inside a test's own process, and simulated worlds.

What fixtures and blocks give has its types here, for annotations:

    def test_something(redis_cluster: BlockingCluster) -> None: ...
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyredis_cluster.testing.awaitable import AwaitableCluster as AwaitableCluster
    from pyredis_cluster.testing.awaitable import AwaitableClusterNode as AwaitableClusterNode
    from pyredis_cluster.testing.awaitable import AwaitableNode as AwaitableNode
    from pyredis_cluster.testing.awaitable_sentinels import AwaitableSentinelGroup as AwaitableSentinelGroup
    from pyredis_cluster.testing.blocking import BlockingCluster as BlockingCluster
    from pyredis_cluster.testing.blocking import BlockingClusterNode as BlockingClusterNode
    from pyredis_cluster.testing.blocking import BlockingNode as BlockingNode
    from pyredis_cluster.testing.blocking_sentinels import BlockingSentinelGroup as BlockingSentinelGroup
    from pyredis_cluster.testing.cluster_node import ClusterNode as ClusterNode
    from pyredis_cluster.testing.node import Node as Node

_MODULES = {
    "AwaitableCluster": "awaitable",
    "AwaitableClusterNode": "awaitable",
    "AwaitableNode": "awaitable",
    "AwaitableSentinelGroup": "awaitable_sentinels",
    "BlockingCluster": "blocking",
    "BlockingClusterNode": "blocking",
    "BlockingNode": "blocking",
    "BlockingSentinelGroup": "blocking_sentinels",
    "ClusterNode": "cluster_node",
    "Node": "node",
}


def __getattr__(name: str) -> Any:
    # Runs of pytest that have no servers have the plugin, too, and should not have to import all of this.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
