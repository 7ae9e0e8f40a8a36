"""How often a sentinel does what, and for how long it waits: what SENTINEL DEBUG shows and changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Periods:
    """In milliseconds, in the order of SENTINEL DEBUG; an option is the field's name without `_ms`."""

    info_period_ms: int = 10_000
    ping_period_ms: int = 1000
    ask_period_ms: int = 1000
    publish_period_ms: int = 2000
    default_down_after_ms: int = 30_000
    default_failover_timeout_ms: int = 180_000
    tilt_trigger_ms: int = 2000
    tilt_period_ms: int = 30_000
    slave_reconf_timeout_ms: int = 10_000
    min_link_reconnect_period_ms: int = 15_000
    election_timeout_ms: int = 10_000
    script_max_runtime_ms: int = 60_000
    script_retry_delay_ms: int = 30_000
