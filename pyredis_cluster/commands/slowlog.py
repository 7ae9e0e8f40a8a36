"""SLOWLOG and its subcommands."""

from __future__ import annotations

from pyredis_cluster.execution.command import Group

slowlog = Group("server")
