"""A Redis Cluster server emulator in pure Python, compatible on every wire."""

from pyredis_cluster.version import __version__

__all__ = ["__version__"]
