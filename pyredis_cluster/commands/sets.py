"""Commands of sets."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

sets = Group("set", Category.SET)
