"""What a sentinel needs to know of its server's directives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SentinelSettings:
    """Kept up to date by the shell.

    `port` is what this sentinel tells others unless `sentinel announce-port` does: the TLS port where
    `tls-replication` is on. `password` is `requirepass`, by which sentinels without a password of their own
    authenticate to each other; None where there is none. `log_level` is for SENTINEL CONFIG GET.
    """

    port: int = 26379
    password: bytes | None = None
    log_level: str = "notice"
