"""The nodes.conf files of a cluster that is new, as its nodes would write them once they have met.

Nodes that start from them need neither introductions nor handshakes: they connect and serve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyredis_cluster.cluster.state import RandomSource
from pyredis_cluster.protocol.slots import SLOT_COUNT

_ID_COUNT = 16**40


@dataclass(frozen=True, slots=True)
class Founder:
    """Where a node of a new cluster is reached."""

    ip: str
    port: int
    bus_port: int
    tls_port: int = 0
    hostname: str = ""


def found(founders: Sequence[Founder], primary_count: int, random: RandomSource) -> list[str]:
    """A nodes.conf for each of `founders`: the first `primary_count` share the slots evenly, the others
    replicate them in turn, and each has the config epoch that `redis-cli --cluster create` gives it.
    """
    ids = [f"{random.randrange(_ID_COUNT):040x}" for _ in founders]
    shards = [f"{random.randrange(_ID_COUNT):040x}" for _ in range(primary_count)]
    slots = even_ranges(primary_count)
    lines = []
    for at, founder in enumerate(founders):
        shard = at % primary_count
        is_primary = at < primary_count
        address = (
            f"{founder.ip}:{founder.port}@{founder.bus_port},{founder.hostname}"
            f",tls-port={founder.tls_port},shard-id={shards[shard]}"
        )
        role = "master -" if is_primary else f"slave {ids[shard]}"
        first, last = slots[shard]
        owned = f" {first}-{last}" if is_primary else ""
        lines.append((ids[at], address, f"{role} 0 0 {shard + 1} connected{owned}"))
    variables = f"vars currentEpoch {len(founders)} lastVoteEpoch 0"
    return [_file(lines, at, variables) for at in range(len(founders))]


def _file(lines: Iterable[tuple[str, str, str]], myself: int, variables: str) -> str:
    return (
        "".join(
            f"{node_id} {address} {'myself,' if at == myself else ''}{rest}\n"
            for at, (node_id, address, rest) in enumerate(lines)
        )
        + variables
        + "\n"
    )


def even_ranges(count: int) -> list[tuple[int, int]]:
    """All slots in `count` ranges (first, last), as evenly as redis-cli divides them."""
    per_node = SLOT_COUNT / count
    ends = [round(per_node * (at + 1)) - 1 for at in range(count - 1)] + [SLOT_COUNT - 1]
    return list(zip([0] + [end + 1 for end in ends[:-1]], ends, strict=True))
