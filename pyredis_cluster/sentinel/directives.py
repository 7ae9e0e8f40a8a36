"""The `sentinel` lines of a configuration file: taking them over, and writing the state as such lines."""

from __future__ import annotations

from typing import Final

from pyredis_cluster.config.config import SentinelLine

OPTIONS: Final = (
    b"sentinel myid",
    b"sentinel deny-scripts-reconfig",
    b"sentinel resolve-hostnames",
    b"sentinel announce-hostnames",
    b"sentinel monitor",
    b"sentinel down-after-milliseconds",
    b"sentinel failover-timeout",
    b"sentinel parallel-syncs",
    b"sentinel notification-script",
    b"sentinel client-reconfig-script",
    b"sentinel auth-pass",
    b"sentinel auth-user",
    b"sentinel master-reboot-down-after-period",
    b"sentinel config-epoch",
    b"sentinel leader-epoch",
    b"sentinel known-slave",
    b"sentinel known-replica",
    b"sentinel known-sentinel",
    b"sentinel rename-command",
    b"sentinel current-epoch",
    b"sentinel announce-ip",
    b"sentinel announce-port",
    b"sentinel sentinel-user",
    b"sentinel sentinel-pass",
)
"""The options that rewriting sentinel.conf brings up to date: old lines of them that are left over go."""


class DirectiveError(ValueError):
    """A `sentinel` line that cannot be taken over; the message is the reference's."""

    def __init__(self, message: str, line: SentinelLine) -> None:
        super().__init__(message)
        self.line = line
