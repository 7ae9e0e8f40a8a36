"""The version of this package, and the versions of Redis that it can be.

`REDIS_VERSION` is the one whose commands, replies and texts the code has; what differed before is declared
beside it (`execution/personality.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__version__ = "0.1.0"

REDIS_VERSION = "7.2.5"
"""Reported as `redis_version`: commands, replies and texts are those of this release."""

Version = tuple[int, int]
"""Major and minor: within them Redis changes nothing that a client is told."""


def version(text: str) -> Version:
    """What `7.0.0`, or a release, belongs to; raises ValueError for what is no version."""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


NEWEST = version(REDIS_VERSION)

RELEASES: Mapping[Version, str] = MappingProxyType(
    {(6, 2): "6.2.14", (7, 0): "7.0.15", NEWEST: REDIS_VERSION}
)
"""The release that a server of each version says it is."""

NAMES = tuple(f"{major}.{minor}" for major, minor in RELEASES)
"""The versions as `redis-version` has them."""
