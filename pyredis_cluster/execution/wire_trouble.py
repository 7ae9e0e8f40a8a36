"""What may be wrong with the connections of a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Address = tuple[str, int]


def address_text(address: Address) -> str:
    """Host and port as FAULT has them."""
    return f"{address[0]}:{address[1]}"


@dataclass(frozen=True, slots=True)
class WireTrouble:
    """What is wrong with connections of a server: those of some `wires` (none: of all), to one peer or any.

    Wires are `client`, `bus`, `replication` (to this server's primary) and `sentinel` (from a sentinel).
    `peer` is the address at which clients reach another server; it concerns connections that this server
    makes, those to the other one's bus included, not those that it accepts. `latency_ms` is added to
    everything, with up to `jitter_ms` more by chance; `bytes_per_s` is how much passes at most, each way;
    `held_bytes` are not passed on before others follow them. These concern what comes `only` `in`, or goes
    `out`, or both. `blocks_in` and `blocks_out`: nothing passes.
    `drop_probability` is that of a connection to be closed whenever something would pass.
    """

    wires: frozenset[str] = frozenset()
    peer: Address | None = None
    blocks_in: bool = False
    blocks_out: bool = False
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    bytes_per_s: float = 0.0
    held_bytes: int = 0
    only: Literal["in", "out", ""] = ""
    drop_probability: float = 0.0

    def describe(self) -> dict[bytes, bytes | int | float]:
        """What FAULT LIST tells of it, by field."""
        fields: dict[bytes, bytes | int | float] = {}
        if self.wires:
            fields[b"wires"] = " ".join(sorted(self.wires)).encode()
        if self.peer is not None:
            fields[b"peer"] = address_text(self.peer).encode()
        if self.blocks_in or self.blocks_out:
            both = self.blocks_in and self.blocks_out
            fields[b"blocks"] = b"both" if both else b"in" if self.blocks_in else b"out"
        if self.only:
            fields[b"only"] = self.only.encode()
        for name in ("latency_ms", "jitter_ms", "bytes_per_s", "held_bytes", "drop_probability"):
            value = getattr(self, name)
            if value:
                fields[name.replace("_", "-").encode()] = value
        return fields
