"""What the sections of INFO have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from pyredis_cluster.version import Version, version

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState

Facts = Mapping[str, str]
"""What the host tells of the process, by field."""

Fields = Iterable[tuple[str, object]]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SINCE: Mapping[Version, frozenset[str]] = {
    version("7.2"): _words(
        """
        total_blocking_keys total_blocking_keys_on_nokey
        eventloop_cycles eventloop_duration_sum eventloop_duration_cmd_sum
        instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec
        acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key acl_access_denied_channel
        """
    ),
    version("7.0"): _words(
        """
        used_memory_vm_eval used_memory_scripts_eval number_of_functions number_of_libraries
        used_memory_vm_functions used_memory_vm_total used_memory_vm_total_human used_memory_functions
        mem_total_replication_buffers mem_cluster_links
        async_loading current_cow_peak rdb_saves rdb_last_load_keys_expired rdb_last_load_keys_loaded
        aof_rewrites aof_rewrites_consecutive_failures
        total_net_repl_input_bytes total_net_repl_output_bytes
        instantaneous_input_repl_kbps instantaneous_output_repl_kbps
        evicted_clients total_eviction_exceeded_time current_eviction_exceeded_time pubsubshard_channels
        total_active_defrag_time current_active_defrag_time reply_buffer_shrinks reply_buffer_expands
        Latencystats
        """
    ),
}
"""Fields, and sections by their titles, that these versions brought; `listenerN` is of 7.2 too."""


def newer_than(of: Version) -> frozenset[str]:
    """The fields and sections that a server of version `of` does not show."""
    return frozenset[str]().union(*(fields for since, fields in SINCE.items() if of < since))


Section = Callable[["ServerState", Facts], Fields]
"""Gives the fields of a section in Redis's order."""
