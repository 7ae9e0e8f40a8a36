"""The version of this package; the Redis version it speaks is `REDIS_VERSION`."""

__version__ = "0.1.0"

REDIS_VERSION = "7.2.5"
"""Reported as `redis_version`: commands, replies and texts are those of this release."""
