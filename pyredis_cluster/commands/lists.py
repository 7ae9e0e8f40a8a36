"""Commands of lists."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

lists = Group("list", Category.LIST)
