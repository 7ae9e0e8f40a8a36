"""The server as a whole: databases, time, shutdown."""

from __future__ import annotations

from pyredis_cluster.execution.command import Group

server = Group("server")
