"""Nodes that were forgotten on purpose, and must not come back by gossip for a while."""

from __future__ import annotations

from typing import Final

BLACKLIST_TTL_S: Final = 60
_FAR_FUTURE_S: Final = 2**63


class Blacklist:
    """Node id → second of Unix time until which it stays out.

    Source: clusterBlacklist* of the reference.
    """

    def __init__(self) -> None:
        self._until_s: dict[str, int] = {}

    def add(self, node_id: str, now_ms: int, ttl_s: int = BLACKLIST_TTL_S) -> None:
        """Keep `node_id` out for `ttl_s` seconds from now. O(entries), as expired ones are dropped."""
        self._clean(now_ms)
        self._until_s[node_id] = min(now_ms // 1000 + ttl_s, _FAR_FUTURE_S)

    def holds(self, node_id: str, now_ms: int) -> bool:
        """Whether `node_id` must stay out."""
        self._clean(now_ms)
        return node_id in self._until_s

    def remaining_s(self, now_ms: int) -> list[tuple[str, int]]:
        """Each node kept out, with the seconds left."""
        now_s = now_ms // 1000
        return [(node_id, until_s - now_s) for node_id, until_s in self._until_s.items() if until_s >= now_s]

    def clear(self) -> None:
        """Forget that anything was forgotten."""
        self._until_s.clear()

    def _clean(self, now_ms: int) -> None:
        now_s = now_ms // 1000
        for node_id in [node_id for node_id, until_s in self._until_s.items() if until_s < now_s]:
            del self._until_s[node_id]
