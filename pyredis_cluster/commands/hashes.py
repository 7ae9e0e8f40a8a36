"""Commands of hashes."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

hashes = Group("hash", Category.HASH)
