"""What a sentinel needs to know of its server's directives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SentinelSettings:
    """Kept up to date by the shell.

    `port` is what this sentinel tells others unless `sentinel announce-port` does: the TLS port where
    `tls-replication` is on. `password` is `requirepass`, by which sentinels without a password of their own
    authenticate to each other; None where there is none. `log_level` is for SENTINEL CONFIG GET.

    The rest is fixed in the reference, and less only for tests: how long a sentinel waits at most, by chance,
    lest others act at the same moment, and how often replicas are asked for INFO while something is amiss.
    """

    port: int = 26379
    password: bytes | None = None
    log_level: str = "notice"
    max_desync_ms: int = 1000
    busy_info_period_ms: int = 1000
