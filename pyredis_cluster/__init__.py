"""A Redis Cluster server emulator in pure Python, compatible on every wire."""

from typing import TYPE_CHECKING, Any

from pyredis_cluster.version import __version__

if TYPE_CHECKING:
    from pyredis_cluster.testing.cluster import Cluster as Cluster
    from pyredis_cluster.testing.sentinel_group import SentinelGroup as SentinelGroup
    from pyredis_cluster.testing.server import Server as Server
    from pyredis_cluster.testing.virtual_time import virtual_time as virtual_time

__all__ = ["Cluster", "SentinelGroup", "Server", "__version__", "virtual_time"]

_FOR_TESTS = {
    "Cluster": "cluster",
    "SentinelGroup": "sentinel_group",
    "Server": "server",
    "virtual_time": "virtual_time",
}


def __getattr__(name: str) -> Any:
    # The program starts without what only tests use.
    if name not in _FOR_TESTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"pyredis_cluster.testing.{_FOR_TESTS[name]}"), name)
