"""The Memory section of INFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cluster.commands.info_fields import Facts, Fields
from pyredis_cluster.execution.memory_report import MemoryReport, look

if TYPE_CHECKING:
    from pyredis_cluster.execution.server_state import ServerState


def memory(server: ServerState, facts: Facts) -> Fields:
    """# Memory"""
    report = look(server, facts)
    yield from _with_human("used_memory", report.used)
    yield from _with_human("used_memory_rss", report.rss)
    yield from _with_human("used_memory_peak", report.peak)
    yield "used_memory_peak_perc", f"{report.peak_percentage:.2f}%"
    yield "used_memory_overhead", report.overhead
    yield "used_memory_startup", report.startup
    yield "used_memory_dataset", report.dataset
    yield "used_memory_dataset_perc", f"{report.dataset_percentage:.2f}%"
    yield "allocator_allocated", report.used
    yield "allocator_active", report.rss
    yield "allocator_resident", report.rss
    yield from _with_human("total_system_memory", int(facts.get("total_system_memory", 0)))
    yield from _scripts()
    yield from _with_human("maxmemory", server.config.integer("maxmemory"))
    yield "maxmemory_policy", server.config.text("maxmemory-policy")
    yield from _allocator(report)
    yield "mem_not_counted_for_evict", 0
    yield "mem_replication_backlog", report.replication.backlog
    yield "mem_total_replication_buffers", report.replication.buffers
    yield "mem_clients_slaves", report.replication.replicas
    yield "mem_clients_normal", report.clients
    yield "mem_cluster_links", report.cluster_links
    yield "mem_aof_buffer", 0
    yield "mem_allocator", "libc"
    yield "active_defrag_running", 0
    yield "lazyfree_pending_objects", 0
    yield "lazyfreed_objects", server.statistics.lazyfreed_objects


def _scripts() -> Fields:
    """Memory of scripts and functions, of which there are none."""
    yield "used_memory_lua", 0
    yield "used_memory_vm_eval", 0
    yield "used_memory_lua_human", human(0)
    yield "used_memory_scripts_eval", 0
    yield "number_of_cached_scripts", 0
    yield "number_of_functions", 0
    yield "number_of_libraries", 0
    yield "used_memory_vm_functions", 0
    yield from _with_human("used_memory_vm_total", 0)
    yield "used_memory_functions", 0
    yield from _with_human("used_memory_scripts", 0)


def _allocator(report: MemoryReport) -> Fields:
    yield "allocator_frag_ratio", f"{report.fragmentation:.2f}"
    yield "allocator_frag_bytes", report.fragmentation_bytes
    yield "allocator_rss_ratio", "1.00"
    yield "allocator_rss_bytes", 0
    yield "rss_overhead_ratio", "1.00"
    yield "rss_overhead_bytes", 0
    yield "mem_fragmentation_ratio", f"{report.fragmentation:.2f}"
    yield "mem_fragmentation_bytes", report.fragmentation_bytes


def _with_human(field: str, size: int) -> Fields:
    yield field, size
    yield f"{field}_human", human(size)


def human(size: int) -> str:
    """A number of bytes in the largest unit that leaves at least 1."""
    if size < 1024:
        return f"{size}B"
    number = float(size)
    for unit in "KMGTP":
        number /= 1024
        if number < 1024:
            return f"{number:.2f}{unit}"
    return f"{size}B"
