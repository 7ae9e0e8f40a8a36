"""Facts of the process for INFO."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pyredis_cluster.server.process import monotonic_clock

if TYPE_CHECKING:
    from pyredis_cluster.config.config import Config
    from pyredis_cluster.server.server import Server


def information(server: Server) -> dict[str, str]:
    """What INFO shows of process and platform, by field name."""
    import platform  # slow to import, and no server needs it to start

    config = server.config
    facts = {
        "process_id": str(os.getpid()),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "arch_bits": str(64 if sys.maxsize > 1 << 32 else 32),
        "executable": os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else sys.executable,
        "config_file": config.config_file,
        "tcp_port": str(config.integer("port")),
        "multiplexing_api": server.network.api,
        "monotonic_clock": monotonic_clock(),
    }
    if server.migrations is not None:
        facts["migrate_cached_sockets"] = str(server.migrations.kept_count)
    if server.stopping.waits_until_ms is not None:
        left_ms = server.stopping.waits_until_ms - server.state.keyspace.now_ms
        facts["shutdown_in_milliseconds"] = str(left_ms)
    facts |= server.persistence.information()
    if server.cluster is not None:
        facts |= server.cluster.information()
    return facts | listeners(config) | cpu_seconds() | memory()


def listeners(config: Config) -> dict[str, str]:
    """What the server listens on: for each kind the addresses as `bind` has them."""
    found: list[str] = []
    port = config.integer("port")
    if port:
        addresses = "".join(f",bind={address}" for address in config.words("bind"))
        found.append(f"name=tcp{addresses},port={port}")
    if config.text("unixsocket"):
        found.append(f"name=unix,bind={config.text('unixsocket')}")
    return {f"listener{at}": line for at, line in enumerate(found)}


def cpu_seconds() -> dict[str, str]:
    """CPU time used by the process, by its children, and by its main thread where that is known."""
    try:
        import resource
    except ImportError:
        times = os.times()
        return {
            "used_cpu_sys": f"{times.system:.6f}",
            "used_cpu_user": f"{times.user:.6f}",
            "used_cpu_sys_children": f"{times.children_system:.6f}",
            "used_cpu_user_children": f"{times.children_user:.6f}",
        }
    whom = [("", resource.RUSAGE_SELF), ("_children", resource.RUSAGE_CHILDREN)]
    if hasattr(resource, "RUSAGE_THREAD"):
        whom.append(("_main_thread", resource.RUSAGE_THREAD))
    facts: dict[str, str] = {}
    for suffix, who in whom:
        usage = resource.getrusage(who)
        facts[f"used_cpu_sys{suffix}"] = f"{usage.ru_stime:.6f}"
        facts[f"used_cpu_user{suffix}"] = f"{usage.ru_utime:.6f}"
    return facts


def memory() -> dict[str, str]:
    """Memory of process and machine, as far as the platform tells."""
    facts: dict[str, str] = {}
    try:
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        facts["total_system_memory"] = str(page_bytes * os.sysconf("SC_PHYS_PAGES"))
        with open("/proc/self/statm", encoding="ascii") as statm:
            facts["used_memory_rss"] = str(int(statm.read().split()[1]) * page_bytes)
    except (OSError, ValueError, AttributeError, IndexError):
        pass
    return facts
