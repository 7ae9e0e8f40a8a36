"""MEMORY and its subcommands."""

from __future__ import annotations

from pyredis_cluster.execution.command import Group

memory = Group("server")
