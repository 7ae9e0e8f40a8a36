"""The files of `pyredis-cluster up --sentinels`: roles change, and these say which they are.

A server's redis.conf says whom it follows, and sentinels have it rewritten after a failover; so what comes
back from a directory comes back in the roles that it had.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyredis_cluster.cli.configuration import load_config
from pyredis_cluster.cli.up_options import MASTER_NAME, NodePlan, UpOptions, fixed_lines, node_config
from pyredis_cluster.config.command_line import CommandLine
from pyredis_cluster.protocol.words import quote_word
from pyredis_cluster.sentinel.founding import known_lines

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config

_DOWN_AFTER_MS = 5000
_FAILOVER_TIMEOUT_MS = 60_000
_ID_COUNT = 16**40


def found_group(options: UpOptions, plans: Sequence[NodePlan]) -> None:
    """Write the files of new servers and sentinels; those that are there stay. Raises OSError and UpError."""
    servers = [node for node in plans if not node.is_sentinel]
    sentinels = [node for node in plans if node.is_sentinel]
    for node in servers:
        _write_new(
            node.conf_file, [] if node is servers[0] else [f"replicaof {options.host} {servers[0].port}"]
        )
    password = node_config(options, servers[0]).data("requirepass")
    ids = [f"{random.randrange(_ID_COUNT):040x}" for _ in sentinels]
    for node, my_id in zip(sentinels, ids, strict=True):
        others = [(run_id, each.port) for run_id, each in zip(ids, sentinels, strict=True) if run_id != my_id]
        ports = [each.port for each in servers]
        quorum = len(sentinels) // 2 + 1
        lines = known_lines(MASTER_NAME, options.host, ports[0], quorum, ports[1:], others, my_id)
        lines += [
            f"sentinel down-after-milliseconds {MASTER_NAME} {_DOWN_AFTER_MS}",
            f"sentinel failover-timeout {MASTER_NAME} {_FAILOVER_TIMEOUT_MS}",
        ]
        if password:
            lines.append(f"sentinel auth-pass {MASTER_NAME} {quote_word(password).decode('latin-1')}")
        _write_new(node.conf_file, lines)


def sentinel_config(options: UpOptions, node: NodePlan) -> Config:
    """The configuration of one sentinel."""
    lines = [*fixed_lines(node), b"bind " + " ".join(options.addresses).encode()]
    if options.directory is None:
        lines.append(b"loglevel warning")
    overrides = b"\n".join(lines)
    return load_config(CommandLine(config_file=node.conf_file, overrides=overrides, sentinel=True))


def _write_new(path: str, lines: Sequence[str]) -> None:
    if not os.path.exists(path):
        with open(path, "w", encoding="latin-1") as file:
            file.write("".join([f"{line}\n" for line in lines]))
