"""CLUSTER and its subcommands, READONLY, READWRITE, ASKING."""

from __future__ import annotations

from pyredis_cluster.execution.command import Group

cluster = Group("cluster")
