"""CLIENT and its subcommands."""

from __future__ import annotations

from pyredis_cluster.execution.command import Category, Group

clients = Group("connection", Category.CONNECTION)
