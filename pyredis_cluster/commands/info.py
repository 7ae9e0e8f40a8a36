"""INFO."""

from __future__ import annotations

from pyredis_cluster.execution.command import Group

info = Group("server")
