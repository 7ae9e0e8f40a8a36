"""Counters of one server that INFO shows and CONFIG RESETSTAT clears."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Statistics:
    """Plain counters; bytes and connections are counted by the shell, the rest by execution."""

    connections_received: int = 0
    rejected_connections: int = 0
    net_input_bytes: int = 0
    net_output_bytes: int = 0
    net_repl_input_bytes: int = 0
    net_repl_output_bytes: int = 0
    sync_full: int = 0
    sync_partial_ok: int = 0
    sync_partial_err: int = 0
    unexpected_error_replies: int = 0
    total_error_replies: int = 0
    reads_processed: int = 0
    writes_processed: int = 0
    client_output_buffer_limit_disconnections: int = 0
    client_query_buffer_limit_disconnections: int = 0
    evicted_clients: int = 0
    acl_denied_auth: int = 0
    lazyfreed_objects: int = 0
    rdb_saves: int = 0
    errors: dict[bytes, int] = field(default_factory=dict)
    """Error code → replies with it."""

    @property
    def all_input_bytes(self) -> int:
        """What came from clients and from a primary."""
        return self.net_input_bytes + self.net_repl_input_bytes

    @property
    def all_output_bytes(self) -> int:
        """What went to clients and to replicas."""
        return self.net_output_bytes + self.net_repl_output_bytes

    def reset(self) -> None:
        """Back to zero."""
        fresh = Statistics()
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))
