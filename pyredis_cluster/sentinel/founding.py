"""What sentinels that are new are told of each other, so that they need not meet first."""

from __future__ import annotations

from collections.abc import Iterable


def known_lines(
    name: str,
    host: str,
    primary_port: int,
    quorum: int,
    replica_ports: Iterable[int],
    sentinels: Iterable[tuple[str, int]],
    my_id: str,
) -> list[str]:
    """`sentinel` lines of one that has met everybody, all on one host: `sentinels` are the others, by id."""
    return [
        f"sentinel myid {my_id}",
        f"sentinel monitor {name} {host} {primary_port} {quorum}",
        f"sentinel config-epoch {name} 0",
        f"sentinel leader-epoch {name} 0",
        *[f"sentinel known-replica {name} {host} {port}" for port in replica_ports],
        *[f"sentinel known-sentinel {name} {host} {port} {run_id}" for run_id, port in sentinels],
        "sentinel current-epoch 0",
    ]
