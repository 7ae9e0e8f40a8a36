"""Commands of sorted sets."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

sorted_sets = Group("sorted-set", Category.SORTEDSET)
