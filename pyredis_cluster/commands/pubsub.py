"""Commands of channels."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

pubsub = Group("pubsub", Category.PUBSUB)
