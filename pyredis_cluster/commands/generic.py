"""Commands of keys of any type."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

generic = Group("generic", Category.KEYSPACE)
